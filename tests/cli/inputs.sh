#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files as commands get them (cmd/inputs.c): what can't be read is told and makes exit 3, the others still count.
: "${SAKIMORI_ASAN:=build-asan/sakimori}" "${TMPDIR:=/tmp}"
s=$SAKIMORI_ASAN
cd "$TMPDIR" || exit 1
"$s" range traffic --profile worst --packets 500 --seed 3 --output dark.pcap || exit 1
n=$("$s" telescope read --json --count dark.pcap | python3 -c 'import json,sys; print(json.load(sys.stdin)["packets"])')
size=$(stat -c %s dark.pcap)

# NAME EXIT PACKETS TRUNCATED SAYS FILE...: exit code, what the object counts, how many files it calls cut or
# unreadable, and what stderr must contain.
try() {
	name=$1 want=$2 packets=$3 truncated=$4 says=$5
	shift 5
	"$s" telescope read --json --count "$@" >out.json 2>err.txt <"${input:-/dev/null}"
	code=$?
	got=$(python3 -c 'import json; o = json.load(open("out.json")); print(o["packets"], len(o["truncated"]))' 2>/dev/null)
	if [ $code != "$want" ]; then
		echo "not ok $name: exit $code; $(head -n 1 err.txt)"
	elif [ "$got" != "$packets $truncated" ]; then
		echo "not ok $name: counts and cuts are $got"
	elif [ -n "$says" ] && ! grep -qF -- "$says" err.txt; then
		echo "not ok $name: does not say $says"
	else
		echo "ok $name"
	fi
}

try 'one file' 0 "$n" 0 '' dark.pcap
try 'twice' 0 $((2 * n)) 0 '' dark.pcap dark.pcap
input=dark.pcap try 'redirected' 0 "$n" 0 '' -
try 'no such file' 3 "$n" 1 'none.pcap: No such file' none.pcap dark.pcap
try 'a directory' 3 "$n" 1 'a directory' dark.pcap .
try 'a device' 3 "$n" 1 'character device' /dev/zero dark.pcap
echo 'no capture at all' >text
try 'not a capture' 3 "$n" 1 'text' text dark.pcap
: >empty
try 'an empty file' 3 "$n" 1 'empty' empty dark.pcap
head -c $((size - 1)) dark.pcap >cut.pcap
try 'cut by a byte' 0 $((n - 1)) 1 '' cut.pcap
head -c 24 dark.pcap >header.pcap
try 'a header alone' 0 0 0 '' header.pcap
gzip -k dark.pcap && try 'gzip' 0 "$n" 0 '' dark.pcap.gz
cat dark.pcap.gz dark.pcap.gz >two.gz && try 'gzip twice' 0 $((2 * n)) 0 '' two.gz
head -c $(($(stat -c %s dark.pcap.gz) - 9)) dark.pcap.gz >cut.gz
"$s" telescope read --json --count cut.gz >out.json 2>err.txt
code=$?
if [ $code = 0 ] && python3 -c 'import json,sys; o = json.load(open("out.json")); sys.exit(not o["truncated"] or not o["packets"])'; then
	echo 'ok gzip cut'
else
	echo "not ok gzip cut: exit $code"
fi
odd=$(printf 'odd\377\033name')
cp dark.pcap "$odd" && try 'a name that is no text' 0 "$n" 0 '' "$odd"
try 'a missing name that is no text' 3 0 1 'odd\xfe' "$(printf 'odd\376')"
mkfifo pipe
(sleep 0.2; head -c 1000 dark.pcap; sleep 0.2; tail -c +1001 dark.pcap) >pipe &
try 'a slow pipe' 0 "$n" 0 '' pipe
wait
ln -s loop loop
try 'a link to itself' 3 "$n" 1 'loop' loop dark.pcap
exit 0
