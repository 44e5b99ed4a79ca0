#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# telescope export harms no file and finds the packets of a finding wherever the finding came from.
: "${SAKIMORI_ASAN:=build-asan/sakimori}" "${TMPDIR:=/tmp}"
s=$SAKIMORI_ASAN
cd "$TMPDIR" || exit 1
say() { if [ "$2" = 1 ]; then echo "ok $1"; else echo "not ok $1: $(tail -n 1 err.txt)"; fi; }

# Twenty SYNs to twenty addresses, plain and within IPIP.
python3 - <<'EOF' || exit 1
import struct
def ip(src, dst, proto, rest):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(rest), 7, 0, 64, proto, 0, bytes(src), bytes(dst)) + rest
for name, wrapped in ("plain.pcap", False), ("ipip.pcap", True):
    with open(name, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for i in range(20):
            p = ip((192, 0, 2, 9), (198, 18, 0, i), 6, struct.pack(">HHIIBBHHH", 4000 + i, 23, i, 0, 0x50, 2, 1000, 0, 0))
            p = ip((192, 0, 2, 1), (192, 0, 2, 2), 4, p) if wrapped else p
            f.write(struct.pack("<IIII", 1700000000 + i, 0, len(p), len(p)) + p)
EOF
id() { "$s" telescope events --json --kind scan "$@" 2>err.txt | python3 -c 'import json,sys; print(json.loads(sys.stdin.readline())["id"])'; }
size() { stat -c %s "$1"; }

plain=$(id --dark 198.18.0.0/16 plain.pcap)
"$s" telescope export --dark 198.18.0.0/16 --finding "$plain" --output out.pcap plain.pcap >out.txt 2>err.txt
say 'whole' $(($? == 0 && $(size out.pcap) == $(size plain.pcap)))
cp plain.pcap before.pcap
"$s" telescope export --dark 198.18.0.0/16 --finding "$plain" --output ./plain.pcap plain.pcap >out.txt 2>err.txt
say 'not over a capture that is read' $(($? == 3 && $(size plain.pcap) == $(size before.pcap)))
"$s" telescope export --dark 198.18.0.0/16 --finding ffffffffffffffffffff --output out.pcap plain.pcap >out.txt 2>err.txt
say 'a finding that is none empties nothing' $(($? == 1 && $(size out.pcap) == $(size before.pcap)))
"$s" telescope export --dark 198.18.0.300/16 --finding "$plain" --output out.pcap plain.pcap >out.txt 2>err.txt
say 'a wrong option empties nothing' $(($? == 2 && $(size out.pcap) == $(size before.pcap)))
"$s" telescope export --from 2020-01-01 --finding "$plain" --output out.pcap >out.txt 2>err.txt
say 'no files' $(($? == 2 && $(size out.pcap) == $(size before.pcap)))
inner=$(id --dark 198.18.0.0/16 --unwrap ipip ipip.pcap)
"$s" telescope export --dark 198.18.0.0/16 --unwrap ipip --finding "$inner" --output inner.pcap ipip.pcap >out.txt 2>err.txt
say 'out of a tunnel' $(($? == 0 && $(size inner.pcap) == $(size ipip.pcap)))

# Lists of prefixes and pipes.
"$s" telescope events --dark @. plain.pcap >out.txt 2>err.txt
say 'a folder is no list of prefixes' $(($? == 2))
mkfifo pipe
cat plain.pcap >pipe 2>cat.txt &
"$s" telescope flows --summary --store store pipe >out.txt 2>err.txt
code=$?
wait $!
say 'a pipe into the store' $(($? == 0 && code == 0))
exit 0
