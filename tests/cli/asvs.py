#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 200
"""Requirements of OWASP ASVS 4.0.3 that docs/asvs.md says are met and no other test shows: over HTTPS, on a real daemon."""
import json
import os
import pathlib
import socket
import sqlite3
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "aid"))
from daemon import Daemon, wait  # noqa: E402
from page import Page  # noqa: E402

PROGRAM = os.environ["SAKIMORI"]
TMP = pathlib.Path(os.environ["TMPDIR"])
LONG = "".join(chr(0x61 + i * 7 % 26) for i in range(256))
CONFIG = """network: {{operator: self}}
metrics: {{listen: off}}
console: {{listen: "127.0.0.1:{port}"}}
"""


def bare(page, method, target, more=None, body=None):
    """Status, fields, octets; with nothing of the session but what `more` says."""
    c = page.connect()
    c.request(method, target, body, {"Host": f"127.0.0.1:{page.port}", **(more or {})})
    r = c.getresponse()
    got = r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
    c.close()
    return got


def passwords(admin):
    """2.1.1 to 2.1.4, 2.1.7, 2.1.9: length counts, in characters, whatever they are; nothing is cut off."""
    bad = ["elevenchars", "password1234", "a\tcontrol character", LONG + "x"]
    good = ["twelve chars", "三つの長い合言葉を忘れない人", " blanks  at the ends ", LONG]
    said = {p: admin.ask("POST", "/users", name=f"u{i}", password=p)[0] for i, p in enumerate(bad + good)}
    if any(said[p] != 400 for p in bad) or any(said[p] != 200 for p in good):
        return {p[:12]: s for p, s in said.items()}
    for i, p in enumerate(good, len(bad)):
        for tried, want in ((p, 200), (p[:-1], 401)):
            other = Page(admin.port)
            if (got := other.ask("POST", "/login", user=f"u{i}", password=tried)[0]) != want:
                return f"{p[:12]!r}, {len(tried)} characters: {got}"
    return ""


def sessions(admin):
    """3.1.1, 3.2.1, 3.2.2: a new one at each login, of 256 bits, never taken from an address or of somebody's choice."""
    seen = set()
    for _ in range(3):
        other = Page(admin.port, known=True)
        name, _, value = other.cookie.partition("=")
        seen.add(value)
        if name != "__Host-sakimori" or len(value) < 43:
            return other.cookie
    chosen = Page(admin.port)
    chosen.cookie = "__Host-sakimori=" + "A" * 43
    chosen.must("/login", user="admin", password=Page.PASSWORD)
    if len(seen) != 3 or chosen.cookie.endswith("A" * 43):
        return f"{len(seen)} of three; {chosen.cookie[:24]}"
    value = admin.cookie.partition("=")[2]
    for target in (f"/api/v1/session?__Host-sakimori={value}", f"/api/v1/session?token={value}"):
        if (got := bare(admin, "GET", target)[0]) not in (400, 401):
            return f"{target[:30]}: {got}"
    return ""


def logout(admin):
    """3.3.1, 3.3.3: what was logged out is out; a new password ends other sessions and tokens."""
    name, first, second = "changer", Page(admin.port), Page(admin.port)
    admin.must("/users", name=name, password=Page.PASSWORD, roles="* viewer")
    for p in (first, second):
        p.must("/login", user=name, password=Page.PASSWORD)
    token = first.ask("POST", "/tokens", label="x")[1]["secret"]
    bearer = {"Authorization": f"Bearer {token}"}
    before = bare(admin, "GET", "/api/v1/status", bearer)[0]
    first.must("/password", old=Page.PASSWORD, new="another sentence of ours")
    states = (before, second.ask("GET", "/session")[0], bare(admin, "GET", "/api/v1/status", bearer)[0], first.ask("GET", "/session")[0])
    first.must("/logout")
    kept = first.ask("GET", "/session")[0]
    return "" if states == (200, 401, 401, 200) and kept == 401 else f"{states} {kept}"


