#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Views of the data against the commands of the telescope, and against counts made here from its flows: flowrow, packetout,
summaryview, tallying, toprows."""
import collections
import csv
import io
import ipaddress
import json
import os
import pathlib
import re
import shutil
import sqlite3
import struct
import subprocess

PROGRAM = os.environ["SAKIMORI"]
TMP = pathlib.Path(os.environ["TMPDIR"])
STORE = TMP / "store"
# Two sensors of two tenants, with the same traffic but other dark space and seed.
SENSORS = {"north": ("city-a", "198.18.0.0/16", 21), "south": ("city-b", "100.64.0.0/16", 22)}
RANGE = ["from=2020-01-01", "to=2030-01-01"]
NINE = ["tcp_syn", "tcp_syn_ack", "tcp_ack", "tcp_fin", "tcp_rst", "tcp_push", "tcp_other", "udp", "icmp"]
ALL = "city-a:admin:see-dark,see-subscriber"


def run(*words):
    done = subprocess.run([PROGRAM, "--store", str(STORE), *map(str, words)], capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def ask(path, *words, period=True):
    """The answer as a value, or the exit code."""
    code, out, _ = run("console", "ask", path, *(RANGE if period else []), *words)
    return json.loads(out) if code == 0 else code


def case(name, why=""):
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def same(name, got, want):
    case(name, "" if got == want else f"{str(got)[:200]} is not {str(want)[:200]}")


def make_store():
    for sensor, (_, dark, seed) in SENSORS.items():
        pcap = TMP / f"{sensor}.pcap"
        words = ["range", "traffic", "--profile", "demo", "--seed", seed, "--dark", dark, "-o", pcap]
        assert run(*words)[0] == 0
        for verb, more in (("flows", ["--summary"]), ("events", ["--dark", dark, "--own", "203.0.113.0/24"])):
            done = run("telescope", verb, "--sensor", sensor, *more, pcap)
            assert done[0] == 0, done[2]
        ring = STORE / "packets" / sensor
        ring.mkdir(parents=True)
        shutil.copy(pcap, ring / "20260101T000000-0.pcap")


def add_sensors():
    with sqlite3.connect(STORE / "store.db") as db:
        for sensor, (tenant, dark, _) in SENSORS.items():
            db.execute("insert or replace into sensor values (?,?,?,?,?,?)",
                       (sensor, tenant, "", f"{dark} 2020-01-01 -", "synchronised", 0))
        db.execute("insert into gap values ('south', 1767225600000000000, 1767225660000000000, 'test', 7)")


def read(*words):
    code, out, said = run("--json", "telescope", *words, "--from", "2020-01-01", "--to", "2030-01-01")
    assert code == 0, said
    return out


def flows_of(sensor):
    return [json.loads(line) for line in read("flows", "--sensor", sensor).splitlines()]


def summaries():
    """Byte for byte what the command prints: before and after a sensor told of itself."""
    for when in ("unknown", "known"):
        if when == "known":
            add_sensors()
        for sensor in SENSORS:
            got = run("console", "ask", "/summary", *RANGE, f"sensor={sensor}")[1]
            same(f"summary_{when}_{sensor}", got, read("read", "--sensor", sensor))
    same("summary_of_all", run("console", "ask", "/summary", *RANGE)[1], read("read"))
    same("summary_rows", run("console", "ask", "/summary", *RANGE, "limit=3")[1], read("read", "--limit", 3))
    stored = [f for k in ("scanners", "backscatter", "amplification", "icmp_quotes", "own_suspects")
              for f in ask("/summary", "sensor=north")[k]]
    with sqlite3.connect(STORE / "store.db") as db:
        ids = {r[0] for r in db.execute("select id from finding where sensor = 'north' and kind not in"
                                        " ('scan-type', 'port-new', 'port-surge')")}
    same("summary_findings", {f["id"] for f in stored}, ids)
    case("summary_own", "" if any(f["kind"].startswith("own-") for f in stored) else "no own address in it")


def tops(flows):
    for by in ("port", "class", "source", "country", "as", "tool"):
        got = ask("/top", f"by={by}", "sensor=north")
        want = [json.loads(x) for x in read("top", "--by", by, "--sensor", "north").splitlines()]
        same(f"top_{by}", got["rows"] if isinstance(got, dict) else got, want)
    ports, sources = collections.Counter(), collections.defaultdict(set)
    for f in flows:
        if f["class"] in ("tcp_syn", "udp"):
            key = f"{f['dport']}/{'tcp' if f['protocol'] == 6 else 'udp'}"
            ports[key] += f["packets"]
            sources[key].add(f["src"])
    got = ask("/top", "sensor=north", "limit=1000")["rows"]
    case("top_counted", "" if [r["packets"] for r in got] == sorted(ports.values(), reverse=True)[:1000] and
         all((ports[r["key"]], len(sources[r["key"]])) == (r["packets"], r["sources"]) for r in got) else "other sums")


def plain(row):
    return {k: v for k, v in row.items() if k != "sensor"}


def lists(flows):
    got = ask("/flows", "sensor=north", "limit=5000")
    same("flows_rows", [plain(r) for r in got["rows"]], flows[:5000])
    same("flows_total", (got["total"], got["packets"]), (len(flows), sum(f["packets"] for f in flows)))
    pages = [plain(r) for at in range(0, len(flows), 1777)
             for r in ask("/flows", "sensor=north", f"offset={at}", "limit=1777")["rows"]]
    same("flows_pages", pages, flows)
    same("flows_behind", ask("/flows", "sensor=north", f"offset={2**53}")["rows"], [])
    rows = list(csv.DictReader(io.StringIO(run("console", "ask", "/flows.csv", *RANGE, "sensor=north")[1].decode())))
    same("flows_csv", [(r["src"], r["dst"], int(r["dport"]), int(r["first_ns"]), r["tags"].split()) for r in rows],
         [(f["src"], f["dst"], f["dport"], f["first_ns"], f["tags"]) for f in flows])


def icmp(f):
    return f["protocol"] in (1, 58)


def net(text):
    n = ipaddress.ip_network(text)
    return lambda a: ipaddress.ip_address(a) in n


def filters(flows):
    src = flows[len(flows) // 2]["src"]
    wide = str(ipaddress.ip_network(src + "/8", strict=False))
    marks = {"zmap": {"zmap-id", "zmap-syn"}, "masscan": {"masscan"}, "mirai": {"mirai"}, "nmap": {"nmap"}}
    asked = [([f"src={src}"], lambda f: f["src"] == src), ([f"src={wide}"], lambda f: net(wide)(f["src"])),
             (["dst=198.18.7.0/24"], lambda f: net("198.18.7.0/24")(f["dst"])),
             (["dport=23"], lambda f: f["dport"] == 23), (["proto=icmp"], icmp),
             (["proto=tcp", "sport=80"], lambda f: f["protocol"] == 6 and f["sport"] == 80),
             (["proto=17"], lambda f: f["protocol"] == 17),
             (["class=udp,tcp_rst"], lambda f: f["class"] in ("udp", "tcp_rst")),
             (["country=JP"], lambda f: False), (["asn=64500"], lambda f: False),
             (["dport=23", "mark=mirai"], lambda f: f["dport"] == 23 and "mirai" in f["tags"])]
    asked += [([f"mark={m}"], lambda f, t=t: bool(t & set(f["tags"]))) for m, t in marks.items()]
    for words, fits in asked:
        want = [f for f in flows if fits(f)]
        got = ask("/flows", "sensor=north", "limit=5000", *words)
        name = "filter_" + "_".join(w.replace("=", "_").replace("/", "_") for w in words)
        if not isinstance(got, dict):
            case(name, f"exit {got}")
            continue
        bad = [plain(r) for r in got["rows"]] != want[:5000] or got["total"] != len(want)
        line = ask("/timeline", "sensor=north", "bins=7", *words)
        packets = sum(f["packets"] for f in want)
        sums = ask("/sources", "sensor=north", *words)
        arcs = ask("/arcs", "sensor=north", *words)
        bad = bad or sum(line["packets"]) != packets or sums["total"] != len({f["src"] for f in want})
        bad = bad or sums["packets"] != packets or arcs["packets"] != packets or arcs["flows"] != len(want)
        case(name, f"{got['total']} flows, {sums['total']} sources, not {len(want)}" if bad else "")


def lines(flows):
    first, last = min(f["first_ns"] for f in flows), max(f["first_ns"] for f in flows)
    start = first // 10**9
    got = ask("/timeline", f"from={start}", f"to={last // 10**9 + 1}", "bins=50", "sensor=north", period=False)
    want = collections.defaultdict(lambda: [0] * got["bins"])
    for f in flows:
        want[f["class"]][(f["first_ns"] - start * 10**9) // got["bin_ns"]] += f["packets"]
    same("timeline_classes", {k: v for k, v in got["classes"].items() if any(v)}, dict(want))
    same("timeline_sum", got["packets"], [sum(x) for x in zip(*got["classes"].values())])
    same("timeline_gaps", [g["sensor"] for g in ask("/timeline")["gaps"]], ["south"])
    part = ask("/flows", f"from={start + 60}", f"to={start + 90}", "sensor=north", period=False)
    same("flows_of_part", part["total"],
         sum((start + 60) * 10**9 <= f["first_ns"] < (start + 90) * 10**9 for f in flows))


def by_source(flows):
    sums = collections.defaultdict(lambda: [0, set(), set(), collections.Counter()])
    for f in flows:
        s = sums[f["src"]]
        s[0] += f["packets"]
        s[1].add(f["dst"])
        s[3][f["class"]] += f["packets"]
        if f["protocol"] in (6, 17):
            s[2].add((f["protocol"], f["dport"]))
    return sums


def sources(flows):
    sums = by_source(flows)
    got = ask("/sources", "sensor=north", "limit=1000")
    case("sources_rows", "" if all((r["packets"], r["targets"], r["ports"], r["classes"]) ==
         (sums[r["address"]][0], len(sums[r["address"]][1]), len(sums[r["address"]][2]), dict(sums[r["address"]][3]))
         for r in got["rows"]) and got["total"] == len(sums) else "other sums")
    for sort, at in (("packets", lambda s: s[0]), ("targets", lambda s: len(s[1])), ("ports", lambda s: len(s[2]))):
        rows = ask("/sources", "sensor=north", f"sort={sort}", "limit=50", "offset=3")["rows"]
        same(f"sources_by_{sort}", [r[sort] for r in rows], sorted(map(at, sums.values()), reverse=True)[3:53])
    printed = {r["source"] if "source" in r else r["address"]: r["packets"]
               for r in map(json.loads, read("sources").splitlines())}
    both = ask("/sources", "limit=1000")["rows"]
    case("sources_command", "" if all(printed.get(r["address"]) == r["packets"] for r in both) else "other packets")
    busiest = got["rows"][0]["address"]
    one = ask(f"/sources/{busiest}", "sensor=north")
    s = sums[busiest]
    same("source_sums", (one["packets"], one["targets"], one["ports_n"], sum(one["classes"].values())),
         (s[0], len(s[1]), len(s[2]), s[0]))
    same("source_history", sum(h["packets"] for h in one["history"]), s[0])
    case("source_neighbours", "" if busiest not in [n["address"] for n in one["neighbours"]] else "its own neighbour")
    subject = ask("/summary", "sensor=north")["scanners"][0]["subject"]
    found = ask(f"/sources/{subject}", "sensor=north")["findings"]
    case("source_findings", "" if "scan" in [f["kind"] for f in found] else f"{subject}: {len(found)} findings")
    same("source_unseen", ask("/sources/233.252.0.77")["packets"], 0)


def overviews(flows):
    got = ask("/overview", "sensor=north", "limit=200")
    want = collections.Counter()
    who = collections.defaultdict(set)
    for f in flows:
        hour = f["first_ns"] // 3600 // 10**9 * 3600 * 10**9
        want[hour] += f["packets"]
        who[hour].add(f["src"])
    same("overview_packets", {h["start_ns"]: h["packets"] for h in got["hours"] if h["packets"]}, dict(want))
    off = [h for h in got["hours"] if h["packets"] and
           abs(h["sources"] - len(who[h["start_ns"]])) > (0.15 * h["sources"] if h["estimate"] else 0)]
    case("overview_sources", f"{off[0]['sources']} for {len(who[off[0]['start_ns']])}" if off else "")
    same("overview_classes", sum(n for h in got["hours"] for n in h["classes"].values()), got["packets"])
    ports = collections.Counter()
    for f in flows:
        if f["protocol"] in (6, 17) and f["class"] not in ("short", "frag"):
            ports[f"{f['dport']}/{'tcp' if f['protocol'] == 6 else 'udp'}"] += f["packets"]
    same("overview_ports", {r["key"]: r["packets"] for r in got["ports"][:20]}, dict(ports.most_common(20)))


def arcs(flows):
    got = ask("/arcs", "sensor=north", "limit=100")
    want = collections.Counter()
    for f in flows:
        want[f["class"] if f["class"] in NINE else "tcp_other"] += f["packets"]
    same("arcs_counts", {k: n for k, n in got["classes"].items() if n}, dict(want))
    case("arcs_number", "" if 50 <= len(got["arcs"]) <= 100 else f"{len(got['arcs'])}")
    known = {(f["first_ns"], f["sport"], f["dport"], f["protocol"], f["src"]) for f in flows}
    case("arcs_are_flows", "" if all((a[0], *a[4:]) in known for a in got["arcs"]) else "an arc that is no flow")
    same("arcs_by_time", [a[0] for a in got["arcs"]], sorted(a[0] for a in got["arcs"]))
    # Evenly: each half of the flows has its half of the arcs, more or less.
    middle = sorted(f["first_ns"] for f in flows)[len(flows) // 2]
    early = sum(a[0] < middle for a in got["arcs"])
    case("arcs_even", "" if 0.35 < early / len(got["arcs"]) < 0.65 else f"{early} of {len(got['arcs'])} in the first half")


def packets(path):
    data = path.read_bytes() if isinstance(path, pathlib.Path) else path
    unit = 1 if struct.unpack("<I", data[:4])[0] == 0xa1b23c4d else 1000
    at, out = 24, []
    while at < len(data):
        s, part, n, _ = struct.unpack("<IIII", data[at:at + 16])
        out.append((s * 10**9 + part * unit, data[at + 16:at + 16 + n]))
        at += 16 + n
    return out


def folded(data):
    data = data + b"\0" * (len(data) % 2)
    n = sum(struct.unpack(f">{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n


def good_sums(frame):
    """Checksums of an Ethernet frame with IPv4: of the header, and of TCP, UDP, ICMP."""
    ip = frame[14:]
    size, proto = (ip[0] & 15) * 4, ip[9]
    body = ip[size:struct.unpack(">H", ip[2:4])[0]]
    head = ip[12:20] + struct.pack(">HH", proto, len(body)) if proto in (6, 17) else b""
    if proto not in (1, 6, 17) or (proto == 17 and body[6:8] == b"\0\0"):
        return folded(ip[:size]) == 0xffff
    return folded(ip[:size]) == 0xffff and folded(head + body) == 0xffff


def ring():
    mine = [p for p in packets(TMP / "north.pcap") if p[1][12:14] == b"\x08\x00"]
    got = packets(run("console", "ask", "/pcap", *RANGE, "sensor=north")[1])
    case("pcap_all", "" if sorted(got) == sorted(packets(TMP / "north.pcap")) or len(got) >= len(mine) else
         f"{len(got)} of {len(mine)}")
    same("pcap_by_time", [p[0] for p in got], sorted(p[0] for p in got))
    some = packets(run("console", "ask", "/pcap", *RANGE, "sensor=north", "proto=tcp", "dport=23")[1])
    same("pcap_filter", sorted(some), sorted(p for p in mine if p[1][23] == 6 and
         p[1][14 + (p[1][14] & 15) * 4 + 2:][:2] == b"\0\x17"))
    masked = packets(run("console", "ask", "/pcap", *RANGE, "--as", "city-a")[1])
    dark = [p for p in masked if p[1][30:32] == bytes([198, 18])]
    case("pcap_masked", f"{len(dark)} dark addresses" if dark or len(masked) != len(got) else "")
    before = {p[1][:30] for p in got if good_sums(p[1])}
    bad = [p for p in masked if not good_sums(p[1])]
    wrong = len([p for p in got if not good_sums(p[1])])
    case("pcap_checksums", "" if len(bad) <= wrong and before else f"{len(bad)} wrong, {wrong} before")
    same("pcap_other_tenant", packets(run("console", "ask", "/pcap", *RANGE, "sensor=north", "--as", "city-b")[1]), [])


def masks():
    dark = ipaddress.ip_network(SENSORS["north"][1])
    rows = ask("/flows", "sensor=north", "limit=5000", "--as", "city-a")["rows"]
    clear = ask("/flows", "sensor=north", "limit=5000", "--as", ALL)["rows"]
    case("masked_flows", "" if not any(ipaddress.ip_address(r["dst"]) in dark for r in rows) else "a dark address")
    pairs = {(a["dst"], b["dst"]) for a, b in zip(clear, rows)}
    same("masked_evenly", len(pairs), len({p[0] for p in pairs}))
    same("masked_nothing_else", [{**r, "dst": ""} for r in rows], [{**r, "dst": ""} for r in clear])
    for path in ("/flows", "/flows.csv", "/timeline", "/sources", "/top", "/arcs", "/pcap"):
        same(f"refused_dst{path.replace('/', '_').replace('.', '_')}", run("console", "ask", path, *RANGE, "dst=198.18.0.0/24",
             "--as", "city-a:admin:see-subscriber")[0], 4)
    for path in ("/summary", "/flows.csv", "/arcs", "/sources", f"/sources/{rows[0]['src']}", "/top", "/timeline"):
        out = run("console", "ask", path, *RANGE, "--as", "city-a")[1]
        case(f"hidden_dark{path.replace('/', '_').replace('.', '_')}", "a dark address" if re.search(rb"(?<![\d.])198\.18\.\d", out) else "")


def tenants(flows):
    """The other tenant sees nothing of it, whatever is asked."""
    src = flows[0]["src"]
    for path, empty in (("/flows", lambda a: a["total"] == 0), ("/sources", lambda a: a["total"] == 0),
                        ("/timeline", lambda a: sum(a["packets"]) == 0), ("/arcs", lambda a: a["packets"] == 0),
                        ("/top", lambda a: a["rows"] == []), ("/overview", lambda a: a["packets"] == 0),
                        ("/summary", lambda a: a["packets"] == 0 and not a["scanners"]),
                        (f"/sources/{src}", lambda a: not a["packets"] and not a["history"] and not a["neighbours"])):
        got = ask(path, "sensor=north", "--as", "city-b:admin:see-dark,see-subscriber")
        case(f"tenant{path.replace('/', '_')}", "" if isinstance(got, dict) and empty(got) else f"{str(got)[:100]}")
    south = len(flows_of("south"))
    same("tenant_own", ask("/flows", "--as", "city-b")["total"], south)


def forged():
    wrong = ["from=x", "to=now-1y", "from=2030-01-01 to=2020-01-01", "src=300.1.1.1", "src=10.0.0.1/8", "dport=65536",
             "dport=-1", "sport=1e3", "proto=tcpp", "proto=256", "proto=0x6", "class=tcp", "class=udp,,", "country=JPN",
             "country=1P", "asn=4294967296", "mark=zmaps", "limit=99999999999999999999", "offset=-5", "offset=" + "9" * 40,
             "research=maybe", "bogus=1", "src=::1/0"]
    for i, text in enumerate(wrong):
        code = run("console", "ask", "/flows", *text.split())[0]
        same(f"forged_{i:02}_{text.split('=')[0]}", code, 2)
    same("forged_address", run("console", "ask", "/sources/nobody", *RANGE)[0], 2)
    for path in ("/flows", "/sources", "/arcs", "/top"):
        got = ask(path, "limit=9007199254740992")
        case(f"limit{path.replace('/', '_')}", "" if isinstance(got, dict) and len(got.get("rows", got.get("arcs"))) <= 5000
             else f"{str(got)[:80]}")
    same("bins_capped", ask("/timeline", "bins=100000")["bins"] <= 2000, True)


def research(flows):
    """Sources that a list names are left out, and both numbers told."""
    src = collections.Counter(f["src"] for f in flows).most_common(1)[0][0]
    (TMP / "research.csv").write_text(f"{src}/32,Example Scanner\n")
    conf = TMP / "sakimori.yaml"
    conf.write_text(f"network:\n  operator: self\nstore:\n  directory: {STORE}\nsensors:\n  - name: north\n    interface: lo\n    dark: [198.18.0.0/16]\n"
                    f"analysis:\n  research: [{TMP / 'research.csv'}]\n")
    packets = sum(f["packets"] for f in flows if f["src"] == src)
    total = sum(f["packets"] for f in flows)

    def exclude(path):
        code, out, said = run("--config", conf, "console", "ask", path, *RANGE, "sensor=north", "research=exclude")
        return json.loads(out) if code == 0 else {"error": said}
    for path, of in (("/flows", lambda a: a["packets"]), ("/sources", lambda a: a["packets"]),
                     ("/timeline", lambda a: sum(a["packets"])), ("/arcs", lambda a: a["packets"]),
                     ("/top", lambda a: a["packets"])):
        got = exclude(path)
        if "error" in got:
            case(f"research{path.replace('/', '_')}", got["error"])
            continue
        same(f"research{path.replace('/', '_')}", (of(got), got["left_out"]),
             (total - packets, {"packets": packets, "sources": 1}))
    want = run("--json", "telescope", "read", "--sensor", "north", "--research", "exclude", "--research-file",
               TMP / "research.csv", "--from", "2020-01-01", "--to", "2030-01-01")[1]
    code, out, said = run("--config", conf, "console", "ask", "/summary", *RANGE, "sensor=north", "research=exclude")
    same("research_summary", out, want)


def main():
    make_store()
    summaries()
    flows = flows_of("north")
    tops(flows)
    lists(flows)
    filters(flows)
    lines(flows)
    sources(flows)
    overviews(flows)
    arcs(flows)
    ring()
    masks()
    tenants(flows)
    forged()
    research(flows)


main()
