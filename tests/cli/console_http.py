#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console from outside: a real daemon over TLS. What a browser gets; requests that two readers could understand in
two ways; too much of everything; slow and silent clients by the thousand; the certificate; a desk that is away."""
# timeout: 300
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import warnings

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
COOKIE = re.compile(r"__Host-sakimori=([A-Za-z0-9_.~-]+); Path=/; Secure; HttpOnly; SameSite=Strict$")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def daemon(port, more="", name="console", **extra):
    path = pathlib.Path(tempfile.mkdtemp(dir=TMP, prefix=name))
    path.chmod(0o755)
    config = ("network: {operator: self}\nmetrics: {listen: off}\n"
              f"console:\n  listen: 127.0.0.1:{port}\n{more}")
    d = Daemon(PROGRAM, path, config, **extra)
    d.port = port
    return d


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    return c


PLAIN = context()


def tls(d, address="127.0.0.1", source=None, seconds=10):
    s = socket.create_connection((address, d.port), seconds, source_address=source and (source, 0))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return PLAIN.wrap_socket(s)


def unchunk(s, got):
    """RFC 9112, 7.1; what is missing at the end is missing."""
    out = b""
    while True:
        while b"\r\n" not in got:
            got += (more := s.recv(65536))
            if not more:
                return out
        size, _, got = got.partition(b"\r\n")
        n = int(size, 16)
        while len(got) < n + 2:
            got += (more := s.recv(65536))
            if not more:
                return out + got
        out, got = out + got[:n], got[n + 2:]
        if n == 0:
            return out


def read_answer(s, head_only=False):
    """(status, {field: [values]}, body) of one answer; status 0: closed without one."""
    text = b""
    while b"\r\n\r\n" not in text:
        chunk = s.recv(65536)
        if not chunk:
            return 0, {}, text
        text += chunk
    head, _, body = text.partition(b"\r\n\r\n")
    lines, fields = head.decode("latin-1").split("\r\n"), {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip())
    status = int(lines[0].split()[1])
    if head_only:
        return status, fields, body
    if "content-length" in fields:
        while len(body) < int(fields["content-length"][0]):
            chunk = s.recv(65536)
            if not chunk:
                break
            body += chunk
    elif "transfer-encoding" in fields:
        body = unchunk(s, body)
    return status, fields, body


def raw(d, data, source=None):
    """One request, as octets, on a connection of its own."""
    s = tls(d, source=source)
    try:
        s.sendall(data)
        return read_answer(s, data.startswith(b"HEAD "))
    except OSError:
        return 0, {}, b""
    finally:
        s.close()


def ask(d, target, fields="", method="GET", body=None, host=None, source=None):
    text = f"{method} {target} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{d.port}'}\r\n{fields}"
    if body is not None:
        text += FORM + f"Content-Length: {len(body)}\r\n"
    return raw(d, (text + "\r\n" + (body or "")).encode("latin-1"), source)


def role(d, name):
    """{pid, resident_bytes ..} of a role, by --status."""
    text = d.status("--json").stdout
    return next((r for r in json.loads(text)["roles"] if r["role"] == name), None) if text.startswith("{") else None


def cpu(pid):
    f = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) << 10


# ---- what a browser gets ----

PAGES = ("/", "/now", "/explore", "/sources", "/sources/192.0.2.1", "/findings", "/findings/00ff", "/own", "/cases",
         "/cases/12", "/reports", "/system", "/help", "/login")
FIXED = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
         "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin"}


def unsafe(fields):
    """What a page lacks of the fields that keep it safe; None: nothing."""
    for name, value in FIXED.items():
        if fields.get(name) != [value]:
            return f"{name}: {fields.get(name)}"
    policy = fields.get("content-security-policy", [""])[0]
    for word in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
                 "require-trusted-types-for 'script'"):
        if word not in policy:
            return f"no {word} in {policy}"
    if "unsafe" in policy or "server" in fields or "max-age" not in fields.get("strict-transport-security", [""])[0]:
        return str(fields)
    return None


def pages(d):
    for page in PAGES:
        status, fields, body = ask(d, page + "?lang=ja")
        if status != 200 or b"sakimori" not in body or fields["content-type"] != ["text/html; charset=utf-8"]:
            return f"{page}: {status} {fields}"
        if why := unsafe(fields):
            return f"{page}: {why}"
    for page in ("/nowhere", "/sources/a/b", "/index", "/assets/none.js", "/api", "/api/v1", "/cases/"):
        status, fields, body = ask(d, page)
        if status not in (404, 400) or (why := unsafe(fields)):
            return f"{page}: {status} {fields}"
    return None


def assets(d):
    body = ask(d, "/")[2].decode()
    files = re.findall(r'(?:src|href)="(/assets/[^"]+)"', body)
    if not files:
        return body
    for file in files:
        plain = ask(d, file)
        packed = ask(d, file, "Accept-Encoding: gzip, br\r\n")
        if plain[0] != 200 or "immutable" not in plain[1]["cache-control"][0] or unsafe(plain[1]):
            return f"{file}: {plain[:2]}"
        if len(packed[2]) > len(plain[2]) or packed[1].get("vary") != ["Accept-Encoding"]:
            return f"{file}: {packed[:2]}"
        head = ask(d, file, method="HEAD")
        if head[0] != 200 or head[2] or head[1]["content-length"] != plain[1]["content-length"]:
            return f"{file}: HEAD {head[:2]}"
    return None


def strangers(d):
    """Nobody is told anything, in JSON."""
    for target in ("/api/v1/status", "/api/v1/session", "/api/v1/live", "/api/v1/findings", "/api/v1/users"):
        for fields in ("", "Cookie: __Host-sakimori=forged\r\n", "Authorization: Bearer forged\r\n"):
            status, got, body = ask(d, target, fields)
            if status != 401 or "code" not in json.loads(body)["error"] or got["cache-control"] != ["no-store"] or \
                    unsafe(got):
                return f"{target} {fields!r}: {status} {got} {body!r}"
    return None


class Session:
    def __init__(self, d):
        self.d, self.cookie, self.csrf = d, None, None

    def login(self, password, user="admin"):
        body = urllib.parse.urlencode({"user": user, "password": password})
        status, fields, text = ask(self.d, "/api/v1/login", method="POST", body=body)
        if status == 200:
            self.cookie = COOKIE.match(fields["set-cookie"][0]).group(1)
            self.csrf = json.loads(text)["csrf"]
        return status, fields, text

    def fields(self):
        return f"Cookie: __Host-sakimori={self.cookie}\r\n"

    def get(self, target, more=""):
        return ask(self.d, target, self.fields() + more)

    def post(self, target, more=None, **values):
        more = f"X-CSRF-Token: {self.csrf}\r\n" if more is None else more
        return ask(self.d, target, self.fields() + more, "POST", urllib.parse.urlencode(values))


def first_login(d):
    """The one-time password is changed as it asks; the session that comes of it."""
    s, password = Session(d), (d.store / "first-login").read_text().split()[-1]
    status, _, text = s.login(password)
    if status != 200:
        raise RuntimeError(f"{status} {text!r}")
    new = "seven wet otters on a pier"
    status, fields, text = s.post("/api/v1/password", old=password, new=new)
    if status != 200:
        raise RuntimeError(f"{status} {text!r}")
    if s.login(new)[0] != 200:
        raise RuntimeError("the new password is not good")
    d.password = new
    return s


def logins(d):
    d.session = s = first_login(d)
    if s.get("/api/v1/session")[0] != 200 or s.get("/api/v1/status")[0] != 200:
        return f"{s.get('/api/v1/session')} {s.get('/api/v1/status')}"
    for more in ("", "X-CSRF-Token: forged\r\n", f"X-CSRF-Token: {s.csrf}x\r\n"):
        if (r := s.post("/api/v1/logout", more))[0] != 403:
            return f"a command with {more!r}: {r}"
    for more in ("Sec-Fetch-Site: cross-site\r\n", "Origin: https://evil.example.net\r\n"):
        if (r := s.post("/api/v1/logout", more + f"X-CSRF-Token: {s.csrf}\r\n"))[0] != 403:
            return f"a command with {more!r}: {r}"
    other = Session(d)
    other.login(d.password)
    status, fields, _ = other.post("/api/v1/logout")
    if status != 200 or "Max-Age=0" not in fields["set-cookie"][0] or other.get("/api/v1/session")[0] != 401:
        return f"logout: {status} {fields}"
    return None


def form(d):
    """A browser without script."""
    good = urllib.parse.urlencode({"user": "admin", "password": d.password})
    status, fields, _ = ask(d, "/login", method="POST", body=good)
    if status != 303 or fields["location"] != ["/"] or not COOKIE.match(fields["set-cookie"][0]):
        return f"{status} {fields}"
    status, fields, _ = ask(d, "/login", method="POST", body="user=admin&password=wrong")
    return None if (status, fields["location"], "set-cookie" in fields) == (303, ["/login?failed=1"], False) else \
        f"{status} {fields}"


def answers_stream(d):
    status, fields, body = d.session.get("/api/v1/openapi.json")
    if status != 200 or json.loads(body)["openapi"][:2] != "3.":
        return f"{status} {fields} {body[:100]!r}"
    return None


def events(d):
    s = tls(d)
    s.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n{d.session.fields()}\r\n".encode())
    s.settimeout(3)
    text = b""
    try:
        while b"event: state" not in text:
            text += s.recv(4096)
    except OSError as e:
        return f"{e}: {text!r}"
    s.close()
    if b"200 OK" not in text or b"text/event-stream" not in text or b'{"keeper":true,"desk":true}' not in text:
        return repr(text)
    resumed = tls(d)
    resumed.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: deadbeef-3\r\n"
                    f"{d.session.fields()}\r\n".encode())
    resumed.settimeout(3)
    text = b""
    try:
        while b"event: reset" not in text:
            text += resumed.recv(4096)
    except OSError as e:
        return f"{e}: {text!r}"
    resumed.close()
    return None


def events_end(d):
    """A session that ends takes its events along, at the next look (30 s)."""
    other = Session(d)
    other.login(d.password)
    s = tls(d, seconds=45)
    s.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n{other.fields()}\r\n".encode())
    s.recv(4096)
    other.post("/api/v1/logout")
    text, began = b"", time.monotonic()
    s.settimeout(45)
    try:
        while chunk := s.recv(4096):
            text += chunk
    except OSError as e:
        return f"{e} after {time.monotonic() - began:.0f} s: {text!r}"
    return None if b"event: over" in text else repr(text)


# ---- shapes ----

HOST = "Host: localhost\r\n"
SHAPES = (
    ("a method", f"PUT / HTTP/1.1\r\n{HOST}\r\n", (405,)),
    ("TRACE", f"TRACE / HTTP/1.1\r\n{HOST}\r\n", (405,)),
    ("no host", "GET / HTTP/1.1\r\n\r\n", (400,)),
    ("another host", "GET / HTTP/1.1\r\nHost: evil.example.net\r\n\r\n", (421,)),
    ("two hosts", f"GET / HTTP/1.1\r\n{HOST}Host: evil.example.net\r\n\r\n", (400,)),
    ("absolute form", f"GET http://evil.example.net/ HTTP/1.1\r\n{HOST}\r\n", (400,)),
    ("up", f"GET /../../etc/passwd HTTP/1.1\r\n{HOST}\r\n", (400,)),
    ("up in escapes", f"GET /assets/%2e%2e%2fetc HTTP/1.1\r\n{HOST}\r\n", (400,)),
    ("a NUL in escapes", f"GET /now%00.js HTTP/1.1\r\n{HOST}\r\n", (400,)),
    ("a NUL", f"GET /now\0.js HTTP/1.1\r\n{HOST}\r\n", (400, 404)),
    ("a NUL in a field", f"GET /now HTTP/1.1\r\n{HOST}X: a\0b\r\n\r\n", (400,)),
    ("an encoded slash", f"GET /sources%2f1 HTTP/1.1\r\n{HOST}\r\n", (400,)),
    ("two lengths", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", (400,)),
    ("length and chunks", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "0\r\n\r\n", (400,)),
    ("chunks", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (411,)),
    ("chunks in disguise", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", (400, 411)),
    ("a length with a sign", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length: +1\r\n\r\na", (400,)),
    ("a length below nothing", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length: -1\r\n\r\n", (400,)),
    ("a length of letters", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length: abc\r\n\r\n", (400,)),
    ("a length beyond numbers", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length: 99999999999999999999999\r\n\r\n",
     (400, 413)),
    ("a blank before the colon", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length : 1\r\n\r\na", (400,)),
    ("a body of GET", f"GET / HTTP/1.1\r\n{HOST}{FORM}Content-Length: 3\r\n\r\nabc", (400,)),
    ("a large body", f"POST /login HTTP/1.1\r\n{HOST}{FORM}Content-Length: 70000\r\n\r\n", (413,)),
    ("JSON", f"POST /login HTTP/1.1\r\n{HOST}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}", (415,)),
    ("another version", f"GET / HTTP/3.7\r\n{HOST}\r\n", (400, 505)),
    ("no version", "GET /\r\n\r\n", (400, 505)),
    ("HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 405, 505)),
    ("a long path", f"GET /{'a' * 2000} HTTP/1.1\r\n{HOST}\r\n", (414,)),
    ("a long query", f"GET /?{'a' * 9000} HTTP/1.1\r\n{HOST}\r\n", (414,)),
    ("a huge query", f"GET /?{'a' * 100000} HTTP/1.1\r\n{HOST}\r\n", (414, 0)),
    ("a large field", f"GET / HTTP/1.1\r\n{HOST}X: {'a' * 20000}\r\n\r\n", (431,)),
    ("a huge field", f"GET / HTTP/1.1\r\n{HOST}X: {'a' * 200000}\r\n\r\n", (431, 0)),
    ("many fields", f"GET / HTTP/1.1\r\n{HOST}{'X: y' * 1}" + "\r\n" + "X: y\r\n" * 3000 + "\r\n", (431, 0)),
    ("a blank in the target", f"GET /now /x HTTP/1.1\r\n{HOST}\r\n", (400,)),
    ("a folded field", f"GET / HTTP/1.1\r\n{HOST}X: a\r\n b\r\n\r\n", (200, 400)),
    ("a carriage return in a field", f"GET / HTTP/1.1\r\n{HOST}X: a\rTransfer-Encoding: chunked\r\n\r\n", (400, 411)),
    ("text", "hello\r\n\r\n", (400, 405, 0)),
    ("line ends alone", "\r\n\r\n\r\n\r\nGET\r\n\r\n", (400, 405, 0)),
)


def shapes(d):
    wrong = []
    for name, text, want in SHAPES:
        status, fields, body = raw(d, text.encode("latin-1"))
        if status not in want:
            wrong.append(f"{name}: {status} {body[:80]!r}")
        elif 200 < status and "content-security-policy" in fields and unsafe(fields):
            wrong.append(f"{name}: {unsafe(fields)}")
        elif status in (400, 411, 413) and "close" not in [v.lower() for v in fields.get("connection", [])]:
            wrong.append(f"{name}: not closed: {fields}")
    return "; ".join(wrong) or None


def smuggling(d):
    """What is behind a refused request is never taken for one. (The library says some of its own refusals twice.)"""
    behind = f"GET /now HTTP/1.1\r\n{HOST}\r\n"
    for name, text, _ in SHAPES:
        if not any(word in name for word in ("length", "chunk", "blank", "body", "host", "form", "NUL")):
            continue
        s = tls(d)
        got = b""
        try:
            s.sendall((text + behind).encode("latin-1"))
            while chunk := s.recv(65536):
                got += chunk
        except OSError:
            pass
        s.close()
        if b"HTTP/1.1 200" in got or not got.startswith(b"HTTP/1.1 4"):
            return f"{name}: {got[:60]!r}"
    s = tls(d)
    s.sendall(f"GET /now HTTP/1.1\r\n{HOST}\r\n".encode() * 20)
    got = b""
    s.settimeout(2)
    try:
        while got.count(b"HTTP/1.1 200") < 20:
            got += s.recv(65536)
    except OSError:
        pass
    return None if got.count(b"HTTP/1.1 200") == 20 else f"of 20 honest ones in a row {got.count(b'HTTP/1.1 200')}"


def old_tls(d):
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        c = context()
        c.set_ciphers("ALL:@SECLEVEL=0")
        c.minimum_version = c.maximum_version = version
        try:
            c.wrap_socket(socket.create_connection(("127.0.0.1", d.port), 5)).close()
            return f"speaks {version}"
        except (ssl.SSLError, OSError):
            pass
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        c = context()
        c.minimum_version = c.maximum_version = version
        c.wrap_socket(socket.create_connection(("127.0.0.1", d.port), 5)).close()
    c = context()
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    c.set_ciphers("AES128-SHA:AES256-SHA256:ECDHE-ECDSA-AES128-SHA")
    try:
        c.wrap_socket(socket.create_connection(("127.0.0.1", d.port), 5)).close()
        return "speaks old ciphers"
    except (ssl.SSLError, OSError):
        return None


# ---- too much of it ----

def bounded(attack):
    """The attack runs; then the role is the same process, hardly larger, and answers."""
    def case(d):
        pid = role(d, "console")["pid"]
        before, busy = resident(pid), cpu(pid)
        why = attack(d)
        answered = wait(lambda: answers(d), 10)
        now = role(d, "console")
        if now["pid"] != pid:
            return f"the role died; {why}; {now['last_end']}"
        if not answered:
            return f"no answer within 10 s; {why}"
        # A sanitizer keeps what was freed.
        if resident(pid) > before + (48 << 20) and "asan" not in PROGRAM:
            return f"memory +{resident(pid) - before}; {why}"
        print(f"# {attack.__name__}: cpu {cpu(pid) - busy:.2f} s, memory {(resident(pid) - before) >> 10:+} KiB")
        return why
    case.__name__ = attack.__name__
    return case


def answers(d, source="127.0.0.9"):
    """A user of another address."""
    try:
        return ask(d, "/now", source=source)[0] == 200
    except OSError:
        return False


@bounded
def broken_tls(d):
    for i in range(300):
        s = socket.create_connection(("127.0.0.1", d.port), 5)
        s.sendall((b"\x16\x03\x01\x02", b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x03\xff\xff" + b"\1" * 3000,
                   b"\x15\x03\x03\x00\x02\x02\x28")[i % 5] + (os.urandom(300) if i % 2 else b""))
        s.close()


@bounded
def stalled_hello(d):
    """A library that polls for such a client would take a whole core."""
    pid = role(d, "console")["pid"]
    clients = [socket.create_connection(("127.0.0.1", d.port), 5) for _ in range(20)]
    for s in clients:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")
    busy = cpu(pid)
    time.sleep(3)
    busy = cpu(pid) - busy
    for s in clients:
        s.close()
    return None if busy < 0.3 else f"{busy} s of CPU in 3 s"


@bounded
def ten_thousand(d):
    """10,000 that connect and say nothing, from 50 addresses; a user of another one is served meanwhile."""
    pid, clients, served, worst = role(d, "console")["pid"], [], 0, 0
    busy, began = cpu(pid), time.monotonic()
    for i in range(10000):
        s = socket.socket()
        s.setblocking(False)
        s.bind((f"127.0.1.{i % 50 + 1}", 0))
        s.connect_ex(("127.0.0.1", d.port))
        clients.append(s)
        if i % 1000 == 999:
            t = time.monotonic()
            served += answers(d)
            worst = max(worst, time.monotonic() - t)
    files = len(os.listdir(f"/proc/{pid}/fd"))
    busy, took = cpu(pid) - busy, time.monotonic() - began
    for s in clients:
        s.close()
    print(f"# 10,000 in {took:.1f} s: {busy:.2f} s of CPU, {files} descriptors, worst answer {worst:.2f} s")
    if served < 10:
        return f"served {served} of 10"
    return None if files < 1200 and busy < 6 else f"{files} descriptors, {busy} s"


@bounded
def one_floods(d):
    """One address alone: it takes nothing from another."""
    clients = []
    for _ in range(3000):
        s = socket.socket()
        s.setblocking(False)
        s.bind(("127.0.2.1", 0))
        s.connect_ex(("127.0.0.1", d.port))
        clients.append(s)
    ok = all(answers(d) for _ in range(5))
    for s in clients:
        s.close()
    return None if ok else "another was not served"


@bounded
def drip(d):
    """Clients that send an octet now and then: their time ends though they are never idle."""
    clients, began = [tls(d) for _ in range(30)], time.monotonic()
    for s in clients:
        s.sendall(b"GET /now HTTP/1.1\r\nHost: localhost\r\nX: ")
    gone = set()
    while time.monotonic() - began < 14 and len(gone) < 30:
        for i, s in enumerate(clients):
            try:
                s.sendall(b"a")
            except OSError:
                gone.add(i)
        time.sleep(0.5)
    for s in clients:
        s.close()
    return None if len(gone) == 30 else f"{len(gone)} of 30 were ended"


@bounded
def readers_that_do_not_read(d):
    clients = [tls(d) for _ in range(40)]
    for s in clients:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        s.sendall((f"GET /api/v1/openapi.json HTTP/1.1\r\n{HOST}{d.session.fields()}\r\n").encode() * 5)
    ok = answers(d)
    for s in clients:
        s.close()
    return None if ok else "nobody else was answered"


@bounded
def goers(d):
    """Clients that ask and go: the desk is told, nothing stays."""
    for _ in range(200):
        s = tls(d)
        s.sendall(f"GET /api/v1/openapi.json HTTP/1.1\r\n{HOST}{d.session.fields()}\r\n".encode())
        s.close()
    return None if d.session.get("/api/v1/session")[0] == 200 else "no answer afterwards"


# ---- what goes away ----

def desk_away(d):
    os.kill(role(d, "desk")["pid"], signal.SIGSTOP)
    stopped = role(d, "desk")["pid"]
    results = []
    threads = [threading.Thread(target=lambda: results.append(ask(d, "/api/v1/session")[0])) for _ in range(5)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    os.kill(stopped, signal.SIGKILL)
    for t in threads:
        t.join(10)
    if results != [503] * 5:
        return f"questions in flight: {results}"
    if ask(d, "/now")[0] != 200:
        return "no page without a desk"
    return None if wait(lambda: ask(d, "/api/v1/session")[0] == 401, 15) else "no answer of the next desk"


def dying(d):
    pid = role(d, "console")["pid"]
    os.kill(pid, signal.SIGKILL)
    return None if wait(lambda: role(d, "console")["pid"] not in (0, pid) and answers(d), 15) else "not again"


# ---- daemons of their own ----

def openssl(*words):
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=True, timeout=30).stdout


def make_certificate(folder, name, days=2):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days),
            "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")


def shown(d):
    pem = ssl.get_server_certificate(("127.0.0.1", d.port))
    return subprocess.run(["openssl", "x509", "-noout", "-subject", "-fingerprint", "-sha256", "-ext", "subjectAltName"],
                          input=pem, capture_output=True, text=True, check=True).stdout


def own_certificate():
    port = free_port()
    d = daemon(port, "  names: [console.example.net]\n", name="own")
    with d:
        if not d.ready():
            return d.said()
        text, said = shown(d), d.said()
        print_ = re.search(r"Fingerprint=(\S+)", text).group(1).replace(":", "").lower()
        if print_ not in said or "console.example.net" not in text or "127.0.0.1" not in text:
            return f"{text} {said}"
        key = d.store / "console/key.pem"
        if key.stat().st_mode & 0o77:
            return f"the key: {key.stat().st_mode:o}"
        if print_ not in d.status().stdout:
            return f"not in --status: {d.status().stdout}"
        if ask(d, "/", host="console.example.net")[0] != 200:
            return "its name is refused"
    with daemon_again(d) as e:
        return None if e.ready() and shown(e) == text else f"another one: {e.said()}"


def daemon_again(d):
    e = Daemon(PROGRAM, d.folder, d.config.read_text())
    e.port = d.port
    return e


def given_certificate():
    """One that is given, and replaced while it runs."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=TMP))
    make_certificate(folder, "one")
    make_certificate(folder, "two")
    for part in ("pem", "key"):
        shutil.copy(folder / f"one.{part}", folder / f"now.{part}")
    d = daemon(free_port(), f"  tls: {{certificate: {folder}/now.pem, key: {folder}/now.key}}\n", name="given")
    with d:
        if not d.ready() or "CN = one" not in shown(d):
            return d.said()
        for part in ("key", "pem"):
            shutil.copy(folder / f"two.{part}", folder / f"next.{part}")
            os.rename(folder / f"next.{part}", folder / f"now.{part}")
        return None if wait(lambda: answers(d) and "CN = two" in shown(d), 20) else f"{shown(d)} {d.said()}"


