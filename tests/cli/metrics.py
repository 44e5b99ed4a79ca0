#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The metrics role from outside: the text against the rules of OpenMetrics 1.0, answers, a port that is taken, hostile
clients on the loopback: the role stays small, alive, and answers again."""
# timeout: 240
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
CAPTURE = TMP / "dark.pcap"

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*$")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? '
                    r'(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$')
SUFFIX = {"counter": ("_total",), "gauge": ("",), "info": ("_info",)}


def openmetrics(text):
    """{sample with labels: value}; raises ValueError where the text breaks a rule of the specification."""
    lines = text.split("\n")
    if lines[-2:] != ["# EOF", ""]:
        raise ValueError("does not end in # EOF")
    families, samples, now, began = {}, {}, None, False
    for line in lines[:-2]:
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            if word not in ("TYPE", "UNIT", "HELP") or not NAME.match(name):
                raise ValueError(f"descriptor: {line}")
            if name != now or began:
                if name in families:
                    raise ValueError(f"family {name} comes twice")
                families[name], now, began = {}, name, False
            if word in families[name]:
                raise ValueError(f"{word} of {name} comes twice")
            families[name][word] = rest
            if word == "UNIT" and not name.endswith("_" + rest):
                raise ValueError(f"{name} does not end in its unit {rest}")
            continue
        m = SAMPLE.match(line)
        if not m or not now:
            raise ValueError(f"sample: {line!r}")
        began = True
        kind = families[now].get("TYPE")
        if kind not in SUFFIX or m[1] not in [now + s for s in SUFFIX[kind]]:
            raise ValueError(f"{m[1]} does not belong to {now}, {kind}")
        key = m[1] + "{" + (m[2] or "") + "}"
        if key in samples:
            raise ValueError(f"{key} comes twice")
        if kind == "counter" and float(m[3]) < 0:
            raise ValueError(f"{key} is below 0")
        samples[key] = float(m[3])
    for name, f in families.items():
        if "TYPE" not in f or "HELP" not in f:
            raise ValueError(f"{name} has no TYPE or no HELP")
    return samples


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def daemon(port, more=""):
    path = pathlib.Path(tempfile.mkdtemp(dir=TMP))
    path.chmod(0o755)
    config = (f"network: {{operator: self}}\nmetrics: {{listen: '127.0.0.1:{port}'{more}}}\n"
              "sensors:\n  - {name: west, dark: [198.18.0.0/16]}\n")
    d = Daemon(PROGRAM, path, config, "--replay", CAPTURE)
    d.port = port
    return d


def get(d, path="/metrics", method="GET", host=None, seconds=10):
    """(code, headers, text)"""
    r = urllib.request.Request(f"http://127.0.0.1:{d.port}{path}", method=method, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(r, timeout=seconds) as a:
            return a.status, a.headers, a.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


def samples(d):
    return openmetrics(get(d)[2])


def kept(d):
    return wait(lambda: samples(d).get('sakimori_stored_flows_total{role="keeper"}') == 20000)


def pid_of(d, name):
    st = json.loads(d.status("--json").stdout)
    return next(r["pid"] for r in st["roles"] if r["name"] == name)


def parser_itself():
    """The rules are looked at: what breaks one is refused."""
    good = "# TYPE a counter\n# HELP a A.\na_total 1\n# EOF\n"
    bad = (good[:-6], good.replace("a_total", "a"), good.replace(" 1", " x"), good.replace("# HELP a A.\n", ""),
           good.replace("a_total 1", "a_total 1\na_total 1"), good.replace("A.", "A.\n# UNIT a seconds"),
           good.replace("# EOF", "# TYPE b gauge\n# HELP b B.\nb 1\n# TYPE a counter\n# EOF"),
           good.replace("a_total 1", 'a_total{x="""} 1'))
    openmetrics(good)
    for text in bad:
        try:
            openmetrics(text)
        except ValueError:
            continue
        return f"taken: {text!r}"
    return None


