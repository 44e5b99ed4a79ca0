#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Captures into the store (storing.c): what is read back, a second import, a second writer, a full disk, words that don't go together.
top=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
bin=${SAKIMORI:-$top/build/sakimori}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
fault=0

# judge NAME CONDITION-RESULT WHY
judge() {
	if [ "$2" = 0 ]; then
		echo "ok $1"
	else
		echo "not ok $1: $3"
		fault=1
	fi
}

"$bin" range traffic --profile demo --seed 3 -o "$dir/a.pcap" || exit 1
"$bin" range traffic --profile worst --packets 300k --seed 3 -o "$dir/flood.pcap" || exit 1

"$bin" --json telescope flows "$dir/a.pcap" >"$dir/direct"
"$bin" --store "$dir/st" telescope flows -s "$dir/a.pcap" >/dev/null 2>"$dir/said"
grep -q 'stored 60000 flows' "$dir/said"
judge stores-all $? "$(cat "$dir/said")"
"$bin" --json --store "$dir/st" telescope flows --from 2020-01-01 >"$dir/back"
cmp -s "$dir/direct" "$dir/back"
judge gives-back-the-same-flows $? "they differ"

"$bin" --store "$dir/st" telescope flows -s "$dir/a.pcap" >/dev/null 2>"$dir/said"
"$bin" --json --store "$dir/st" telescope flows --from 2020-01-01 >"$dir/again"
cmp -s "$dir/back" "$dir/again" && grep -q 'stored 0 flows' "$dir/said"
judge a-second-import-changes-nothing $? "$(cat "$dir/said")"

"$bin" --json telescope sources "$dir/a.pcap" >"$dir/direct"
"$bin" --json --store "$dir/st" telescope sources --from 2020-01-01 >"$dir/back"
cmp -s "$dir/direct" "$dir/back"
judge gives-back-the-same-sources $? "they differ"

# Two imports with other hash seeds leave the same bytes: a batch that is cut in the middle of a minute begins alike each time.
for n in 1 2; do
	"$bin" --store "$dir/s$n" telescope flows -s "$dir/flood.pcap" >/dev/null 2>&1
done
[ -n "$(ls "$dir/s1/flows")" ] && cmp -s "$dir/s1/flows/"*.seg "$dir/s2/flows/"*.seg
judge the-same-segments-for-any-seed $? "they differ"

# A writer that holds the store: told with its pid, exit 3.
mkfifo "$dir/slow"
"$bin" --store "$dir/st" telescope flows -s "$dir/slow" >/dev/null 2>&1 &
writer=$!
exec 9>"$dir/slow"
n=0
while ! [ -s "$dir/st/lock" ] && [ $n -lt 50 ]; do
	sleep 0.1
	n=$((n + 1))
done
n=0
until "$bin" --store "$dir/st" telescope flows -s "$dir/a.pcap" >/dev/null 2>"$dir/said"
	code=$?
	[ $code = 3 ] || [ $n -ge 50 ]; do
	sleep 0.1
	n=$((n + 1))
done
[ $code = 3 ] && grep -q "process $writer" "$dir/said"
judge a-second-writer-is-told-who $? "exit $code: $(cat "$dir/said")"
exec 9>&-
wait "$writer"

# The disk is full at 1.5 MB a file: what was kept is kept, and said.
(
	ulimit -f 3000
	trap '' XFSZ
	"$bin" --store "$dir/full" telescope flows -s "$dir/flood.pcap" >/dev/null 2>"$dir/said"
	echo $? >"$dir/code"
)
[ "$(cat "$dir/code")" = 3 ] && grep -q 'are kept' "$dir/said"
judge a-full-disk-is-told $? "exit $(cat "$dir/code"): $(cat "$dir/said")"
"$bin" --json --store "$dir/full" telescope flows --from 2020-01-01 >"$dir/back" 2>"$dir/said"
judge and-the-store-still-reads $? "$(cat "$dir/said")"

for words in "read $dir/a.pcap" "top $dir/a.pcap" "read --from 2030-01-01 --to 2020-01-01"; do
	"$bin" --store "$dir/st" telescope $words >/dev/null 2>&1
	[ $? = 2 ]
	judge "refuses-$(echo "$words" | cut -d' ' -f1)$(echo "$words" | grep -c from)" $? "not a usage error"
done
exit $fault
