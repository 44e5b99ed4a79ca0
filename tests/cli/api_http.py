#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
"""Every question and command of the interface over HTTPS, from its own description: what an admin gets has the described
shape; no command goes without the session's token, nor for a viewer, nor into another tenant; a tenant's user sees no
row of another's, live events neither."""
import http.client
import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "aid"))
import shape  # noqa: E402
from daemon import Daemon  # noqa: E402
from page import Page  # noqa: E402

PROGRAM = os.environ["SAKIMORI"]
TMP = pathlib.Path(os.environ["TMPDIR"])
STORE = TMP / "store"
SENSORS = {"north": ("city-a", "198.18.0.0/16", "203.0.113.0/24", 11), "south": ("city-b", "100.64.0.0/16", "203.0.113.0/25", 12)}
RANGE = {"from": "2020-01-01", "to": "2030-01-01"}
CONFIG = """network: {{operator: self}}
metrics: {{listen: off}}
console: {{listen: "127.0.0.1:{port}"}}
store: {{retention: {{flows: 0, sources: 0, signals: 0}}}}
sensors:
{sensors}"""
AT = 1700000000000000000


def case(name, why=""):
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def run(*words):
    done = subprocess.run([PROGRAM, "--store", str(STORE), *map(str, words)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"not ok start: {words}: {done.stderr}")
    return done.stdout


def make_store():
    for sensor, (tenant, dark, own, seed) in SENSORS.items():
        pcap = TMP / f"{sensor}.pcap"
        run("range", "traffic", "--profile", "demo", "--seed", seed, "--dark", dark, "--own", own, "-o", pcap)
        run("telescope", "flows", "--summary", "--sensor", sensor, pcap)
        run("telescope", "events", "--sensor", sensor, "--dark", dark, "--own", own, pcap)
    with sqlite3.connect(STORE / "store.db") as db:
        for s, (tenant, dark, _, _) in SENSORS.items():
            db.execute("insert or replace into sensor values (?,?,?,?,?,?)", (s, tenant, "", f"{dark} 2020-01-01 -", "synchronised", 0))
            found = db.execute("select id from finding where sensor = ? and kind = 'scan'", (s,)).fetchone()[0]
            db.execute("insert into remark values (?,?,?,?,?,?,?,?)",
                       (f"r-{s}", tenant, found, "comment", f"said in {s}", f"who-{s}", AT, AT))
            db.execute('insert into "case" values (?,?,?,?,?,?,?,?,?,?,?)',
                       (f"case-{s}", tenant, f"party-{s}", "", "watch", AT, f"step-{s}", 0, f"holder-{s}", "", ""))
            db.execute("insert into gap values (?,?,?,?,?)", (s, AT, AT + 60000000000, "test", 7))
            db.execute("insert into sent values (?,?,?,?,?,?)", (f"sent-{s}", f"channel-{s}", tenant, AT, "sent", f"told {s}"))
        return {s: [r[0] for r in db.execute("select id from finding where sensor = ?", (s,))] for s in SENSORS}


def words_of(sensor, ids):
    """What only this sensor's tenant may read."""
    tenant = SENSORS[sensor][0]
    return {tenant, f'"{sensor}"', f"case-{sensor}", f"party-{sensor}", f"holder-{sensor}", f"step-{sensor}", f"said in {sensor}",
            f"who-{sensor}", f"channel-{sensor}", *ids[sensor]}


def filled(path, sensor, ids):
    """The path with what belongs to this sensor in its braces."""
    values = {"id": f"case-{sensor}" if "/cases" in path else "none" if "/tokens" in path else ids[sensor][0],
              "address": "192.0.2.77", "name": "nobody"}
    return re.sub(r"\{(\w+)\}", lambda m: values[m.group(1)], path)


def words_for(described):
    """The period, and what is needed."""
    known = {p["name"] for p in described["parameters"]}
    given = {k: v for k, v in RANGE.items() if k in known}
    return {**given, **({"period": "day"} if "period" in known else {})}


def questions(described):
    return [(p, m["get"]) for p, m in described["paths"].items() if "get" in m]


def commands(described):
    """Without those that end the session that tries them."""
    return [(p, m["post"]) for p, m in described["paths"].items() if "post" in m and p not in ("/login", "/logout")]


def fields(path, ids, sensor):
    """A form that is right but for whose it is."""
    if path == "/cases":
        return {"findings": ids[sensor][0], "state": "watch"}
    return {"text": "x", "user": "admin", "reason": "x", "until": "2035-01-01", "label": "x", "name": "nobody", "note": "x",
            "new": "a password nobody has", "old": "x"}


def allowed(path, post):
    """Only what the view declares."""
    schema = post.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {}).get("schema", {})
    return set(schema.get("properties", {}))


def form_of(path, post, ids, sensor):
    return {k: v for k, v in fields(path, ids, sensor).items() if k in allowed(path, post)}


