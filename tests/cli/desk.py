#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Users of the console over HTTPS, before a real daemon: the first login, roles of a tenant, tokens, passwords that are
guessed, a keeper that is away, many who ask at once, one who reads slowly; how long an answer takes, and what it costs."""
# timeout: 240
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ["SAKIMORI"]
TMP = pathlib.Path(os.environ["TMPDIR"])
CONTEXT = ssl._create_unverified_context()
PASSWORD = "a horse and a battery"


def case(name, good, why=""):
    print(f"ok desk-{name}" if good else f"not ok desk-{name}: {why}", flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Client:
    """A browser, or with a token a program."""

    def __init__(self, port, token=None, source="127.0.0.1"):
        self.port, self.token, self.cookie, self.csrf = port, token, None, None
        self.c = http.client.HTTPSConnection("127.0.0.1", port, context=CONTEXT, timeout=60, source_address=(source, 0))

    def ask(self, method, path, **fields):
        head = {}
        if self.token:
            head["Authorization"] = "Bearer " + self.token
        elif self.cookie:
            head["Cookie"] = self.cookie
        if self.csrf and method == "POST":
            head["X-CSRF-Token"] = self.csrf
        body, text = None, urllib.parse.urlencode(fields)
        if method == "POST":
            head["Content-Type"], body = "application/x-www-form-urlencoded", text
        elif text:
            path += "?" + text
        self.c.request(method, "/api/v1" + path, body=body, headers=head)
        r = self.c.getresponse()
        data = r.read()
        cookie = r.getheader("Set-Cookie")
        if cookie:
            self.cookie = cookie.split(";")[0]
        try:
            return r.status, json.loads(data)
        except ValueError:
            return r.status, data

    def log_in(self, user, password):
        self.cookie = self.csrf = None
        status, said = self.ask("POST", "/login", user=user, password=password)
        self.csrf = said.get("csrf") if status == 200 else None
        return status


def pid_of(d, role):
    children = pathlib.Path(f"/proc/{d.p.pid}/task/{d.p.pid}/children").read_text().split()
    for pid in children:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if role.encode() in words:
            return int(pid)
    return None


def private_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def first(d, port):
    admin = Client(port)
    path = d.store / "first-login"
    case("first-login-is-in-a-file", path.exists(), d.said()[-300:])
    once = path.read_text().strip()
    case("wrong-password", admin.log_in("admin", "x" * 20) == 401)
    case("first-login", admin.log_in("admin", once) == 200)
    case("the-file-is-gone", not path.exists())
    case("must-change", admin.ask("POST", "/users", name="x")[0] == 403)
    case("own-password", admin.ask("POST", "/password", new=PASSWORD)[0] == 200)
    case("once-is-once", Client(port).log_in("admin", once) == 401)
    return admin


def roles(admin, port):
    admin.ask("POST", "/users", name="eve", roles="city-b viewer", password="eve has a password")
    eve = Client(port)
    case("user-of-a-tenant", eve.log_in("eve", "eve has a password") == 200)
    said = eve.ask("GET", "/session")[1]
    case("sees-no-sensor-of-others", said["sensors"] == [], said["sensors"])
    status = eve.ask("GET", "/status")[1]
    case("no-sensor-in-the-status", "capture" not in [r["role"] for r in status["roles"]] and not status["problems"])
    for path in ("/users", "/audit"):
        case("not-for-her" + path.replace("/", "-"), eve.ask("GET", path)[0] == 403)
    case("nothing-of-others", eve.ask("GET", "/findings", **{"from": "2020-01-01"})[1].get("rows") == [])
    csrf, eve.csrf = eve.csrf, admin.csrf
    case("token-of-another-session", eve.ask("POST", "/password", old="eve has a password", new="another one of eve")[0] == 403)
    eve.csrf = csrf
    secret = eve.ask("POST", "/tokens", label="a script", roles="* admin", scope="read")[1]["secret"]
    program = Client(port, token=secret)
    case("a-token-may-no-more", program.ask("GET", "/users")[0] == 403 and program.ask("GET", "/status")[0] == 200)
    admin.ask("POST", "/users/eve", state="disabled")
    case("disabled-at-once", (eve.ask("GET", "/session")[0], program.ask("GET", "/status")[0]) == (401, 401))


def guesses(admin, port):
    eve = Client(port, source="127.0.0.9")
    got = [eve.log_in("admin", "wrong password no %d" % i) for i in range(8)]
    case("throttled", got[:5] == [401] * 5 and 429 in got[5:], got)
    case("elsewhere-not", Client(port).log_in("admin", PASSWORD) == 200)


def quick(admin):
    took = []
    for _ in range(100):
        begun = time.perf_counter()
        assert admin.ask("GET", "/sensors")[0] == 200
        took.append(time.perf_counter() - begun)
    took.sort()
    case("a-view-within-5-ms", took[50] < 0.005 or "asan" in PROGRAM, f"{took[50] * 1e3:.1f} ms")


def crowd(d, admin, port):
    """One who reads slowly, and many at once: all are answered, others go on."""
    slow = Client(port)
    slow.log_in("admin", PASSWORD)
    slow.c.request("GET", "/api/v1/flows.csv?from=2020-01-01&to=2030-01-01", headers={"Cookie": slow.cookie})
    answers, lock = [], threading.Lock()

    def many():
        c = Client(port)
        c.cookie = admin.cookie
        for _ in range(10):
            status = c.ask("GET", "/findings", **{"from": "2020-01-01"})[0]
            with lock:
                answers.append(status)
    threads = [threading.Thread(target=many) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    case("all-are-answered", len(answers) == 200 and set(answers) <= {200, 503} and answers.count(200) > 100,
         {s: answers.count(s) for s in set(answers)})
    r = slow.c.getresponse()
    lines = r.read().count(b"\n")
    case("the-slow-one-gets-all", r.status == 200 and lines > 1000, (r.status, lines))


def keeper_away(d, admin, port):
    keeper = pid_of(d, "keeper")
    os.kill(keeper, signal.SIGSTOP)
    try:
        case("reads-without-a-keeper", admin.ask("GET", "/sensors")[0] == 200)
        case("logs-in-without-a-keeper", Client(port).log_in("admin", PASSWORD) == 200)
        begun = time.monotonic()
        status, said = admin.ask("POST", "/users", name="late")
        case("no-command-without-a-keeper", status == 503 and time.monotonic() - begun < 20, (status, said))
    finally:
        os.kill(keeper, signal.SIGCONT)
    case("the-keeper-is-back", wait(lambda: admin.ask("POST", "/users", name="later")[0] == 200, 10))


def audit(d, admin):
    def lines():
        rows = admin.ask("GET", "/audit", limit=200)[1]["rows"]
        return [(r["who"], r["what"]) for r in rows]
    for want in (("admin", "login"), ("admin", "login-once"), ("admin", "user-add"), ("eve", "token-add"), ("admin", "download")):
        case("audit-" + "-".join(want), wait(lambda want=want: want in lines(), 5), lines())
    asked = subprocess.run([PROGRAM, "--store", str(d.store), "store", "query", "select * from credential"],
                           capture_output=True, text=True)
    case("no-hash-for-a-question", asked.returncode != 0 and "argon2" not in asked.stdout + asked.stderr)
    case("no-hash-in-an-answer", "argon2" not in json.dumps([admin.ask("GET", p)[1] for p in ("/users", "/tokens", "/audit")]))
    with sqlite3.connect(f"file:{d.store}/store.db?mode=ro", uri=True) as db:
        hashes = [h for h, in db.execute("select hash from credential where subject like 'user %'")]
    case("hashes-are-argon2id", hashes and all(h == "!" or h.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for h in hashes))


def main():
    port = free_port()
    pcap = TMP / "demo.pcap"
    TMP.chmod(0o755)
    subprocess.run([PROGRAM, "--quiet", "range", "traffic", "--profile", "demo", "--seed", "1", "--dark", "198.18.0.0/16",
                    "-o", pcap], check=True)
    config = ("network: {operator: self}\nmetrics: {listen: off}\n"
              "sensors:\n  - {name: north, tenant: city-a, dark: [198.18.0.0/16]}\n"
              f"console: {{listen: '127.0.0.1:{port}'}}\n")
    with Daemon(PROGRAM, TMP, config, "--replay", str(pcap), "--speed", "max") as d:
        if not d.ready(30):
            case("daemon", False, d.said()[-500:])
            return
        admin = first(d, port)
        roles(admin, port)
        guesses(admin, port)
        wait(lambda: len(admin.ask("GET", "/findings", **{"from": "2020-01-01"})[1].get("rows", [])) > 5, 30)
        quick(admin)
        crowd(d, admin, port)
        keeper_away(d, admin, port)
        audit(d, admin)
        desk = pid_of(d, "desk")
        print(f"# the desk has {private_kb(desk)} kB of its own", file=sys.stderr)
        case("still-the-same-desk", desk and "desk ended" not in d.said(), d.said()[-300:])
        case("logs-out", admin.ask("POST", "/logout")[0] == 200 and admin.ask("GET", "/session")[0] == 401)


main()
