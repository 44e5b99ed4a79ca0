#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Findings, own addresses, cases and the system's lists: the numbers are those of the command line and of what Python
makes of its export; pages hold still; masks and tenants hold; what attackers wrote comes out as valid JSON."""
import csv
import io
import json
import os
import pathlib
import sqlite3
import struct
import subprocess
import time

PROGRAM = os.environ["SAKIMORI"]
TMP = pathlib.Path(os.environ["TMPDIR"])
STORE = TMP / "store"
SENSORS = {"north": ("city-a", "198.18.0.0/16", "203.0.113.0/24", 11), "south": ("city-b", "100.64.0.0/16", "203.0.113.0/24", 12)}
RANGE = ["from=2020-01-01", "to=2030-01-01"]
NOW = int(time.time())
ADMIN_A = ["--as", "city-a:admin:see-dark,see-subscriber"]
VIEWER_A = ["--as", "city-a:viewer"]
cases = []


def case(function):
    cases.append(function)
    return function


def need(condition, why):
    if not condition:
        raise AssertionError(why)


def run(*words):
    done = subprocess.run([PROGRAM, "--store", str(STORE), *map(str, words)], capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def ask(path, *words):
    code, out, said = run("console", "ask", path, *words)
    need(code == 0, f"{path} {words}: exit {code}: {said}")
    return json.loads(out)


def refused(code, path, *words):
    got, out, said = run("console", "ask", path, *words)
    need(got == code and out == b"", f"{path} {words}: exit {got}, not {code}; {out[:80]!r} {said}")


def database():
    return sqlite3.connect(STORE / "store.db")


def put_traffic(sensor):
    _, dark, own, seed = SENSORS[sensor]
    pcap = TMP / f"{sensor}.pcap"
    made = run("range", "traffic", "--profile", "demo", "--seed", seed, "--dark", dark, "--own", own, "-o", pcap)
    need(made[0] == 0, made[2])
    done = run("telescope", "events", "--sensor", sensor, "--dark", dark, "--own", own, pcap)
    need(done[0] == 0, done[2])


def make_store():
    for sensor in SENSORS:
        put_traffic(sensor)
    with database() as db:
        for sensor, (tenant, dark, _, _) in SENSORS.items():
            half = dark.replace("/16", "/17")
            old = "192.0.2.0/24 2020-01-01 2021-01-01"
            db.execute("insert or replace into sensor values (?,?,?,?,?,?)",
                       (sensor, tenant, "", f"{dark} 2020-01-01 -\n{half} - -\n{old}\n2001:db8::/120 - -", "synchronised", 0))


def exported():
    code, out, said = run("store", "export", "findings")
    need(code == 0, said)
    return [json.loads(line) for line in out.splitlines()]


def plain(row):
    return {k: v for k, v in row.items() if k not in ("muted_until", "muted_until_ns", "assigned", "comments")}


def order(rows):
    return sorted(rows, key=lambda f: (f["first_ns"], f["id"]), reverse=True)


def pages(limit, *words, between=None):
    rows, cursor, totals = [], None, set()
    for _ in range(1000):
        got = ask("/findings", *RANGE, f"limit={limit}", *([f"cursor={cursor}"] if cursor else []), *words)
        rows += got["rows"]
        totals.add(got["total"])
        cursor = got["next"]
        if not cursor:
            return rows, totals
        if between:
            between()
            between = None
    raise AssertionError("pages never end")


@case
def pages_are_the_export():
    want = order(exported())
    for limit in (1000, 7, 1):
        rows, totals = pages(limit)
        need([plain(r) for r in rows] == want, f"limit {limit}: other rows than store export findings")
        need(totals == {len(want)}, f"limit {limit}: total {totals}, not {len(want)}")


@case
def filters_are_what_they_say():
    rows = exported()
    some = next(f for f in rows if f["kind"] == "scan-type")
    checks = {
        ("kind=scan,own-watch",): lambda f: f["kind"] in ("scan", "own-watch"),
        ("min_confidence=75",): lambda f: f["confidence"] >= 75,
        ("severity=high,medium",): lambda f: f["severity"] in ("high", "medium"),
        ("sensor=south",): lambda f: f["sensor"] == "south",
        ("spoofable=0",): lambda f: not f["spoofable"],
        (f"subject={some['subject'].split()[0]}",): lambda f: f["subject"].split()[0] == some["subject"].split()[0],
        (f"subject={some['subject']}",): lambda f: f["subject"] == some["subject"],
        ("kind=scan", "sensor=north", "min_confidence=60"):
            lambda f: f["kind"] == "scan" and f["sensor"] == "north" and f["confidence"] >= 60,
    }
    for words, fits in checks.items():
        want = order([f for f in rows if fits(f)])
        got, totals = pages(1000, *words)
        need([plain(r) for r in got] == want and totals == {len(want)}, f"{words}: {len(got)}, not {len(want)}")
    middle = sorted(f["first_ns"] for f in rows)[len(rows) // 2]
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(middle // 10**9))
    got = ask("/findings", "from=2020-01-01", f"to={text}", "limit=1000")
    want = order([f for f in rows if f["first_ns"] < middle // 10**9 * 10**9])
    need([plain(r) for r in got["rows"]] == want, "a time's end cuts otherwise than it says")


@case
def pages_hold_still():
    before = {f["id"] for f in exported()}
    SENSORS["west"] = ("city-c", "100.65.0.0/16", "203.0.113.0/24", 13)
    rows, _ = pages(10, between=lambda: put_traffic("west"))
    seen = [r["id"] for r in rows]
    need(len(seen) == len(set(seen)), "a finding came twice")
    need(before <= set(seen), "a finding that was there was passed over")
    del SENSORS["west"]


@case
def csv_is_the_export():
    code, out, said = run("store", "export", "findings", "--csv")
    want = {r[0]: r for r in csv.reader(io.StringIO(out.decode()))}
    code, out, said = run("console", "ask", "/findings.csv", *RANGE)
    got = {r[0]: r for r in csv.reader(io.StringIO(out.decode()))}
    need(code == 0 and got.keys() == want.keys(), f"other ids: {said}")
    need(all(got[k][:14] == want[k] for k in want if k != "id"), "other cells")


@case
def forged_cursors():
    for path, cursors in {"/findings": ["x", "12", "12.", "12.ab", "-", "9" * 30 + "." + "a" * 32, "1." + "A" * 32,
                                        " 1." + "a" * 32, "1." + "a" * 33, "01." + "a" * 32],
                          "/alerts": ["x", "1", "1/", "1//", "1/a", "1//b", "01/a/b", "1/" + "a" * 80 + "/b"],
                          "/audit": ["x", "-1", "0", "1x", "9" * 30]}.items():
        for cursor in cursors:
            refused(2, path, f"cursor={cursor}")
    # One that may have been: no more is seen by it.
    got = ask("/findings", *RANGE, "limit=1000", f"cursor={2**62}.{'f' * 32}", *VIEWER_A)
    need(all(r["sensor"] == "north" for r in got["rows"]), "a cursor opens another tenant's findings")


@case
def tenants():
    ids = {s: {f["id"] for f in exported() if f["sensor"] == s} for s in SENSORS}
    for words in (ADMIN_A, VIEWER_A):
        got = ask("/findings", *RANGE, "limit=1000", *words)
        need({r["id"] for r in got["rows"]} == ids["north"] and got["total"] == len(ids["north"]), "rows of others")
        other = next(iter(ids["south"]))
        for path in (f"/findings/{other}", f"/findings/{other}/pcap", "/cases/nothing"):
            refused(1, path, *words)
    refused(4, "/audit", *ADMIN_A)


@case
def masked():
    own = {f["subject"] for f in exported() if f["kind"].startswith("own-") and f["sensor"] == "north"}
    need(own, "there is nothing to mask")
    some = next(f for f in exported() if f["kind"] == "own-suspect" and f["sensor"] == "north")
    answers = {p: run("console", "ask", p, *w, *VIEWER_A)[1] for p, w in (
        ("/findings", [*RANGE, "limit=1000"]), ("/own", RANGE), ("/findings.csv", RANGE), (f"/findings/{some['id']}", []))}
    for path, out in answers.items():
        need(out and not [a for a in own if f'"{a}' in out.decode() or f",{a}," in out.decode()], f"{path} tells an own address")
        need(b"(masked)" in out, f"{path} has nothing masked")
    rows = json.loads(answers["/own"])["rows"]
    need({r["address"] for r in rows} == {"(masked)"}, "own addresses shown")
    need(ask("/findings", *RANGE, f"subject={some['subject']}", *VIEWER_A)["total"] == 0, "a filter tells the subject")


@case
def dark_addresses():
    for words in (VIEWER_A, ["--as", "city-a:admin:see-subscriber"]):
        rows = ask("/findings", *RANGE, "limit=1000", *words)["rows"]
        samples = [s for r in rows for s in r["samples"]]
        need(len(samples) > 5, "no samples")
        for s in samples:
            need(not s["dst"].startswith("198.18.") and s["dst"].split(".")[0] >= "240", f"dark address {s['dst']}")
    shown = {(r["id"], i): s for r in ask("/findings", *RANGE, "limit=1000", *ADMIN_A)["rows"] for i, s in enumerate(r["samples"])}
    for r in ask("/findings", *RANGE, "limit=1000", "--as", "city-a:viewer:see-subscriber")["rows"]:
        for i, s in enumerate(r["samples"]):
            real = shown[r["id"], i]
            raw = bytes(map(int, real["dst"].split(".")))
            need(raw not in bytes.fromhex(s["head"]), f"{r['kind']}: the head tells {real['dst']}")
            need(real["head"] != s["head"] and len(real["head"]) == len(s["head"]), "head of another length")
            head = bytes.fromhex(s["head"])
            words = sum(struct.unpack("!10H", head[:20]))
            need((words & 0xffff) + (words >> 16) == 0xffff, f"{r['kind']}: IP checksum of {s['head']}")


def once(fs):
    """Packets of findings that overlap in time are the same ones."""
    total, until, most = 0, None, 0
    for f in sorted(fs, key=lambda f: (f["first_ns"], f["id"])):
        if until is None or f["first_ns"] > until:
            total, until, most = total + most, f["last_ns"], 0
        until, most = max(until, f["last_ns"]), max(most, f["packets"])
    return total + most


@case
def watched_and_suspected():
    """As a daemon keeps them that concludes step by step: the watch is withdrawn, and stays beside the suspicion."""
    some = next(f for f in exported() if f["kind"] == "own-suspect")
    before = next(r for r in ask("/own", *RANGE)["rows"] if r["address"] == some["subject"])
    with database() as db:
        columns = [c[1] for c in db.execute("pragma table_info(finding)")]
        other = {"id": "'" + "0" * 32 + "'", "kind": "'own-watch'", "confidence": "0", "packets": "packets - 1"}
        db.execute(f"insert into finding select {', '.join(other.get(c, c) for c in columns)} from finding where id = ?", (some["id"],))
        db.commit()
        try:
            after = next(r for r in ask("/own", *RANGE)["rows"] if r["address"] == some["subject"])
        finally:
            db.execute("delete from finding where id = ?", ("0" * 32,))
            db.commit()
    need(len(after["findings"]) == len(before["findings"]) + 1, "the watch is not listed")
    need((after["packets"], after["state"]) == (before["packets"], "suspected"), f"{after['packets']} for {before['packets']}")


@case
def own_addresses():
    rows = {}
    for f in exported():
        if f["kind"].startswith("own-"):
            rows.setdefault((f["sensor"], f["subject"]), []).append(f)
    got = ask("/own", *RANGE)
    need(not got["cut"] and len(got["rows"]) == len([k for k in rows if k[0] in SENSORS or k[0] == "west"]), "other addresses")
    by = {r["findings"][0]["sensor"] + r["address"]: r for r in got["rows"]}
    for (sensor, address), fs in rows.items():
        r = by[sensor + address]
        kinds = {f["kind"] for f in fs}
        state = "suspected" if "own-suspect" in kinds else "watch" if "own-watch" in kinds else None
        need((r["state"], r["attacked"]) == (state, "own-attacked" in kinds), f"{address}: {r['state']} by {kinds}")
        need(r["packets"] == once([f for f in fs if f["kind"] != "own-attacked"]), f"{address}: packets")
        need(r["attacked_packets"] == sum(f["packets"] for f in fs if f["kind"] == "own-attacked"), f"{address}: attacked")
        need({x["id"] for x in r["findings"]} == {f["id"] for f in fs}, f"{address}: findings")
        need(r["first_ns"] == min(f["first_ns"] for f in fs) and r["last_ns"] == max(f["last_ns"] for f in fs), "times")


@case
def owners():
    some = next(f for f in exported() if f["kind"] == "own-suspect")
    (TMP / "owners.csv").write_text(f"prefix,owner,contact\n{some['subject']}/32,\"=Lab, 2nd floor\",noc@example.net\n")
    (TMP / "sakimori.yaml").write_text(f"network:\n  operator: self\nanalysis:\n  owners: [{TMP}/owners.csv]\n")
    done = subprocess.run([PROGRAM, "--store", str(STORE), "--config", str(TMP / "sakimori.yaml"), "console", "ask", "/own", *RANGE],
                          capture_output=True, timeout=60)
    need(done.returncode == 0, done.stderr.decode())
    r = next(r for r in json.loads(done.stdout)["rows"] if r["address"] == some["subject"])
    need((r["owner"], r["contact"]) == ("=Lab, 2nd floor", "noc@example.net"), f"{r['owner']}, {r['contact']}")


def explained(answer):
    e, f = answer["explain"], answer["finding"]
    counts = {b["count"]: b["n"] for b in e["because"]}
    need(all(counts[k] == v for k, v in f["counts"].items()), "counts left out")
    return {e["kind_means"], e["rule"], e["confidence_means"], e["spoofable_means"], *([e["tool_means"]] if e["tool_means"] else []),
            *(b["means"] for b in e["because"])}


@case
def every_text_is_there():
    messages = pathlib.Path(__file__).resolve().parents[2] / "web/messages"
    if not (messages / "finding.en.json").exists():
        return
    texts = {lang: json.loads((messages / f"finding.{lang}.json").read_text()) for lang in ("en", "ja")}
    need(texts["en"].keys() == texts["ja"].keys(), "not the same keys in both languages")
    kinds = {}
    for f in exported():
        kinds.setdefault((f["kind"], f["tool"]), f["id"])
    used = set().union(*(explained(ask(f"/findings/{i}")) for i in kinds.values()))
    need(used <= texts["en"].keys(), f"no text: {used - texts['en'].keys()}")


@case
def bytes_of_attackers():
    some = next(f for f in exported() if f["sensor"] == "north")
    bad = b"\xff\xfe<script>\x1b[31m\xe2\x80\xae" + b"A" * 1500
    with database() as db:
        db.execute("insert into remark values ('r-bad', 'city-a', ?, 'comment', cast(? as text), ?, ?, 0)",
                   (some["id"], bad, "=cmd|' /C calc'!A0", NOW * 10**9))
        db.execute("insert into remark values ('r-give', 'city-a', ?, 'assign', ?, 'x', ?, 0)", (some["id"], "=1+1", NOW * 10**9))
    out = run("console", "ask", f"/findings/{some['id']}")[1]
    got = json.loads(out)
    need(b"\x1b" not in out and got["remarks"][0]["text"].startswith("\ufffd\ufffd<script>\x1b[31m"), repr(got["remarks"])[:200])
    need(ask("/findings", *RANGE, "assigned==1+1")["rows"][0]["comments"] == 1, "assigned and comments")
    line = next(r for r in csv.reader(io.StringIO(run("console", "ask", "/findings.csv", *RANGE)[1].decode())) if r[0] == some["id"])
    need(line[15] == "'=1+1", f"a formula in a cell: {line[15]}")


def pcap(*frames):
    out = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 101)
    return out + b"".join(struct.pack("<IIII", NOW, i, len(f), len(f)) + f for i, f in enumerate(frames))


@case
def pinned_packets():
    some = next(f for f in exported() if f["kind"] == "scan" and f["sensor"] == "north" and f["samples"][0]["head"])
    own = next(f for f in exported() if f["kind"] == "own-suspect" and f["sensor"] == "north")
    frames = [bytes.fromhex(s["head"]) for s in some["samples"]]
    pinned = STORE / "packets/pinned"
    pinned.mkdir(parents=True)
    for f in (some, own):
        (pinned / f"{f['id']}.pcap").write_bytes(pcap(*frames))
    need(ask(f"/findings/{some['id']}")["packets"] == len(pcap(*frames)), "octets that are pinned")
    path = f"/findings/{some['id']}/pcap"
    out = run("console", "ask", path, *ADMIN_A)[1]
    need([out[24:][:16], out[-len(frames[-1]):]] == [pcap(*frames)[24:][:16], frames[-1]], "packets changed for who may see them")
    out = run("console", "ask", path, "--as", "city-a:viewer:see-subscriber")[1]
    need(len(out) == len(pcap(*frames)) and out[24:40] == pcap(*frames)[24:40], "other packets")
    for s in some["samples"]:
        need(bytes(map(int, s["dst"].split("."))) not in out, f"the packets tell {s['dst']}")
    refused(4, f"/findings/{own['id']}/pcap", *VIEWER_A)
    disk = ask("/disk")
    need(disk["pinned"] == 2 * len(pcap(*frames)) and disk["packets"] == 0, f"{disk}")
    (pinned / f"{some['id']}.pcap").write_bytes(pcap(*frames)[:60])
    need(run("console", "ask", path)[0] == 0, "a file that was cut off")


@case
def disk():
    got = ask("/disk")
    sizes = {n: (STORE / n).stat().st_size for n in ("store.db", "store.db-wal", "store.db-shm") if (STORE / n).exists()}
    need(abs(got["database"] - sum(sizes.values())) < 1 << 20, f"{got['database']} of {sizes}")
    need(got["archive"] == sum(p.stat().st_size for p in (STORE / "flows").glob("*.seg")), "archive")
    need(got["free"] <= got["total"] == os.statvfs(STORE).f_blocks * os.statvfs(STORE).f_frsize, "free and total")
    need(ask("/disk", *ADMIN_A)["archive"] is None, "a tenant's admin sees what all have together")


@case
def sensors():
    with database() as db:
        for sensor in SENSORS:
            for k, reason in enumerate(("killed", "kernel-drop")):
                at = (NOW - 3600 + k * 60) * 10**9
                db.execute("insert into gap values (?,?,?,?,?)", (sensor, at, at + 10**9, reason, 5 + k))
            db.execute("insert into gap values (?,?,?,?,?)", (sensor, (NOW - 90000) * 10**9, (NOW - 89000) * 10**9, "old", 9))
            for minute in (NOW // 60 - 9, NOW // 60 - 3):
                db.execute("insert into clock values (?,?,?,?,?)", (sensor, minute, "synchronised", minute % 7, "adjtimex"))
            db.execute("insert or replace into name (text) values (?)", (sensor,))
            no = db.execute("select no from name where text = ?", (sensor,)).fetchone()[0]
            for hour, n in ((NOW // 3600, 100), (NOW // 3600 - 23, 20), (NOW // 3600 - 24, 3)):
                db.execute("insert into rollup values (0, ?, ?, 0, 'tcp_syn', ?, 1, null)", (hour, no, n))
                db.execute("insert into rollup values (0, ?, ?, 0, 'udp', ?, 1, null)", (hour, no, n))
            db.execute("insert into progress values (?,?,?,0)", (no + 1000, sensor, NOW * 10**9))
    rows = {r["id"]: r for r in ask("/sensors")["rows"]}
    need(set(rows) >= set(SENSORS), f"{set(rows)}")
    r = rows["north"]
    need(r["dark_addresses"] == 65536 + 256, f"{r['dark_addresses']} dark addresses")
    need((r["gaps_24h"], r["dropped_24h"], r["last_gap"]["reason"]) == (2, 11, "kernel-drop"), f"{r}")
    need(r["packets_24h"] == 240, f"{r['packets_24h']} packets")
    need(r["clock"]["minute"] == NOW // 60 - 3 and r["progress_ns"] == NOW * 10**9 and r["known"], f"{r}")
    need([r["id"] for r in ask("/sensors", *VIEWER_A)["rows"]] == ["north"], "sensors of others")
    need([g["reason"] for g in ask("/gaps", "sensor=north")["rows"]] == ["killed", "kernel-drop"], "gaps of a day")
    two, cut = ask("/gaps", "from=now-2d"), ask("/gaps", "from=now-2d", "limit=3")
    need(len(two["rows"]) == 6 and not two["cut"] and cut["cut"] and cut["rows"] == two["rows"][:3], f"{two}, {cut}")
    need(len(ask("/clock", *VIEWER_A)["rows"]) == 2 and len(ask("/clock")["rows"]) == 4, "minutes of clocks")


@case
def alerts():
    want = []
    with database() as db:
        for k in range(25):
            row = (f"sensor-silent a/{k % 5}", f"mail.{k // 5}", "city-a", (NOW - k // 3) * 10**9, "sent", "told 203.0.113.9")
            db.execute("insert into sent values (?,?,?,?,?,?)", row)
            want.append((-row[3], row[0], row[1]))
    for limit in (100, 4, 1):
        got, cursor = [], None
        while cursor or not got:
            page = ask("/alerts", f"limit={limit}", *([f"cursor={cursor}"] if cursor else []))
            got += [(-r["at_ns"], r["subject"], r["channel"]) for r in page["rows"]]
            cursor = page["next"]
        need(got == sorted(want), f"limit {limit}: {len(got)} of {len(want)}, or not in order")
    need({r["text"] for r in ask("/alerts", *VIEWER_A)["rows"]} == {"(masked)"}, "text not masked")
    need(ask("/alerts", "--as", "city-b:viewer")["rows"] == [], "alerts of another tenant")


@case
def audit():
    for k in range(5):
        need(run("store", "hold-add", "--from", "2026-01-01", "--reason", f"file {k}", "--who", f"user{k % 2}")[0] == 0, "hold")
    rows, cursor = [], None
    while cursor or not rows:
        page = ask("/audit", "limit=2", *([f"cursor={cursor}"] if cursor else []))
        rows += page["rows"]
        cursor = page["next"]
    need([r["seq"] for r in rows] == [5, 4, 3, 2, 1] and page["chain"] is None, f"{rows}")
    need([r["seq"] for r in ask("/audit", "who=user1", "what=hold-add")["rows"]] == [4, 2], "by who and what")
    need(ask("/audit", "verify=1")["chain"] == {"rows": 5, "good": True, "bad_seq": None, "reason": None}, "chain")
    with database() as db:
        db.execute("update audit set who = 'nobody' where seq = 3")
    chain = ask("/audit", "verify=1", "limit=1")["chain"]
    need(chain["good"] is False and chain["bad_seq"] == 3 and chain["reason"], f"{chain}")


def main():
    make_store()
    for function in cases:
        try:
            function()
            print(f"ok {function.__name__}", flush=True)
        except (AssertionError, KeyError, IndexError, ValueError, StopIteration) as e:
            print(f"not ok {function.__name__}: {type(e).__name__} {' '.join(str(e).split())[:300]}", flush=True)


main()