def shapes(admin, described, ids):
    for path, get in questions(described):
        content = get["responses"]["200"]["content"]
        status, data = admin.ask("GET", filled(path, "north", ids), **words_for(get))
        why = f"{status} {str(data)[:200]}" if status != 200 and not (status == 404 and path.endswith("pcap")) else ""
        if not why and "application/json" in content:
            why = "; ".join(shape.faults(content["application/json"]["schema"], data))
        case(f"shape{path.replace('/', '_')}", why)


def forged(admin, described, ids):
    """The session is good, its token is missing or another's."""
    for path, post in commands(described):
        got = []
        for csrf in ("", "f" * 32):
            kept, admin.csrf = admin.csrf, csrf
            got.append(admin.ask("POST", filled(path, "north", ids), **form_of(path, post, ids, "north"))[0])
            admin.csrf = kept
        case(f"forged{path.replace('/', '_')}", "" if got == [403, 403] else got)


def viewer(page, described, ids):
    for path, post in commands(described):
        if post["x-role"] in ("analyst", "approver", "admin"):
            status, data = page.ask("POST", filled(path, "north", ids), **form_of(path, post, ids, "north"))
            case(f"viewer{path.replace('/', '_')}", "" if status == 403 else f"{status} {data}")


def guesser(page, described, ids):
    """An analyst of the south, with ids of the north; what is not there is refused alike."""
    for path, post in commands(described):
        if post["x-role"] != "analyst":
            continue
        got = [page.ask("POST", p, **form_of(path, post, i, "north"))
               for p, i in ((filled(path, "north", ids), ids),
                            (re.sub(r"[0-9a-f]{32}|case-\w+", "0" * 32, filled(path, "north", ids)), {"north": ["0" * 32]}))]
        same = re.sub(r"[0-9a-f]{32}|case-north", "ID", json.dumps(got[0])) == re.sub(r"[0-9a-f]{32}", "ID", json.dumps(got[1]))
        case(f"guessed{path.replace('/', '_')}", "" if got[0][0] == 404 and same else got)
    for path, get in questions(described):
        if "{id}" in path and get["x-role"] == "viewer":
            status, data = page.ask("GET", filled(path, "north", ids), **words_for(get))
            case(f"guessed-question{path.replace('/', '_')}", "" if status == 404 else f"{status} {str(data)[:100]}")


def rows(page, described, ids):
    other = words_of("north", ids)
    for path, get in questions(described):
        if get["x-role"] == "admin" or "{id}" in path:
            continue
        status, data = page.ask("GET", filled(path, "south", ids), **words_for(get))
        text = data.decode("latin-1") if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False)
        hits = [w for w in other if w in text]
        case(f"tenant{path.replace('/', '_')}", f"{status}: {hits[:3]}" if hits or status not in (200, 404) else "")


def events(page, known, unknown):
    """What /live says first: the state, and sensors of the caller alone."""
    c = page.connect(4)
    c.request("GET", "/api/v1/live", headers={**page.headers(), "Accept": "text/event-stream"})
    r, text = c.getresponse(), b""
    try:
        while len(text) < 4096 and (line := r.readline()):
            text += line
    except (TimeoutError, socket.timeout, http.client.HTTPException):
        pass
    c.close()
    hits = [w for w in unknown if w.encode() in text]
    return "" if r.status == 200 and b"event: state" in text and not hits else f"{r.status} {hits} {text[:200]!r}"


def add_user(admin, port, name, roles):
    status, data = admin.ask("POST", "/users", name=name, password=Page.PASSWORD, roles=roles)
    if status != 200:
        sys.exit(f"not ok start: {status} {data}")
    page = Page(port)
    page.must("/login", user=name, password=Page.PASSWORD)
    return page


def main():
    ids = make_store()
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    sensors = "".join(f"  - {{name: {s}, tenant: {t}, dark: [{d}], own: [{o}]}}\n" for s, (t, d, o, _) in SENSORS.items())
    TMP.chmod(0o755)
    with Daemon(PROGRAM, TMP, CONFIG.format(port=port, sensors=sensors)) as d:
        if not d.ready():
            sys.exit(f"not ok start: {d.said()[-400:]!r}")
        admin = Page(port, d.store)
        described = admin.ask("GET", "/openapi.json")[1]
        case("the-command-describes-the-same", "" if json.loads(run("console", "openapi")) == described else "another document")
        shapes(admin, described, ids)
        forged(admin, described, ids)
        viewer(add_user(admin, port, "v", "* viewer"), described, ids)
        south = add_user(admin, port, "s", "city-b analyst")
        guesser(south, described, ids)
        rows(south, described, ids)
        case("live-of-a-tenant", events(south, "south", words_of("north", ids)))
        code = d.end()
        case("ended", "" if code == 0 else f"{code}: {d.said()[-300:]!r}")


main()
