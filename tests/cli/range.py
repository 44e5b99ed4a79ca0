#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sakimori range traffic from outside: bytes, truth, streams, refusals, exit codes."""
import collections
import json
import os
import struct
import subprocess
import tempfile

PROGRAMS = (("release", os.environ["SAKIMORI"]), ("asan", os.environ["SAKIMORI_ASAN"]))
TMP = os.environ.get("TMPDIR") or tempfile.mkdtemp()


def case(name, why):
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def call(program, *words):
    return subprocess.run([program, "range", "traffic", *words], stdin=subprocess.DEVNULL, capture_output=True)


def records(data):
    """(time in ns, captured bytes) of each packet of a classic pcap file."""
    magic, = struct.unpack_from("<I", data)
    unit = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[magic]
    at, out = 24, []
    while at < len(data):
        seconds, fraction, captured, length = struct.unpack_from("<IIII", data, at)
        assert captured == length
        out.append((seconds * 10**9 + fraction * unit, data[at + 16:at + 16 + captured]))
        at += 16 + captured
    return out


def same_bytes():
    """Both builds, file and stream: one seed is one sequence of bytes; another seed another."""
    seen = set()
    for name, program in PROGRAMS:
        path = os.path.join(TMP, name + ".pcap")
        a, b = call(program, "-n", "20k", "-o", path), call(program, "-n", "20k", "--seed=1", "-o", "-")
        if a.returncode or b.returncode:
            return (a.stderr + b.stderr).decode()
        seen |= {open(path, "rb").read(), b.stdout}
    other = call(PROGRAMS[0][1], "-n", "20k", "-s", "2", "-o", "-").stdout
    return None if len(seen) == 1 and other not in seen else f"{len(seen)} different captures of one seed"


def truth_counts():
    """The truth's packets of each address are those of the capture, and all actors together are all packets."""
    pcap, truth = os.path.join(TMP, "demo.pcap"), os.path.join(TMP, "demo.json")
    call(PROGRAMS[1][1], "--truth", truth, "-o", pcap)
    sent = collections.Counter(".".join(str(b) for b in data[26:30]) for _, data in records(open(pcap, "rb").read()))
    t = json.load(open(truth))
    wrong = [a["name"] for a in t["actors"] if a["address"] and sent[a["address"]] != a["packets"]]
    total = sum(a["packets"] for a in t["actors"])
    if wrong or total != t["packets"] or total != sum(sent.values()):
        return f"wrong: {wrong}, {total} of {t['packets']}"
    names = {a["name"] for a in t["actors"]}
    missing = {"mirai-1", "telnet-bot", "zmap-classic", "zmap-new", "masscan", "nmap", "research", "victim", "unreachable",
               "dns-probe", "ntp-probe", "own-suspect", "own-forged", "own-attacked", "noise"} - names
    return f"not planted: {missing}" if missing else None


def times():
    """--start takes an offset; nanoseconds stay nanoseconds."""
    for words, want in ((("--start", "2030-05-05T01:00:00+09:00"), 1904140800), (("--start", "1904140800", "--ns"), 1904140800)):
        got = records(call(PROGRAMS[0][1], "-p", "sparse", "-n", "3", "-o", "-", *words).stdout)
        if [ns for ns, _ in got] != [(want + 3600 * i) * 10**9 for i in range(3)]:
            return f"{words}: {[ns for ns, _ in got]}"
    return None


def reader_agrees():
    """`telescope read` counts what was generated, for every profile."""
    for profile in ("worst", "repeat", "demo", "flood", "jump", "ip6"):
        path = os.path.join(TMP, profile + ".pcap")
        call(PROGRAMS[0][1], "-p", profile, "-n", "20k", "-o", path)
        p = subprocess.run([PROGRAMS[0][1], "telescope", "read", "--json", path], capture_output=True)
        got = json.loads(p.stdout)
        layer = "ip6" if profile == "ip6" else "ip4"
        if got["packets"] != 20000 or got["layers"][layer] != 20000 or got["classes"]["other"]:
            return f"{profile}: {p.stdout[:300]}"
    return None


def refusals():
    """Wrong words end with 2 and name the option, failures with 3."""
    for words, code, say in (
            ((), 2, "output"),
            (("-o", "-", "--dark", "10.0.0.1/8"), 2, "10.0.0.0/8"),
            (("-o", "-", "--dark", "192.0.2.0/24"), 2, "mirai-1"),
            (("-o", "-", "--own", "2001:db8::/32"), 2, "own range"),
            (("-o", "-", "--start", "yesterday"), 2, "start"),
            (("-o", "-", "--start", "2026-01-01T00:00:00"), 2, "start"),
            (("-o", "-", "--start", "1969-12-31T23:59:59Z"), 2, "1970"),
            (("-o", "-", "--start", "9999999999"), 2, "1970"),
            (("-o", "-", "--profile", "worse"), 2, "worst"),
            (("-o", "-", "-n", "10"), 2, "20000"),
            (("-o", "/dev/full"), 3, "/dev/full"),
            (("-o", "/nonexistent/x"), 3, "/nonexistent/x"),
            (("-o", "/dev/null", "--truth", "/nonexistent/y"), 3, "/nonexistent/y"),
            (("-o", "/dev/null", "--truth", "/dev/full"), 3, "/dev/full")):
        for name, program in PROGRAMS:
            p = call(program, *words)
            if p.returncode != code or say not in p.stderr.decode() or p.stdout:
                return f"{name} {words}: {p.returncode} {p.stderr.decode()}"
    return None


for name, check in (("range-same-bytes", same_bytes), ("range-truth-counts", truth_counts), ("range-times", times),
                    ("range-reader-agrees", reader_agrees), ("range-refusals", refusals)):
    case(name, check())
