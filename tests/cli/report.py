#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Reports of the telescope: every number against what the flows of the store say, the same bytes each time, both
languages, days of several zones, gaps, and no dark address in anything that comes out. All parts together: reportdata,
reportfigure, reportfindings, reporthtml, reportpairs, reportrolled, reportscan, reporttable, reporttables."""
import collections
import csv
import datetime
import html.parser
import io
import ipaddress
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import xml.dom.minidom
import zoneinfo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "aid"))
sys.dont_write_bytecode = True
import mmdb  # noqa: E402

PROGRAM = os.environ["SAKIMORI"]
TMP = pathlib.Path(os.environ["TMPDIR"])
STORE = TMP / "store"
DARK, OWN = "198.18.0.0/16", "203.0.113.0/24"
# Packets and the first of them: around midnights of Tokyo, of Kolkata and of New York, and a week earlier.
DAYS = [(21000, "2026-10-28T14:45:00Z"), (26000, "2026-11-04T14:50:00Z"), (30000, "2026-11-05T18:20:00Z"),
        (22000, "2026-11-06T04:50:00Z"), (20000, "2026-11-07T23:50:00Z")]
GAP = (1793900000000000000, 1793900540000000000, "kernel-drop", 4321)
RESEARCH = "192.0.2.64/26,Example Survey\n198.51.100.0/25,Measure University\n"
GROUPS = {"tcp_syn": "tcp_syn", "tcp_syn_ack": "tcp_syn_ack", "udp": "udp", "icmp": "icmp"}
NETS = [ipaddress.ip_network(line.split(",")[0]) for line in RESEARCH.splitlines()]


def run(*words):
    done = subprocess.run([PROGRAM, "--store", str(STORE), *map(str, words)], capture_output=True, timeout=240, cwd=TMP)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def case(name, good, why=""):
    print(f"ok {name}" if good else f"not ok {name}: {' '.join(str(why).split())[:300]}", flush=True)


def make_store():
    for k, (packets, start) in enumerate(DAYS):
        pcap = TMP / f"{k}.pcap"
        made = run("range", "traffic", "--profile", "demo", "--seed", k + 1, "-n", packets, "--start", start, "--dark", DARK,
                   "--own", OWN, "-o", pcap)
        assert made[0] == 0, made[2]
        done = run("telescope", "events", "--sensor", "north-1", "--dark", DARK, "--own", OWN, pcap)
        assert done[0] == 0, done[2]
    with sqlite3.connect(STORE / "store.db") as db:
        db.execute("insert or replace into sensor values (?,?,?,?,?,?)", (
            "north-1", "", "north", "198.18.0.0/17 2020-01-01 -\n198.18.128.0/17 2026-11-06 -\n198.18.3.0/24 2020-01-01 -",
            "synchronised", 0))
        # Backscatter whose sender is forged to be a dark address, and an attack on one.
        for kind, subject, detail in (("backscatter", "198.18.77.7", "tcp flood"),
                                      ("amplification", "198.18.66.6", "udp amplification from source port 53")):
            names = [r[1] for r in db.execute("pragma table_info(finding)")]
            row = dict(zip(names, db.execute("select * from finding where kind = 'backscatter' limit 1").fetchone()))
            row.update(id=kind.ljust(32, "0"), kind=kind, subject=subject, detail=detail, first_ns=GAP[0], last_ns=GAP[1],
                       packets=99999999)
            db.execute(f"insert into finding values ({','.join('?' * len(row))})", list(row.values()))
        db.execute("insert into gap values (?,?,?,?,?)", ("north-1", *GAP))
    (TMP / "research.csv").write_text(RESEARCH)


def read_flows():
    code, out, said = run("telescope", "flows", "--json", "--from", "2026-10-01", "--to", "2026-12-01")
    assert code == 0, said
    return [json.loads(line) for line in out.splitlines()]


def is_research(cache={}, *, src):
    if src not in cache:
        cache[src] = any(ipaddress.ip_address(src) in n for n in NETS)
    return cache[src]


def report(*more, lang="en"):
    code, out, said = run("report", "telescope", "--format", "json", "--lang", lang, "--geo", "none", "--research-file",
                          "research.csv", *more)
    if code:
        raise AssertionError(f"exit {code}: {said}")
    return json.loads(out)


def table(doc, name):
    found = next(t for s in doc["sections"] for t in s["tables"] if t["id"] == name)
    keys = [c["key"] for c in found["columns"]]
    return [dict(zip(keys, row)) for row in found["rows"]]


def notes(doc):
    return " ".join(next(s for s in doc["sections"] if s["id"] == "notes")["text"])


class Truth:
    """The same numbers, computed here from the flows of [start, end)."""

    def __init__(self, flows, start, end):
        self.flows = [f for f in flows if start <= f["first_ns"] < end]
        self.packets = sum(f["packets"] for f in self.flows)
        self.others = sum(f["packets"] for f in self.flows if not is_research(src=f["src"]))
        self.hosts = {f["src"] for f in self.flows}
        self.host_others = {s for s in self.hosts if not is_research(src=s)}
        self.groups = collections.Counter()
        self.group_hosts = collections.defaultdict(set)
        self.ports = collections.Counter()
        self.port_hosts = collections.defaultdict(set)
        mirai, telnet = set(), set()
        for f in self.flows:
            g = GROUPS.get(f["class"], "other")
            self.groups[g] += f["packets"]
            self.group_hosts[g].add(f["src"])
            if f["class"] in ("tcp_syn", "udp"):
                port = f"{f['dport']}/{'tcp' if f['class'] == 'tcp_syn' else 'udp'}"
                self.ports[port] += f["packets"]
                self.port_hosts[port].add(f["src"])
            if "mirai" in f["tags"]:
                mirai.add(f["src"])
            if f["class"] == "tcp_syn" and f["dport"] in (23, 2323):
                telnet.add(f["src"])
        self.mirai, self.telnet_alone = mirai, telnet - mirai


def stretch(zone, first, days):
    begin = datetime.datetime.combine(first, datetime.time(), zoneinfo.ZoneInfo(zone))
    end = datetime.datetime.combine(first + datetime.timedelta(days), datetime.time(), zoneinfo.ZoneInfo(zone))
    return int(begin.timestamp()) * 10**9, int(end.timestamp()) * 10**9


def totals(doc, truth):
    row = table(doc, "totals")[0]
    got = (row["packets"], row["packets_without"], row["hosts"], row["hosts_without"])
    want = (truth.packets, truth.others, len(truth.hosts), len(truth.host_others))
    return "" if got == want else f"{got}, not {want}"


def week(flows):
    doc = report("--period", "week", "--at", "2026-11-05", "--tz", "Asia/Tokyo")
    first = datetime.date(2026, 11, 2)
    truth = Truth(flows, *stretch("Asia/Tokyo", first, 7))
    case("week-totals", not totals(doc, truth) and truth.packets > 90000 and truth.others < truth.packets, totals(doc, truth))
    before = Truth(flows, *stretch("Asia/Tokyo", first - datetime.timedelta(7), 7))
    row = table(doc, "totals")[1]
    case("week-before", (row["packets"], row["hosts"]) == (before.packets, len(before.hosts)) and before.packets == 21000, row)
    wrong = []
    for k, (packets, hosts, bots) in enumerate(zip(table(doc, "packets"), table(doc, "hosts"), table(doc, "bots-by-time"))):
        day = first + datetime.timedelta(k)
        t = Truth(flows, *stretch("Asia/Tokyo", day, 1))
        for g in (*GROUPS, "other"):
            if packets[g] != t.groups[g] or hosts[g] != len(t.group_hosts[g]):
                wrong.append(f"{day} {g}: {packets[g]}, {hosts[g]}, not {t.groups[g]}, {len(t.group_hosts[g])}")
        if (packets["day"], packets["total"], packets["total_without"]) != (str(day), t.packets, t.others):
            wrong.append(f"{day}: {packets}")
        if (hosts["total"], hosts["total_without"]) != (len(t.hosts), len(t.host_others)):
            wrong.append(f"{day}: {hosts}")
        if (bots["mirai_hosts"], bots["telnet_alone_hosts"]) != (len(t.mirai), len(t.telnet_alone)):
            wrong.append(f"{day}: {bots}")
    case("week-days", not wrong, "; ".join(wrong))
    ports = [(r["port"], r["packets"], r["hosts"]) for r in table(doc, "ports")]
    want = [(p, n, len(truth.port_hosts[p])) for p, n in truth.ports.most_common(10)]
    case("ports", sorted(ports) == sorted(want) and [p[1] for p in ports] == [w[1] for w in want], f"{ports}, not {want}")
    bots = table(doc, "bots")[0]
    case("bots", (bots["mirai_hosts"], bots["telnet_alone_hosts"]) == (len(truth.mirai), len(truth.telnet_alone)), bots)
    orgs = {r["organisation"]: r["packets"] for r in table(doc, "research")}
    survey = sum(f["packets"] for f in truth.flows if ipaddress.ip_address(f["src"]) in NETS[0])
    case("research", orgs.get("Example Survey") == survey and survey > 0, orgs)
    dark_space(doc, flows, first)
    gaps(doc)
    victims, attacks = table(doc, "victims"), table(doc, "attacks")
    case("no-dark-victim", [v["address"] for v in victims[:2]] == [None, "198.51.100.80"] and len(attacks) == 1
         and attacks[0]["packets"] == 99999999, f"{victims[:2]} {attacks}")
    return truth


def dark_space(doc, flows, first):
    """Half of the space is watched until 6 November (UTC), then all of it; a prefix inside another counts once."""
    want = 0.0
    change = int(datetime.datetime(2026, 11, 6, tzinfo=datetime.timezone.utc).timestamp()) * 10**9
    for k in range(7):
        a, b = stretch("Asia/Tokyo", first + datetime.timedelta(k), 1)
        share = min(max((change - a) / (b - a), 0), 1)
        want += sum(f["packets"] for f in flows if a <= f["first_ns"] < b) / (32768 * share + 65536 * (1 - share))
    row = table(doc, "totals")[0]
    case("per-address", abs(row["per_address"] / want - 1) < 1e-7, f"{row['per_address']}, not {want}")


def gaps(doc):
    row = table(doc, "gaps")
    case("gaps", len(row) == 1 and row[0]["seconds"] == 540 and row[0]["dropped"] == 4321, row)
    said = notes(doc)
    until = doc["until_ns"]
    a, b = stretch("Asia/Tokyo", datetime.date(2026, 11, 2), 7)
    want = (min(until, b) - a - 540 * 10**9) / (b - a)
    case("gaps-are-told", "4,321" in said and abs(doc["observed"] - want) < 1e-7, f"{doc['observed']} {want} {said}")


def zones(flows):
    for zone, day in (("Asia/Kolkata", "2026-11-06"), ("America/New_York", "2026-11-06"), ("UTC", "2026-11-05"),
                      ("Asia/Tokyo", "2026-11-04"), ("Australia/Lord_Howe", "2026-11-05")):
        if not pathlib.Path("/usr/share/zoneinfo", zone).exists():
            print(f"skip zone-{zone.replace('/', '-')}: no time zones")
            continue
        doc = report("--period", "day", "--at", day, "--tz", zone)
        truth = Truth(flows, *stretch(zone, datetime.date.fromisoformat(day), 1))
        hours = sum(r["total"] for r in table(doc, "packets"))
        why = totals(doc, truth) or ("" if hours == truth.packets else f"hours give {hours}")
        case(f"zone-{zone.replace('/', '-')}", truth.packets > 0 and not why, why or "no packets")
    for period, at, packets in (("quarter", "2026-12-31", "2026-10-01"), ("half-year", "2026-07-01", "2026-07-01"),
                                ("year", "2026-02-03", "2026-01-01")):
        doc = report("--period", period, "--at", at, "--tz", "UTC")
        case(f"period-{period}", doc["period"]["first"] == packets and table(doc, "totals")[0]["packets"] == len(flows)
             and doc["period"]["last"] == "2026-12-31", doc["period"])
    doc = report("--period", "week", "--tz", "UTC")
    case("the-last-whole-week", doc["period"]["first"] == "2026-10-26", doc["period"])
    history = {r["period"]: r["packets"] for r in table(report("--period", "year", "--tz", "UTC", "--at", "2026-01-01"), "history")}
    case("history", history == {"quarter 4 of 2026": len(flows), "2026": len(flows)}, history)


def estimate(truth):
    doc = report("--period", "week", "--at", "2026-11-05", "--tz", "Asia/Tokyo", "--max-sources", 300)
    row = table(doc, "totals")[0]
    error = abs(row["hosts"] / len(truth.hosts) - 1)
    case("estimate", 0 < error < 0.25 and row["packets"] == truth.packets and row["packets_without"] == truth.others,
         f"{row}, really {len(truth.hosts)}")
    case("an-estimate-says-so", "estimates" in notes(doc), notes(doc))


class Page(html.parser.HTMLParser):
    """Every element that is opened is closed, in order; nothing loads or runs."""
    EMPTY = {"meta", "path", "rect"}

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.seen = [], [], collections.Counter()

    def handle_starttag(self, tag, attrs):
        self.seen[tag] += 1
        if tag in ("script", "link", "iframe", "img", "object") or any(
                k.startswith("on") or (k in ("src", "href") and not v.startswith("#")) for k, v in attrs):
            self.faults.append(f"<{tag} {attrs}>")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.EMPTY:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")


def bars(lang, where):
    """The solid part of each bar is the packets without research scanners, the hatched one the rest."""
    rows = list(csv.DictReader((where / "tables/ports.csv").open(newline="")))
    root = xml.dom.minidom.parse(str(where / "figures/ports.svg")).documentElement
    rects = [(r.getAttribute("class"), float(r.getAttribute("width")), float(r.getAttribute("y")))
             for r in root.getElementsByTagName("rect") if r.getAttribute("height") == "18"]
    unit = sum(w for _, w, y in rects if y == rects[0][2]) / int(rows[0]["packets"])
    wrong = []
    for k, row in enumerate(rows):
        mine = {c: w for c, w, y in rects if y == rects[0][2] + 24 * k}
        want = int(row["packets_without"]) * unit, (int(row["packets"]) - int(row["packets_without"])) * unit
        if abs(mine["f0"] - want[0]) > 0.11 or abs(mine.get("s1", 0) - want[1]) > 0.11:
            wrong.append(f"{row['port']}: {mine}, not {want}")
    case(f"{lang}-bars", not wrong and len(rows) == 10, wrong[:2])


def files(flows, lang):
    where = TMP / f"out-{lang}"
    words = ["report", "telescope", "--period", "week", "--at", "2026-11-05", "--lang", lang, "--tz", "Asia/Tokyo", "--geo",
             "none", "--research-file", "research.csv"]
    code, _, said = run(*words, "-o", where)
    case(f"{lang}-written", code == 0 and not said, said)
    page = Page()
    text = (where / "report.html").read_text(encoding="utf-8")
    page.feed(text)
    case(f"{lang}-html", not page.faults and not page.open and page.seen["table"] > 10 and page.seen["svg"] >= 4,
         f"{page.faults[:3]} {page.open} {page.seen}")
    missing = re.findall(r"report\.[a-z_.]+[a-z]", re.sub(r"<style>.*?</style>", "", text, flags=re.S))
    case(f"{lang}-every-text-exists", not missing, missing[:5])
    bad = []
    for svg in where.glob("figures/*.svg"):
        root = xml.dom.minidom.parse(str(svg)).documentElement
        if not all(root.getElementsByTagName(t) for t in ("title", "desc", "text")) or root.getElementsByTagName("script"):
            bad.append(svg.name)
    bars(lang, where)
    case(f"{lang}-svg", not bad and len(list(where.glob("figures/*.svg"))) >= 4, bad)
    for name in where.glob("tables/*.csv"):
        rows = list(csv.reader(io.StringIO(name.read_bytes().decode(), newline=""), strict=True))
        if not name.read_bytes().endswith(b"\r\n") or len({len(r) for r in rows}) != 1:
            bad.append(name.name)
    case(f"{lang}-csv", not bad and len(list(where.glob("tables/*.csv"))) == 17, bad)
    dark = {f["dst"] for f in flows}
    found = [f"{p.name}: {a}" for p in where.rglob("*.*") if p.is_file()
             for a in re.findall(r"\b198\.1[89]\.\d+\.\d+", p.read_text()) if a in dark or a.startswith("198.18.")]
    case(f"{lang}-no-dark-address", not found, found[:3])
    again = TMP / f"again-{lang}"
    run(*words, "-o", again)
    same = [p for p in where.rglob("*.*") if p.is_file() and p.read_bytes() != (again / p.relative_to(where)).read_bytes()]
    case(f"{lang}-same-bytes", not same, same)
    asked = run("console", "ask", "/report/telescope", "period=week", "at=2026-11-05", f"lang={lang}", "tz=Asia/Tokyo",
                "format=csv", "table=packets", "--as", "default:viewer")
    plain = run(*[w for w in words if w not in ("--research-file", "research.csv")], "-o", TMP / "plain")
    case(f"{lang}-the-page-says-the-same", asked[0] == 0 and plain[0] == 0
         and asked[1] == (TMP / "plain/tables/packets.csv").read_bytes(), asked[2])
    return text


def places(truth):
    """Countries, and Japan's bots apart."""
    where = {"192.0.2.0/25": "JP", "198.51.100.0/24": "US", "203.0.113.0/24": "DE"}
    mmdb.write(TMP / "places.mmdb", where)
    nets = {ipaddress.ip_network(p): c for p, c in where.items()}
    code, out, said = run("report", "telescope", "--json", "--period", "week", "--at", "2026-11-05", "--tz", "Asia/Tokyo", "--lang",
                          "ja", "--geo", "places.mmdb", "--research-file", "research.csv")
    doc = json.loads(out or "{}")
    (TMP / "own.yaml").write_text("network: {operator: self}\nanalysis: {geo: [places.mmdb], research: [research.csv]}\n")
    code, told, said = run("report", "telescope", "--json", "--period", "week", "--at", "2026-11-05", "--tz", "Asia/Tokyo",
                           "--lang", "ja", "--config", "own.yaml")
    case("files-of-the-configuration", told == out and code == 0, said or "another report than with --geo and --research-file")
    country = {h: next((c for n, c in nets.items() if ipaddress.ip_address(h) in n), None) for h in truth.hosts}
    packets, hosts = collections.Counter(), collections.Counter(country.values())
    for f in truth.flows:
        packets[country[f["src"]]] += f["packets"]
    got = {r["country"]: (r["packets"], r["hosts"]) for r in table(doc, "countries")}
    want = {c: (packets[c], hosts[c]) for c in packets}
    case("countries", got == want and len(want) == 4 and code == 0, f"{got}, not {want} {said}")
    # No town is known: the map has the middle of the country.
    asked = run("console", "ask", "/arcs", "from=2026-11-01", "to=2026-11-09", "limit=2000", "--config", "own.yaml")
    arcs = json.loads(asked[1] or '{"arcs": []}')["arcs"]
    middle = {"JP": [138, 36], "US": [-98, 39], "DE": [10, 51], None: [None, None]}
    wrong = [a for a in arcs if a[1:3] != middle[country[a[7]]]]
    case("middles-of-countries", not wrong and len({country[a[7]] for a in arcs}) == 4, f"{wrong[:2]} of {len(arcs)} {asked[2]}")
    names = {r["country"]: r["country_name"] for r in table(doc, "countries")}
    case("country-names", names.get("JP") == "日本" and names.get(None) == "不明", names)
    japan = table(doc, "bots")[1]
    want = [sum(country[h] == "JP" for h in v) for v in (truth.mirai, truth.telnet_alone)]
    case("bots-in-japan", [japan["mirai_hosts"], japan["telnet_alone_hosts"]] == want and want[0] > 0, f"{japan}, not {want}")


