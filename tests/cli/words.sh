#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The words of the command line as a user meets them: help, version, mistakes, a full disk, completion.
: "${SAKIMORI_ASAN:=build-asan/sakimori}"
s=$SAKIMORI_ASAN

# NAME EXIT PATTERN WORDS...: exit code, and the pattern in what stdout and stderr say together.
try() {
	name=$1 want=$2 pattern=$3
	shift 3
	out=$("$s" "$@" 2>&1 </dev/null)
	code=$?
	if [ $code != "$want" ]; then
		echo "not ok $name: exit $code"
	elif ! printf '%s\n' "$out" | grep -qE -- "$pattern"; then
		echo "not ok $name: does not say $pattern"
	else
		echo "ok $name"
	fi
}

try 'no words' 2 '^usage: sakimori'
try 'help' 0 '^usage: sakimori' --help
try 'help word' 0 '^nouns:' help
try 'version' 0 '^sakimori [0-9]+\.[0-9]+\.[0-9]+$' --version
try 'unknown noun' 2 'unknown noun .telescop' telescop
try 'nearest noun' 2 'Did you mean .telescope' telescop
try 'noun alone' 2 'sakimori telescope read' telescope
try 'noun help' 0 'sakimori telescope read' telescope --help
try 'verb help' 0 '--count' telescope read --help
try 'nearest verb' 2 'Did you mean .read' telescope raed x
try 'nearest option' 2 'Did you mean .--count' telescope read --cuont x
try 'no arguments' 2 'name capture files' telescope read
try 'manual of no noun' 2 'unknown noun' --manual nothing

if [ -c /dev/full ]; then
	if "$s" --help >/dev/full 2>/dev/null; then
		echo 'not ok full disk: exit 0'
	else
		echo 'ok full disk'
	fi
fi

# Completion: what bash would offer behind these words, one a line.
cat >"${TMPDIR:-/tmp}/complete.bash" <<'B'
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_sakimori
printf '%s\n' "${COMPREPLY[@]}"
B
offer() {
	name=$1 want=$2
	shift 2
	"$s" --completion bash >"${TMPDIR:-/tmp}/sakimori.bash"
	if bash "${TMPDIR:-/tmp}/complete.bash" "${TMPDIR:-/tmp}/sakimori.bash" sakimori "$@" | grep -qxF -- "$want"; then
		echo "ok completion $name"
	else
		echo "not ok completion $name: does not offer $want"
	fi
}
offer nouns telescope tele
offer verbs read telescope ''
offer options --count telescope read --co
offer 'global options' --json --js
offer 'verbs behind global options' read --json --store x telescope re
offer files Makefile telescope read Makef
offer help telescope help tel
