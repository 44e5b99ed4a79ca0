#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Every fact about scanners, victims and lone scan packets against `telescope events --json`, as the capture is, and again with all addresses
exchanged and all times moved: the same conclusions must come, mapped. Device set-ups must give no scan at all. What is tried is
analysis/darknet as a whole: darknet.c, event.c, judge.c, fill.c.
"""
import glob, json, os, struct, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import permute

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
data = os.path.join(top, "..", "shared", "data")
binary = os.environ.get("SAKIMORI", os.path.join(top, "build", "sakimori"))
KINDS = {"scanner", "scanner.tool", "scanner.negative", "infected.scanner", "scan.type", "backscatter.victim", "ddos.amplification"}

# The fact counts what an inner header says too: packet 15:45:52.543787 is GRE (IP protocol 47) from 74.102.131.16 around a UDP
# datagram; here the outermost IP header decides, so it is one packet and one sender less.
KNOWN_DEVIATIONS = {("telescope/stopddos/amp.dns.RRSIG.fragmented.pcap", "main_packets"): -1,
                    ("telescope/stopddos/amp.dns.RRSIG.fragmented.pcap", "sources"): -1}


def events(path, *more):
    run = subprocess.run([binary, "telescope", "events", "--json", *more, path], capture_output=True)
    if run.returncode != 0:
        raise RuntimeError(f"exit {run.returncode}: {run.stderr.decode(errors='replace')[-200:]}")
    return [json.loads(l) for l in run.stdout.splitlines()]


def decode(cell):
    return cell.encode().decode("unicode_escape").encode("latin-1", "replace").decode("utf-8", "replace") if "\\" in cell else cell


def facts():
    with open(os.path.join(data, "FACTS.tsv"), encoding="utf-8") as f:
        rows = [l.rstrip("\n").split("\t") for l in f]
    for r in (dict(zip(rows[0], x)) for x in rows[1:]):
        if r["kind"] in KINDS and r["file"].split(".")[-1] in ("pcap", "pcapng", "trace"):
            yield r


def differ(want, got, names):
    return [f"{n} {got.get(n)}, not {want[n]}" for n in names if n in want and got.get(n) != want[n]]


def scan(fact, want, found):
    scans = [f for f in found if f["kind"] == "scan" and f["subject"] == fact["subject"]]
    if str(want.get("shape", "")).endswith("no scan"):
        return [f"{len(scans)} scans"] if scans else []
    if len(scans) != 1:
        return [f"{len(scans)} scans of the subject"]
    got = scans[0]
    wrong = differ(want, got, ["packets", "targets", "shape", "tool"])
    ports = want.get("ports")
    if isinstance(ports, int) and got["ports"] != ports:
        wrong.append(f"ports {got['ports']}, not {ports}")
    if isinstance(ports, list) and got["port_list"] != ports:
        wrong.append(f"port list {got['port_list'][:5]}, not {ports}")
    if isinstance(ports, str) and got["port_list"] != list(range(int(ports.split("-")[0]), int(ports.split("-")[1]) + 1)):
        wrong.append(f"port list of {got['ports']}, not {ports}")
    if "top_ports" in want and got["top_ports"][:len(want["top_ports"])] != want["top_ports"]:
        wrong.append(f"top ports {got['top_ports']}, not {want['top_ports']}")
    if "tcp_flags" in want and list(got["packets_by_flags"]) != [want["tcp_flags"]]:
        wrong.append(f"flags {got['packets_by_flags']}, not {want['tcp_flags']}")
    return wrong


def backscatter(fact, want, found):
    wrong = ["a scan was reported"] if any(f["kind"] == "scan" for f in found) else []
    victims = [f for f in found if f["kind"] == "backscatter" and f["subject"] == fact["subject"]]
    if len(victims) != 1:
        return wrong + [f"{len(victims)} victims"]
    wrong += differ(want, victims[0], ["destinations", "packets_by_flags"])
    if victims[0]["port_list"] != [want["port"]]:
        wrong.append(f"ports {victims[0]['port_list']}")
    return wrong


def amplification(fact, want, found):
    victims = [f for f in found if f["kind"] == "amplification" and f["subject"] == fact["subject"] and
               f["counts"]["main_protocol"] == want["main_protocol"]]
    if len(victims) != 1:
        return [f"{len(victims)} victims"]
    f = victims[0]
    got = dict(f["counts"], sources=f["sources"])
    want = dict(want)
    for n in ("main_packets", "sources"):
        want[n] += KNOWN_DEVIATIONS.get((fact["file"], n), 0)
    wrong = differ(want, got, ["main_packets", "sources", "packets_to_victim"])
    ports = [p for p in want["top_source_ports"] if p is not None]
    if not set(ports) <= set(f["top_ports"]):
        wrong.append(f"top ports {f['top_ports']}, not {ports}")
    return wrong


def scan_type(fact, want, found):
    fits = [f for f in found if f["kind"] == "scan-type" and f["subject"] == fact["subject"] and f["detail"] == want]
    return [] if len(fits) == 1 else [f"{len(fits)} findings '{want}'"]


def judge(fact, found):
    kind = fact["kind"]
    want = decode(fact["expect"])
    if kind == "scan.type":
        return scan_type(fact, want, found)
    if kind == "scanner.negative":
        tools = [f["tool"] for f in found if f["kind"] == "scan" and f["subject"] == fact["subject"]]
        return ["called ZMap"] if "zmap" in tools or not tools else []
    want = json.loads(want)
    if kind == "backscatter.victim":
        return backscatter(fact, want, found)
    if kind == "ddos.amplification":
        return amplification(fact, want, found)
    return scan(fact, want, found)


def report(name, wrong):
    print(f"not ok {name}: {'; '.join(wrong)[:300]}" if wrong else f"ok {name}")
    return bool(wrong)


def moved(fact, path, folder):
    """The fact and capture after an exchange of addresses and a shift of times."""
    out = os.path.join(folder, "moved.pcap")
    mapping = permute.rewrite(path, out, seed=7, shift_s=86400 * 500 + 12345)
    subject = fact["subject"].split(" ")
    subject[0] = mapping(subject[0])
    return dict(fact, subject=" ".join(subject)), out


def main():
    if not os.path.isdir(data):
        print("skip facts: shared data is absent")
        return 0
    failed = count = 0
    with tempfile.TemporaryDirectory() as folder:
        for fact in facts():
            count += 1
            path = os.path.join(data, fact["file"])
            name = f"{fact['kind']} {os.path.basename(fact['file'])} {fact['subject']}"
            failed += report(name, judge(fact, events(path)))
            other, out = moved(fact, path, folder)
            failed += report("moved " + name, judge(other, events(out)))
    setups = [p for p in glob.glob(os.path.join(data, "identify", "**"), recursive=True) if p.endswith((".pcap", ".pcapng"))]
    scans = {p for p in setups if any(f["kind"] == "scan" for f in events(p))}
    failed += report(f"no scan in {len(setups)} device set-ups", sorted(os.path.basename(p) for p in scans))
    if count == 0 or not setups:
        failed += report("facts", ["none found"])
    return 1 if failed else 0


sys.exit(main())