def fields(admin):
    """5.1.1, 5.1.2: what comes twice or isn't declared is refused, nobody makes himself more by a field."""
    asked = {"twice": admin.ask("GET", "/status?from=now&from=now")[0], "undeclared": admin.ask("GET", "/sensors", admin="1")[0],
             "in a form": admin.ask("POST", "/tokens", label="x", user="admin")[0]}
    return "" if all(v == 400 for v in asked.values()) else asked


def failures(admin):
    """7.4.1: a failure tells a code and a sentence, and nothing of the inside."""
    for path in ("/flows?from=' or 1=1 --", "/findings/../../etc", "/sources/1.2.3.4%00", "/cases/%27", "/findings?cursor=zz"):
        status, head, body = bare(admin, "GET", "/api/v1" + urllib.parse.quote(path, safe="/?=&%"), {"Cookie": admin.cookie})
        text = body.decode("latin-1")
        if status not in (400, 404) or set(json.loads(text)["error"]) - {"code", "message", "parameter"} or \
                any(w in text.lower() for w in ("sqlite", "select ", ".c:", "/var/", str(TMP))):
            return f"{path}: {status} {text[:120]}"
    return ""


def stored(admin):
    """8.2.1, 14.4.1: answers aren't kept by browsers and say what they are."""
    for target in ("/api/v1/session", "/api/v1/users", "/api/v1/flows.csv?from=now-1h", "/login", "/api/v1/none"):
        status, head, _ = bare(admin, "GET", target, {"Cookie": admin.cookie})
        if "no-" not in head.get("cache-control", "") or not head.get("content-type") or head.get("x-content-type-options") != "nosniff":
            return f"{target}: {status} {head}"
    text = bare(admin, "GET", "/api/v1/flows.csv?from=now-1h", {"Cookie": admin.cookie})[1]
    return "" if text["content-type"].startswith("text/csv") and "attachment" in text.get("content-disposition", "") else text


def origins(admin):
    """14.5.3: no other site is let in to read, whatever it calls itself."""
    for origin in ("https://evil.example.net", "null", f"https://127.0.0.1:{admin.port}"):
        status, head, _ = bare(admin, "GET", "/api/v1/session", {"Cookie": admin.cookie, "Origin": origin})
        if any(k.startswith("access-control") for k in head):
            return f"{origin}: {head}"
    return ""


def audit(admin, store):
    """7.1.1 to 7.2.2, 8.3.5: logins, failed ones, commands, downloads and looks at subscribers are in the audit, no secret is.
    Some are summed up by the minute, which is waited for."""
    admin.ask("GET", "/own")
    Page(admin.port).ask("POST", "/login", user="admin", password="a wrong secret of mine")

    def lines():
        with sqlite3.connect(f"file:{store}/store.db?mode=ro", uri=True) as db:
            return [tuple(r) for r in db.execute("select who, what, subject from audit")]
    told = {"login", "failed-login", "logout", "password", "user-add", "token-add", "download", "saw-subscribers"}
    if not wait(lambda: told <= {r[1] for r in lines()}, 90):
        return sorted({r[1] for r in lines()})
    text = repr(lines())
    return "a password is in the audit" if any(s in text for s in ("wrong secret", Page.PASSWORD, admin.cookie[-20:])) else ""


def main():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    TMP.chmod(0o755)
    with Daemon(PROGRAM, TMP, CONFIG.format(port=port)) as d:
        if not d.ready():
            sys.exit(f"not ok start: {d.said()[-300:]!r}")
        admin = Page(port, d.store)
        for case in (passwords, sessions, logout, fields, failures, stored, origins):
            why = case(admin)
            print(f"not ok {case.__name__}: {why}" if why else f"ok {case.__name__}", flush=True)
        why = audit(admin, d.store)
        print(f"not ok audit: {why}" if why else "ok audit", flush=True)


main()