def text_is_openmetrics(d):
    code, headers, text = get(d)
    s = openmetrics(text)
    wanted = {'sakimori_packets_total{role="capture",sensor="west"}': 20000,
              'sakimori_stored_flows_total{role="keeper"}': 20000, 'sakimori_up{role="keeper"}': 1,
              'sakimori_restarts_total{role="keeper"}': 0}
    wrong = {k: s.get(k) for k, v in wanted.items() if s.get(k) != v}
    if wrong or code != 200 or not headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0"):
        return f"{code} {headers['Content-Type']} {wrong}"
    last = s['sakimori_last_packet_timestamp_seconds{role="capture",sensor="west"}']
    if not 1767225600 <= last < 1767225600 + 86400:
        return f"last packet {last}"
    if not 1e6 < s['sakimori_resident_memory_bytes{role="keeper"}'] < 1e10:
        return "resident memory"
    return None if abs(s['sakimori_start_time_seconds{role="supervisor"}'] - time.time()) < 600 else "start time"


def answers(d):
    got = [get(d, "/")[0], get(d, "/healthz")[0], get(d, "/other")[0], get(d, method="POST")[0],
           get(d, method="DELETE")[0], get(d, host="shop.example.net")[0], get(d, host=f"localhost:{d.port}")[0],
           get(d, host=f"[::1]:{d.port}")[0]]
    if got != [200, 200, 404, 405, 405, 403, 200, 200]:
        return str(got)
    code, headers, text = get(d, method="HEAD")
    return None if code == 200 and text == "" and int(headers["Content-Length"]) > 1000 else f"HEAD: {code} {text!r}"


def ill_health(d):
    """A keeper that keeps dying turns /healthz to 503; the metrics count on."""
    for n in range(1, 7):
        os.kill(pid_of(d, "keeper"), signal.SIGSEGV)
        if not wait(lambda n=n: samples(d)['sakimori_restarts_total{role="keeper"}'] == n and
                    samples(d)['sakimori_up{role="keeper"}'] == 1):
            return f"not up again after {n} ends"
    return None if get(d, "/healthz")[0] == 503 else "well, it says"


def resident(pid):
    return int(open(f"/proc/{pid}/statm").read().split()[1]) * 4096


def cpu(pid):
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def connect(d):
    s = socket.socket()
    s.settimeout(5)
    s.connect(("127.0.0.1", d.port))
    return s


def send(s, data):
    """False when the other end is gone."""
    try:
        s.sendall(data)
        return True
    except OSError:
        return False


def closed(s):
    try:
        s.settimeout(0.5)
        return s.recv(65536) == b""
    except socket.timeout:
        return False
    except OSError:
        return True


def bounded(attack):
    """The attack runs; then the role is the same process, no larger, and answers within 10 s."""
    def case(d):
        pid = pid_of(d, "metrics")
        before, busy = resident(pid), cpu(pid)
        why = attack(d)
        answered = wait(lambda: answers_now(d), 10)
        files = len(os.listdir(f"/proc/{pid}/fd")) if os.path.exists(f"/proc/{pid}") else -1
        if pid_of(d, "metrics") != pid or files < 0:
            return f"the role died; {why}"
        if not answered:
            return f"no answer within 10 s; {why}"
        if resident(pid) > before + (8 << 20) or cpu(pid) - busy > 3 or files > 80:
            return f"memory +{resident(pid) - before}, cpu {cpu(pid) - busy} s, {files} files; {why}"
        return why
    case.__name__ = attack.__name__
    return case


def answers_now(d):
    try:
        return get(d, seconds=3)[0] == 200
    except OSError:
        return False


@bounded
def slow_clients(d):
    """40 clients that send an octet every 0.2 s: their total time ends, though they are never idle."""
    clients, began, answered = [connect(d) for _ in range(40)], time.monotonic(), None
    for s in clients:
        send(s, b"GET /metrics HTTP/1.1\r\nX: ")
    while time.monotonic() - began < 7:
        for s in clients:
            send(s, b"a")
        time.sleep(0.2)
        if answered is None and answers_now(d):
            answered = time.monotonic() - began
    gone = sum(closed(s) for s in clients)
    for s in clients:
        s.close()
    if gone < 40:
        return f"only {gone} of 40 were ended"
    return None if answered is not None else "nobody else was answered meanwhile"


