#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every clean row of the independently counted truth table against `telescope read --count --json`."""
import json, os, subprocess, sys

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
data = os.path.join(top, "..", "shared", "data")
binary = os.environ.get("SAKIMORI", os.path.join(top, "build", "sakimori"))
modes = [["--count"], []] if len(sys.argv) < 2 else [[a for a in sys.argv[1:] if a]]

CLASSES = "tcp_syn tcp_syn_ack tcp_ack tcp_fin tcp_rst tcp_push tcp_other udp icmp other".split()
LAYERS = "ip4 ip6 arp nonip badip badl2 short frag frag6 vlan".split()


def number(cell):
    return None if cell in ("", "-") else int(cell)


def expected(row):
    want = {k: number(row[k]) for k in ("packets", "bytes", "captured", "first_ns", "last_ns", "src4", *CLASSES, *LAYERS)}
    types = [] if row["linktype"] == "-1" else sorted(int(x) for x in row["linktype"].split(","))
    return want, types


def answer(mode, path):
    run = subprocess.run([binary, "telescope", "read", "--json", *mode, path], capture_output=True)
    if run.returncode not in (0, 3):
        raise RuntimeError(f"exit {run.returncode}: {run.stderr.decode(errors='replace')[-300:]}")
    o = json.loads(run.stdout)
    got = {k: o[k] for k in ("packets", "bytes", "captured", "first_ns", "last_ns")}
    got["src4"] = o["sources"]["distinct4"]
    got.update({k: o["classes"][k] for k in CLASSES})
    got.update({k: o["layers"][k] for k in LAYERS})
    return run.returncode, got, sorted(int(t) for t in o["link_types"]), o


def check(mode, row):
    want, types = expected(row)
    code, got, declared, o = answer(mode, os.path.join(data, row["file"]))
    wrong = [f"{k} {got[k]}, not {want[k]}" for k in want if got[k] != want[k]]
    if not set(types) <= set(declared):
        wrong.append(f"link types {declared}, not {types}")
    if code != 0:
        wrong.append(f"exit {code}: {o['truncated']}")
    return wrong


def main():
    if not os.path.isdir(data):
        print("skip truth: shared data is absent")
        return 0
    lines = [l.rstrip("\n").split("\t") for l in open(os.path.join(data, "TRUTH.tsv"), encoding="utf-8")]
    rows = [dict(zip(lines[0], l)) for l in lines[1:]]
    failed = 0
    for mode in modes:
        name = "read " + " ".join(mode)
        bad = []
        clean = [r for r in rows if r["clean"] == "yes"]
        for row in clean:
            try:
                wrong = check(mode, row)
            except Exception as e:
                wrong = [str(e)]
            if wrong:
                bad.append(f"{row['file']}: {'; '.join(wrong)}")
        for b in bad[:20]:
            print(f"# {b}")
        if bad or not clean:
            failed += 1
            print(f"not ok {name.strip()}: {len(bad)} of {len(clean)} rows differ")
        else:
            print(f"ok {name.strip()}: {len(clean)} rows")
    return 1 if failed else 0


sys.exit(main())