def bad_certificate():
    folder = pathlib.Path(tempfile.mkdtemp(dir=TMP))
    make_certificate(folder, "one")
    make_certificate(folder, "two")
    d = daemon(free_port(), f"  tls: {{certificate: {folder}/one.pem, key: {folder}/two.key}}\n", name="bad")
    with d:
        code = d.p.wait(20)
        return None if code == 3 and "console.tls" in d.said() else f"{code} {d.said()}"


def port_taken():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        with daemon(s.getsockname()[1], name="taken") as d:
            code = d.p.wait(20)
            said = d.said()
    return None if code == 3 and "console.listen" in said and "in use" in said else f"{code} {said}"


def loopback_only():
    d = daemon(free_port(), name="remote")
    d.config.write_text(d.config.read_text().replace("127.0.0.1", "0.0.0.0"))
    with d:
        code, said = d.p.wait(20), d.said()
    return None if code in (2, 3) and "allow-remote" in said else f"{code} {said}"


HANDING = """import os, sys
fd = int(sys.argv[1])
os.dup2(fd, 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="console")
os.execv(sys.argv[2], sys.argv[2:])
"""


def handed_over():
    """A service manager's socket outlives the role."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(64)
        os.set_inheritable(s.fileno(), True)
        d = daemon(s.getsockname()[1], name="handed", prefix=(sys.executable, "-c", HANDING, str(s.fileno())))
        d.start = lambda: start_with(d, s.fileno())
        with d:
            if not d.ready() or not answers(d):
                return d.said()
            if "handed over" not in d.said():
                return d.said()
            return dying(d)


def start_with(d, fd):
    d.log = tempfile.NamedTemporaryFile(dir=d.folder, prefix="log.", delete=False)
    d.p = subprocess.Popen([*d.prefix, d.program, "run", "--config", d.config, "--store", d.store],
                           stdin=subprocess.DEVNULL, stdout=d.log, stderr=d.log, env=d.env, pass_fds=(fd,))


def main():
    warnings.simplefilter("ignore", DeprecationWarning)  # old versions of TLS are what is tried
    resource.setrlimit(resource.RLIMIT_NOFILE, (12000, max(12000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    failed = False

    def run(case, *args):
        nonlocal failed
        try:
            why = case(*args)
        except Exception as e:  # a test goes on
            why = f"{type(e).__name__}: {e}"
        failed = failed or bool(why)
        print(f"not ok {case.__name__}: {why}" if why else f"ok {case.__name__}", flush=True)

    with daemon(free_port()) as d:
        if not d.ready():
            print(f"not ok begins: {d.said()}")
            return 1
        for case in (pages, assets, strangers, logins, form, answers_stream, events, shapes, smuggling, old_tls,
                     broken_tls, stalled_hello, ten_thousand, one_floods, drip, readers_that_do_not_read, goers,
                     desk_away):
            run(case, d)
        d.session.login(d.password)
        for case in (events_end, dying):
            run(case, d)
        if d.end() != 0:
            print(f"not ok ends well: {d.said()}")
            failed = True
    for case in (own_certificate, given_certificate, bad_certificate, port_taken, loopback_only, handed_over):
        run(case)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
