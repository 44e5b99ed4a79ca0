#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Numbers that make no sense are a usage error, not an abort and not another number.
: "${SAKIMORI_ASAN:=build-asan/sakimori}" "${TMPDIR:=/tmp}"
s=$SAKIMORI_ASAN
cd "$TMPDIR" || exit 1
"$s" range traffic --profile worst --packets 500 --seed 3 --output dark.pcap || exit 1

# NAME EXIT COMMAND...
try() {
	name=$1 want=$2
	shift 2
	"$s" telescope "$@" dark.pcap >out.txt 2>err.txt
	code=$?
	if [ $code = "$want" ]; then
		echo "ok $name"
	else
		echo "not ok $name: exit $code; $(tail -n 1 err.txt)"
	fi
}

try 'no flows' 2 flows --max-flows 1
try 'least flows' 0 flows --max-flows 64
try 'too many flows' 2 flows --max-flows 8Gi
try 'most of 64 bits' 2 flows --max-flows 18446744073709551615
try 'targets beyond 32 bits' 2 events --min-targets 4294967297
try 'ports beyond 32 bits' 2 events --min-ports 4294967296
try 'a long timeout' 0 events --timeout 3155760000
try 'a timeout beyond nanoseconds' 2 events --timeout 99999999999
try 'a timeout of 64 bits' 2 read --timeout 18446744073709551615
try 'rows of 64 bits' 0 read --limit 18446744073709551615
try 'negative' 2 read --limit -1

# A list of 100,000 prefixes costs a look-up, not a walk, for each packet.
"$s" range traffic --profile worst --packets 60000 --output demo.pcap || exit 1
python3 -c 'for i in range(100000): print(f"198.{18 + (i >> 14)}.{i >> 6 & 255}.{(i & 63) * 4}/30")' >list
for option in dark own; do
	timeout 10 "$s" telescope events --$option @list demo.pcap >out.txt 2>err.txt
	code=$?
	if [ $code = 0 ]; then echo "ok a long list for --$option"; else echo "not ok a long list for --$option: exit $code"; fi
done
# What a list or a name holds doesn't reach the terminal as it is.
printf '\033]0;title\007\n' >list
"$s" telescope events --dark @list demo.pcap >out.txt 2>err.txt
code=$?
"$s" telescope read --store "$(printf 'no\033store')" --from 2020-01-01 >out.txt 2>>err.txt
if [ $code = 2 ] && ! grep -q "$(printf '\033')" err.txt; then echo 'ok escapes'; else echo 'not ok escapes: in a message'; fi
exit 0