def retained(flows):
    """A copy of the store whose older flows are gone: packets by day stay what they were."""
    copy = TMP / "older"
    shutil.copytree(STORE, copy)
    with sqlite3.connect(copy / "store.db") as db:
        for (hour,) in db.execute("select hour from segment").fetchall():
            start = datetime.datetime.fromtimestamp(hour * 3600, datetime.timezone.utc)
            if start < datetime.datetime(2026, 11, 5, 20, tzinfo=datetime.timezone.utc):
                (copy / "flows" / f"{start:%Y%m%d%H}.seg").unlink()
                db.execute("delete from segment where hour = ?", (hour,))
    done = subprocess.run([PROGRAM, "--store", str(copy), "report", "telescope", "--json", "--period", "week", "--at", "2026-11-05",
                           "--tz", "Asia/Tokyo", "--geo", "none"], capture_output=True)
    doc = json.loads(done.stdout)
    wrong = []
    for k, row in enumerate(table(doc, "packets")):
        t = Truth(flows, *stretch("Asia/Tokyo", datetime.date(2026, 11, 2) + datetime.timedelta(k), 1))
        if row["total"] != t.packets or any(row[g] != t.groups[g] for g in (*GROUPS, "other")):
            wrong.append(f"{row}, not {t.groups}")
    gone = [r["day"] for r in table(doc, "packets") if r["total_without"] is None]
    case("flows-that-are-gone", not wrong and gone == ["2026-11-04", "2026-11-05", "2026-11-06"]
         and "Flow records of 3 days" in notes(doc), f"{wrong[:1]} {gone} {notes(doc)} {done.stderr}")


