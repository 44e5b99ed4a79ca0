#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's captures for several seeds: every planted actor is found with its exact numbers; workers and seeds of hashing change
nothing. The daemon finds the same in a replay in which a role is killed, and tells it."""
import os, subprocess, sys, tempfile

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
binary = os.environ.get("SAKIMORI", os.path.join(top, "build", "sakimori"))
WHERE = ["--dark", "198.18.0.0/16", "--own", "203.0.113.0/24"]


def run(*args):
    r = subprocess.run([binary, *args], capture_output=True)
    if r.returncode != 0:
        raise RuntimeError(f"exit {r.returncode}: {r.stderr.decode(errors='replace')[-200:]}")
    return r.stdout


def report(name, why):
    print(f"not ok {name}: {why}" if why else f"ok {name}")
    return bool(why)


def planted(folder, seed):
    capture, truth, found = (os.path.join(folder, n) for n in ("demo.pcap", "truth.json", "findings.json"))
    run("range", "traffic", "--profile", "demo", "--seed", str(seed), "--truth", truth, "-o", capture)
    with open(found, "wb") as f:
        f.write(run("--json", "telescope", "events", *WHERE, capture))
    r = subprocess.run([sys.executable, os.path.join(top, "tools", "demo-compare"), truth, found], capture_output=True, text=True)
    missed = [l.strip() for l in r.stdout.splitlines() if "NO:" in l]
    return capture, "; ".join(missed) or (r.stderr[-200:] if r.returncode else "")


def daemons(folder):
    """Its processes that are still there, by the store in their command lines."""
    found = []
    for p in os.listdir("/proc"):
        try:
            with open(f"/proc/{p}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if any(w.startswith(folder.encode()) for w in words):
            found.append(p)
    return found


def watched(folder):
    """The second part of tools/demo, on the capture that lies in folder."""
    r = subprocess.run([sys.executable, os.path.join(top, "tools", "demo-daemon"), folder, WHERE[1], WHERE[3]], capture_output=True,
                       text=True, errors="replace", env=dict(os.environ, SAKIMORI=binary))
    out = r.stdout
    said = (r.stderr.strip() or "; ".join(l.strip() for l in out.splitlines() if "NO:" in l or "DIFFERENT" in l) or out[-300:])[:400]
    flat = lambda text: text.replace("\n", " ")
    failed = report("the daemon kept each packet and flow once, a role killed half-way", "" if out.count("the same\n") == 2 else flat(said))
    failed += report("the daemon found all planted actors under the same ids", "" if "NO:" not in out and "yes yes" in out else flat(said))
    failed += report("mail and webhook came", "" if "Subject: [sakimori] high: own address" in out and '"kind": "scan"' in out else flat(said))
    failed += report("its evidence verifies", "" if "verified: finding" in out and "packets.pcap" in out else flat(said))
    failed += report("the demo ends with 0 and leaves no process", flat(said) if r.returncode else ", ".join(daemons(folder)))
    return failed


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in (1, 2, 77):
            capture, why = planted(folder, seed)
            failed += report(f"all planted actors found, seed {seed}", why)
        with tempfile.TemporaryDirectory(dir=folder) as apart:
            for name in ("demo.pcap", "truth.json", "findings.json"):
                os.link(os.path.join(folder, name), os.path.join(apart, name))
            failed += watched(apart)
        one, again = (run("--json", "telescope", "events", *WHERE, capture) for _ in range(2))
        failed += report("the same findings twice, with other hash seeds", "" if one == again and one else "they differ")
        flows = [run("--json", "telescope", "flows", "--workers", str(n), capture) for n in (1, 2, 3)]
        failed += report("the same flows from 1, 2 and 3 workers", "" if flows[0] and flows[0] == flows[1] == flows[2] else "they differ")
        totals = [run("telescope", "flows", "--summary", "--workers", str(n), capture) for n in (1, 2, 3)]
        failed += report("the same totals from 1, 2 and 3 workers", "" if totals[0] and totals[0] == totals[1] == totals[2] else "they differ")
        store = os.path.join(folder, "store")
        run("--store", store, "telescope", "events", *WHERE, capture)
        stored = run("--json", "--store", store, "telescope", "flows", "--from", "2020-01-01")
        failed += report("the store gives back the same flows", "" if stored == flows[0] else "they differ")
        # Flows don't carry the packet that an ICMP error quotes: from the store the router that tells counts as backscatter.
        count = lambda b: sorted((l.split(b'"subject":"')[1].split(b'"')[0], l.split(b'"id":"')[1][:32]) for l in b.splitlines()
                                 if b'"kind":"icmp-quote"' not in l and b'"subject":"198.51.100.91"' not in l)
        over = run("--json", "--store", store, "telescope", "events", *WHERE, "--from", "2020-01-01")
        failed += report("the same conclusions from the store", "" if count(over) == count(one) else "they differ")
    return 1 if failed else 0


sys.exit(main())
