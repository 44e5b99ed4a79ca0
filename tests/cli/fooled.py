#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a forger tries: hiding a scan behind a DNS answer nobody asked for, posing as an own host; and captures in the wrong order.
By the commands that share cmd/concluding.c."""
import json, os, struct, subprocess, sys, tempfile

binary = os.environ.get("SAKIMORI", "build/sakimori")


def ip4(src, dst, proto, rest):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(rest), 7, 0x4000, 64, proto, 0, bytes(src), bytes(dst)) + rest


def syn(src, dst, sport):
    return ip4(src, dst, 6, struct.pack(">HHIIBBHHH", sport, 23, sport * 77777 & 0xFFFFFFFF, 0, 0x50, 2, 1000, 0, 0))


def dns(src, dst, sport, dport, number, answers):
    message = struct.pack(">HHHHHH", number, 0x8180 if answers else 0x0100, 1, len(answers), 0, 0) + b"\1a\2jp\0\0\1\0\1"
    for a in answers:
        message += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes(a)
    return ip4(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(message), 0) + message)


def write(path, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for i, p in enumerate(packets):
            f.write(struct.pack("<IIII", 1700000000 + i // 100, i % 100 * 1000, len(p), len(p)) + p)


def events(*args):
    r = subprocess.run([binary, "--json", "telescope", "events", *args], capture_output=True)
    if r.returncode != 0:
        raise RuntimeError(f"exit {r.returncode}: {r.stderr.decode(errors='replace')[-200:]}")
    return [json.loads(l) for l in r.stdout.splitlines()]


def report(name, fits, got):
    print(f"ok {name}" if fits else f"not ok {name}: {str(got)[:200]}")
    return not fits


def naming(folder):
    """(who asks, who answers) -> is a scan of twenty named targets still told?"""
    path = os.path.join(folder, "a.pcap")
    scanner, client, server = (10, 0, 0, 66), (10, 0, 0, 5), (9, 9, 9, 9)
    targets = [(8, 8, 4, i) for i in range(20)]
    probes = [syn(scanner, t, 4000 + i) for i, t in enumerate(targets)]
    question, answer = dns(client, server, 5353 + 1, 53, 9, []), dns(server, client, 53, 5354, 9, targets)
    cases = (
        ("named by an answer to a question", [question, answer], 0),
        ("an answer without its question", [question, dns(server, client, 53, 5354, 8, targets)], 1),
        ("an answer from nowhere, to another", [question, dns((7, 7, 7, 7), client, 53, 9999, 9, targets)], 1),
        ("the prober names them himself", [dns(scanner, client, 53, 1, 1, targets)], 1),
        ("one direction alone has no questions", [answer], 0),
    )
    bad = 0
    for name, before, want in cases:
        write(path, before + probes)
        scans = [f["subject"] for f in events("--kind", "scan", path)]
        bad += report(name, scans == ["10.0.0.66"] * want, scans)
    return bad


def mapped(folder):
    path = os.path.join(folder, "m.pcap")
    src = bytes(10) + b"\xff\xff" + bytes((203, 0, 113, 5))
    packets = []
    for i in range(9):
        tcp = struct.pack(">HHIIBBHHH", 4000 + i, 23, i, 0, 0x50, 2, 1000, 0, 0)
        dst = b"\x20\x01\x0d\xb8" + bytes(11) + bytes((i,))
        packets.append(struct.pack(">IHBB", 0x60000000, len(tcp), 6, 64) + src + dst + tcp)
    write(path, packets)
    found = [(f["kind"], f["subject"]) for f in events("--dark", "2001:db8::/32", "--own", "203.0.113.0/24", path)]
    return report("a mapped address is no own host", found == [("scan", "::ffff:0:cb00:7105")], found)


def order(folder):
    days = [os.path.join(folder, f"d{n}.pcap") for n in (1, 2)]
    for n, path in enumerate(days):
        subprocess.run([binary, "range", "traffic", "--start", f"2026-03-0{n + 1}T00:00:00Z", "-s", str(n + 1), "-o", path], check=True)
    where = ["--dark", "198.18.0.0/16", "--kind", "scan", "--timeout", "3600"]
    key = lambda found: sorted((f["subject"], f["packets"], f["targets"], f["first_ns"], f["tool"]) for f in found if f["tool"] == "mirai")
    right, wrong = key(events(*where, *days)), key(events(*where, *reversed(days)))
    return report("two days in either order", right == wrong and len(right) > 10, (len(right), len(wrong)))


def sensor(folder):
    store = os.path.join(folder, "st")
    capture = os.path.join(folder, "d1.pcap")
    for name in ("east", "west"):
        subprocess.run([binary, "--store", store, "telescope", "flows", "-s", "--sensor", name, capture], check=True, capture_output=True)
    where = ["--dark", "198.18.0.0/16", "--store", store, "--from", "2026-03-01"]
    one, all_ = events(*where, "--sensor", "east"), events(*where)
    direct = events("--dark", "198.18.0.0/16", "--sensor", "east", capture)
    scans = lambda found: sorted(f["id"] for f in found if f["kind"] == "scan")
    bad = report("one sensor of a store", scans(one) == scans(direct) and bool(one), (len(one), len(direct)))
    return bad + report("several sensors are called so", {f["sensor"] for f in all_} == {"several"}, {f["sensor"] for f in all_})


with tempfile.TemporaryDirectory() as tmp:
    sys.exit(1 if naming(tmp) + mapped(tmp) + order(tmp) + sensor(tmp) else 0)