def refusals():
    for name, words, want in (("zone", ["--tz", "Mars/Base"], 2), ("zone-path", ["--tz", "../../etc/passwd"], 2),
                              ("date", ["--at", "2026-02-30"], 2), ("period", ["--period", "decade"], 2)):
        code, out, said = run("report", "telescope", *words)
        case(f"refused-{name}", code == want and said and not out, f"exit {code}")
    done = subprocess.run([PROGRAM, "--store", str(TMP / "none"), "report", "telescope"], capture_output=True)
    case("no-store", done.returncode == 3 and done.stderr, done.returncode)
    code, out, said = run("console", "ask", "/report/telescope", "period=week", "--as", "stranger:viewer")
    case("another-tenant", code == 1 and not out, f"exit {code}: {said}")


def main():
    make_store()
    flows = read_flows()
    truth = week(flows)
    zones(flows)
    estimate(truth)
    places(truth)
    retained(flows)
    english, japanese = files(flows, "en"), files(flows, "ja")
    case("words", "Unique hosts" in english and all(w in japanese for w in (
        "観測パケット数", "ユニークホスト数", "ダークネットIPアドレス数", "1 IPアドレス当たりの総観測パケット数", "跳ね返りパケット",
        "観測休止期間", "2026年11月2日")), "a word lacks")
    refusals()


main()