@bounded
def a_thousand_connections(d):
    clients = []
    for _ in range(1000):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", d.port))
        clients.append(s)
    time.sleep(1)
    ok = wait(lambda: answers_now(d), 15)
    for s in clients:
        s.close()
    return None if ok else "nobody else was answered while they were there"


@bounded
def huge_header(d):
    s = connect(d)
    send(s, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ")
    sent = sum(send(s, b"a" * 65536) for _ in range(64))
    refused = b""
    try:
        refused = s.recv(200)
    except OSError:
        pass
    s.close()
    ok = refused == b"" or b" 4" in refused[:13] or b" 5" in refused[:13]
    return None if ok else f"{sent} blocks, {refused!r}"


@bounded
def huge_body(d):
    s = connect(d)
    send(s, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(64):
        if not send(s, b"b" * 65536):
            break
    s.close()


@bounded
def pipelining(d):
    """One request a connection: the second is not answered."""
    s = connect(d)
    send(s, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
    got = b""
    try:
        while chunk := s.recv(65536):
            got += chunk
    except OSError:
        pass
    s.close()
    return None if got.count(b"HTTP/1.1 200") == 1 else f"{got.count(b'HTTP/1.1 200')} answers"


@bounded
def garbage(d):
    for i in range(200):
        s = connect(d)
        send(s, (b"\x16\x03\x01\x02", b"\0" * 100, b"\r\n" * 50, b"GET", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET http://[ HTTP/1.1\r\nHost:\r\n\r\n", b"GET /%00%ff HTTP/1.1\r\nHost: a\0b\r\n\r\n")[i % 7] +
             (os.urandom(200) if i % 2 else b""))
        s.close()


@bounded
def readers_that_do_not_read(d):
    clients = [connect(d) for _ in range(30)]
    for s in clients:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        send(s, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    ok = wait(lambda: answers_now(d), 10)
    for s in clients:
        s.close()
    return None if ok else "nobody else was answered"


def port_taken():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        with daemon(s.getsockname()[1]) as d:
            code = d.p.wait(20)
            said = d.said()
    return None if code == 3 and "metrics.listen" in said and "in use" in said else f"{code} {said}"


def loopback_only():
    with daemon(free_port()) as d:
        d.ready()
        listening = subprocess.run(["ss", "-Hltn", f"sport = :{d.port}"], capture_output=True, text=True).stdout
    if "127.0.0.1" not in listening:
        return listening
    other = daemon(free_port())
    other.config.write_text(other.config.read_text().replace("127.0.0.1", "0.0.0.0"))
    with other:
        code, said = other.p.wait(20), other.said()
    return None if code in (2, 3) and "allow-remote" in said else f"{code} {said}"


def main():
    shared = (text_is_openmetrics, answers, pipelining, huge_header, huge_body, garbage, readers_that_do_not_read,
              slow_clients, a_thousand_connections, text_is_openmetrics, ill_health)
    own = (parser_itself, port_taken, loopback_only)
    if os.geteuid() != 0:
        for c in {c.__name__ for c in shared + own}:
            print(f"skip {c}: needs root")
        return
    TMP.chmod(0o755)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    subprocess.run([PROGRAM, "range", "traffic", "-n", "20k", "-o", CAPTURE], check=True)

    def judge(c, *args):
        try:
            why = c(*args)
        except Exception as e:  # a broken case is a failed case
            why = repr(e)
        why = why and " ".join(why.split())
        print(f"not ok {c.__name__}: {why}" if why else f"ok {c.__name__}", flush=True)

    for c in own:
        judge(c)
    with daemon(free_port()) as d:
        if not d.ready() or not kept(d):
            print("not ok starts:", " ".join(d.said().split()))
            return
        for c in shared:
            judge(c, d)
        code = d.end()
        print("ok ends-in-order" if code == 0 else f"not ok ends-in-order: {code} {d.said()}")
    shutil.rmtree(TMP, ignore_errors=True)


main()
