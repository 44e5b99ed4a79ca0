#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Every question of the interface, made from its own description: what comes back has the described shape, and holds
nothing of another tenant, whatever is guessed."""
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "aid"))
sys.dont_write_bytecode = True
import shape  # noqa: E402

PROGRAM = os.environ["SAKIMORI"]
TMP = pathlib.Path(os.environ["TMPDIR"])
STORE = TMP / "store"
# Two sensors of two tenants whose dark and own space, and so whatever they saw, have nothing in common.
SENSORS = {"north": ("city-a", "198.18.0.0/16", "203.0.113.0/24", 11),
           "south": ("city-b", "100.64.0.0/16", "203.0.113.0/25", 12)}
OF_THE_DESK = ("/session", "/status", "/users", "/tokens")
RANGE = ["from=2020-01-01", "to=2030-01-01"]


def run(*words):
    done = subprocess.run([PROGRAM, "--store", str(STORE), *map(str, words)], capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def case(name, why):
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
    return not why


def make_store():
    for sensor, (_, dark, own, seed) in SENSORS.items():
        pcap = TMP / f"{sensor}.pcap"
        made = run("range", "traffic", "--profile", "demo", "--seed", seed, "--dark", dark, "--own", own, "-o", pcap)
        assert made[0] == 0, made[2]
        for verb in ("flows", "events"):
            more = ["--dark", dark, "--own", own] if verb == "events" else ["--summary"]
            done = run("telescope", verb, "--sensor", sensor, *more, pcap)
            assert done[0] == 0, done[2]
    with sqlite3.connect(STORE / "store.db") as db:
        for sensor, (tenant, dark, _, _) in SENSORS.items():
            db.execute("insert or replace into sensor values (?,?,?,?,?,?)",
                       (sensor, tenant, "", f"{dark} 2020-01-01 -", "synchronised", 0))
            for k, kind in enumerate(("comment", "assign", "mute")):
                at = 1700000000000000000 + k
                found = db.execute("select id from finding where sensor = ?", (sensor,)).fetchone()[0]
                db.execute("insert into remark values (?,?,?,?,?,?,?,?)",
                           (f"{sensor}-{kind}", tenant, found, kind, f"said in {sensor}", f"who-{sensor}", at, at))
            db.execute('insert into "case" values (?,?,?,?,?,?,?,?,?,?,?)',
                       (f"case-{sensor}", tenant, f"party-{sensor}", "", "watch", 1700000000000000000, f"step-{sensor}", 0,
                        f"holder-{sensor}", "", ""))
            db.execute("insert into gap values (?,?,?,?,?)", (sensor, 1700000000000000000, 1700000060000000000, "test", 7))
            db.execute("insert into sent values (?,?,?,?,?,?)",
                       (f"sent-{sensor}", f"channel-{sensor}", tenant, 1700000000000000000, "sent", f"told {sensor}"))
            db.execute("insert or replace into clock values (?,?,?,?,?)", (sensor, 28333333, "synchronised", 5, "adjtimex"))


def facts(db, sensor):
    """Ids and words that only this sensor's tenant may read."""
    ids = [r[0] for r in db.execute("select id from finding where sensor = ?", (sensor,))]
    tenant = SENSORS[sensor][0]
    words = {sensor, tenant, f"case-{sensor}", f"party-{sensor}", f"holder-{sensor}", f"step-{sensor}", f"said in {sensor}",
             f"who-{sensor}", f"sent-{sensor}", f"channel-{sensor}"} | set(ids)
    return ids, words


def values(path, name, sensor, ids, address):
    """What to put into a parameter of the path."""
    if name == "id":
        return f"case-{sensor}" if "/cases" in path else ids[0]
    return {"address": address}.get(name)


def paths(described):
    """What can be asked of a store alone; the rest is asked of a daemon by api_http.py."""
    return [(p, m["get"]) for p, m in described["paths"].items() if "get" in m and p not in OF_THE_DESK]


def ask(path, described, sensor, ids, address, *words):
    """Asks with all that is needed. Returns exit code, answer, error."""
    names = re.findall(r"\{(\w+)\}", path)
    filled = path
    for n in names:
        filled = filled.replace("{" + n + "}", str(values(path, n, sensor, ids, address)))
    known = {p["name"]: p for p in described["parameters"]}
    given = [r for r in RANGE if r.split("=")[0] in known]
    for p in described["parameters"]:
        if p["required"] and p["in"] == "query":
            choices = p["schema"].get("enum")
            given.append(f"{p['name']}={choices[0] if choices else {'period': 'day'}.get(p['name'], '1')}")
    return run("console", "ask", filled, *given, *words)


def shapes(described, ids, address):
    good = 0
    for path, get in paths(described):
        content = get["responses"]["200"]["content"]
        code, out, said = ask(path, get, "north", ids["north"][0], address)
        if "application/json" not in content:
            good += case(f"answer{path.replace('/', '_')}", "" if code in (0, 1) else f"exit {code}: {said}")
            continue
        why = f"exit {code}: {said}" if code else ""
        if not why:
            try:
                why = "; ".join(shape.faults(content["application/json"]["schema"], json.loads(out)))
            except ValueError as e:
                why = f"no JSON: {e}"
        good += case(f"shape{path.replace('/', '_')}", why)
    return good


def leaks(described, ids, address):
    """As the south's admin: with the south's own ids, and with the north's."""
    other = {w.encode() for w in ids["north"][1]}
    for path, get in paths(described):
        found = []
        for guess in ("south", "north"):
            for right in ("city-b:admin:see-dark,see-subscriber", "city-b:viewer"):
                code, out, said = ask(path, get, guess, ids[guess][0], address, "--as", right)
                # What was asked for may come back in a refusal, never in an answer.
                hits = [w for w in other if w in out]
                if hits:
                    found.append(f"{guess}: {hits[0].decode()} in {out[:80]!r}")
                if code not in (0, 1, 4):
                    found.append(f"exit {code}: {said.strip()}")
                if guess == "north" and "{id}" in path and code not in (1, 4):
                    found.append(f"a guessed id gives exit {code}")
        case(f"tenant{path.replace('/', '_')}", "; ".join(found[:2]))


def main():
    make_store()
    with sqlite3.connect(STORE / "store.db") as db:
        ids = {s: facts(db, s) for s in SENSORS}
        # An address that both have seen, so that neither's answer is empty for that reason.
        seen = {s: {r[0] for r in db.execute("select subject from finding where sensor = ? and kind = 'scan'", (s,))}
                for s in SENSORS}
    both = sorted(seen["north"] & seen["south"]) or sorted(seen["north"])
    described = json.loads(run("console", "openapi")[1])
    case("described", "" if len(paths(described)) > 10 else f"only {len(paths(described))} questions")
    for path in OF_THE_DESK:
        code, out, said = run("console", "ask", path)
        case(f"of-the-desk{path.replace('/', '_')}", "" if code == 3 and not out and "console alone" in said else f"exit {code}: {said}")
    shapes(described, ids, both[0])
    leaks(described, ids, both[0])


main()
