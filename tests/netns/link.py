#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# With role/uplink.c and role/tlslink.c on both ends.
"""A sensor's machine and its collector: what arrives in the central store is what a run on one machine keeps, whatever
breaks in between; each acknowledged batch once, each loss a gap; nobody gets in whose certificate does not say so."""
import ctypes, json, os, random, re, resource, shutil, signal, socket, sqlite3, ssl, struct, subprocess, sys, tempfile
import threading, time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("SAKIMORI", os.path.join(TOP, "build", "sakimori"))
SEED = int(os.environ.get("LINK_SEED", "1"))
failures = 0


def report(name, why=""):
    global failures
    failures += bool(why)
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def wait(what, seconds=20.0):
    """Until what() is true; its last value."""
    end = time.monotonic() + seconds
    while not (v := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return v


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- certificates ----

def certtool(*args):
    r = subprocess.run(["certtool", *args], capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(f"certtool {args[0]}: {r.stderr[-300:]}")


class Authority:
    def __init__(self, folder):
        self.dir = folder
        os.makedirs(folder, exist_ok=True)
        self.path = lambda n: os.path.join(folder, n)
        certtool("--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile", self.path("ca.key"))
        self.template("ca", 'cn = "test authority"\nca\ncert_signing_key\ncrl_signing_key\nexpiration_days = 30\n')
        certtool("--generate-self-signed", "--load-privkey", self.path("ca.key"), "--template", self.path("ca.tmpl"),
                 "--outfile", self.path("ca.pem"))
        self.issue("server", "collector", 'tls_www_server\ndns_name = "localhost"\nip_address = "127.0.0.1"\n')

    def template(self, name, text):
        with open(self.path(name + ".tmpl"), "w") as f:
            f.write(text)

    def issue(self, file, cn, extra="tls_www_client\n", dates="expiration_days = 30\n"):
        certtool("--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile", self.path(file + ".key"))
        self.template(file, f'cn = "{cn}"\nsigning_key\n{dates}{extra}')
        certtool("--generate-certificate", "--load-privkey", self.path(file + ".key"), "--load-ca-certificate",
                 self.path("ca.pem"), "--load-ca-privkey", self.path("ca.key"), "--template", self.path(file + ".tmpl"),
                 "--outfile", self.path(file + ".pem"))

    def revoke(self, files):
        certs = []
        for f in files:
            certs += ["--load-certificate", self.path(f + ".pem")]
        self.template("crl", "crl_next_update = 30\ncrl_number = 1\n")
        certtool("--generate-crl", "--load-ca-privkey", self.path("ca.key"), "--load-ca-certificate", self.path("ca.pem"),
                 *certs, "--template", self.path("crl.tmpl"), "--outfile", self.path("crl.pem"))


# ---- daemons ----

class Daemon:
    def __init__(self, folder, name, config, *args):
        self.store = os.path.join(folder, name)
        self.config = os.path.join(folder, name + ".yaml")
        self.log = os.path.join(folder, name + ".log")
        with open(self.config, "w") as f:
            f.write(config)
        self.p = None
        self.start(*args)

    def start(self, *args):
        self.p = subprocess.Popen([BINARY, "run", "--config", self.config, "--store", self.store, *args],
                                  stdin=subprocess.DEVNULL, stderr=open(self.log, "a"), start_new_session=True)

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def role(self, name):
        """The pid of a role's process, 0: there is none."""
        for pid in os.listdir("/proc"):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except (OSError, ValueError, IndexError):
                continue
            if parent == self.p.pid and words[1:3] == [b"--role", name.encode()]:
                return int(pid)
        return 0

    def kill_role(self, name):
        pid = self.role(name)
        if pid:
            os.kill(pid, signal.SIGKILL)
            wait(lambda: not os.path.exists(f"/proc/{pid}"), 5)
        return pid

    def kill(self):
        """The machine stops at once."""
        self.p.kill()
        self.p.wait()
        time.sleep(0.1)

    def stop(self, seconds=30):
        if self.p.poll() is None:
            self.p.terminate()
        return self.wait(seconds)

    def wait(self, seconds=60):
        try:
            return self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            return "it did not end"


def central_yaml(ca, port, revoked=False):
    return (f"network: {{ operator: self }}\nmetrics: {{ listen: off }}\nconsole: {{ listen: off }}\ncollect:\n  listen: 127.0.0.1:{port}\n  ca: {ca.path('ca.pem')}\n"
            f"  certificate: {ca.path('server.pem')}\n  key: {ca.path('server.key')}\n"
            + (f"  revoked: {ca.path('crl.pem')}\n" if revoked else ""))


def sensor_yaml(ca, port, name="north", file=None, size="1GB", extra="", host="127.0.0.1"):
    file = file or name
    return (f"network: {{ operator: self }}\nmetrics: {{ listen: off }}\nconsole: {{ listen: off }}\nsensors:\n  - name: {name}\n    dark: [ 198.18.0.0/16 ]\n{extra}"
            f"forward:\n  to: {host}:{port}\n  ca: {ca.path('ca.pem')}\n  certificate: {ca.path(file + '.pem')}\n"
            f"  key: {ca.path(file + '.key')}\n  spool: {{ size: {size} }}\n")


# ---- stores ----

def content(store):
    """All that came of the traffic, in an order of its own."""
    flows = subprocess.run([BINARY, "--json", "--store", store, "telescope", "flows", "--from", "2000-01-01"],
                           capture_output=True)
    if flows.returncode:
        return {"flows": flows.stderr.decode(errors="replace")[-200:]}
    sources = subprocess.run([BINARY, "--json", "--store", store, "telescope", "sources", "--from", "2000-01-01"],
                             capture_output=True).stdout
    db = sqlite3.connect(f"file:{store}/store.db?mode=ro", uri=True)
    rows = lambda q: sorted(db.execute(q).fetchall())
    out = {"flows": sorted(flows.stdout.splitlines()), "sources": sorted(sources.splitlines()),
           "sums": rows("select span, start, dim, key, packets from rollup"),
           "signals": rows('select at_ns, sensor, source, kind from "signal"'),
           "gaps": rows('select sensor, reason, dropped from "gap"')}
    db.close()
    return out


def differences(want, got):
    return ", ".join(f"{k}: {len(want[k])} against {len(got.get(k, []))}" for k in want if want[k] != got.get(k))


def packets(store):
    db = sqlite3.connect(f"file:{store}/store.db?mode=ro", uri=True)
    n = db.execute("select sum(packets) from rollup where span = 1 and dim = 0").fetchone()[0] or 0
    db.close()
    return n


def gaps(store):
    db = sqlite3.connect(f"file:{store}/store.db?mode=ro", uri=True)
    rows = db.execute('select sensor, from_ns, to_ns, reason, dropped from "gap" order by from_ns').fetchall()
    db.close()
    return rows


# ---- a link that breaks ----

class Proxy(threading.Thread):
    """Passes octets on until `budget()` of them went up; then both ends are reset."""

    def __init__(self, to, budget):
        super().__init__(daemon=True)
        self.to, self.budget, self.cuts = to, budget, 0
        self.s = socket.create_server(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                a, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(a,), daemon=True).start()

    def serve(self, a):
        try:
            b = socket.create_connection(("127.0.0.1", self.to))
        except OSError:
            a.close()
            return
        threading.Thread(target=self.back, args=(b, a), daemon=True).start()
        left = self.budget()
        try:
            while left > 0 and (d := a.recv(min(left, 65536))):
                b.sendall(d)
                left -= len(d)
        except OSError:
            pass
        self.cuts += left <= 0
        for s in (a, b):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    @staticmethod
    def back(b, a):
        try:
            while d := b.recv(65536):
                a.sendall(d)
        except OSError:
            pass


# ---- a peer of our own making ----

def mix(x):
    m = (1 << 64) - 1
    x ^= x >> 30
    x = x * 0xbf58476d1ce4e5b9 & m
    x ^= x >> 27
    x = x * 0x94d049bb133111eb & m
    return x ^ x >> 31


def number_of(text):
    h = mix(0x73656e646572)
    for c in text.encode():
        h = mix(h ^ c)
    return h >> 32


def sender_id(sensor, what="live"):
    return (number_of(sensor) & 0x7fffffff) << 32 | number_of(what)


HELLO, WELCOME, BLOCKS, GAP, SENSOR, COMMIT, ACK, REFUSE = 4, 5, 6, 10, 12, 15, 16, 17


def frame(kind, body, sequence=0, count=0, version=1):
    return struct.pack("<IHHIQ", 16 + len(body), kind, version, count, sequence) + body


def text(t):
    return struct.pack("<H", len(t)) + t.encode()


def hello(sensor, sender=None, flags=0):
    return frame(HELLO, struct.pack("<QI", sender or sender_id(sensor), flags) + text(sensor))


def commit(sequence):
    return frame(COMMIT, struct.pack("<qB", 1, 0), sequence, 1)


def gap(sensor, sequence, start, reason="test"):
    return frame(GAP, text(sensor) + struct.pack("<qq", start, start + 1) + text(reason) + struct.pack("<Q", 7), sequence, 1)


class Peer:
    def __init__(self, ca, file, port, timeout=5):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca.path("ca.pem"))
        context.check_hostname = False
        if file:
            context.load_cert_chain(ca.path(file + ".pem"), ca.path(file + ".key"))
        self.s = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout))

    def send(self, data):
        self.s.sendall(data)

    def get(self):
        """(kind, sequence, body), None: the end."""
        try:
            head = self.read(4)
            rest = self.read(struct.unpack("<I", head)[0])
        except (OSError, EOFError):
            return None
        kind, _, _, sequence = struct.unpack("<HHIQ", rest[:16])
        return kind, sequence, rest[16:]

    def read(self, n):
        out = b""
        while len(out) < n:
            d = self.s.recv(n - len(out))
            if not d:
                raise EOFError
            out += d
        return out

    def close(self):
        self.s.close()


def ends(ca, file, port, *sends):
    """Does the collector end it, without an answer to the last of what is sent?"""
    try:
        p = Peer(ca, file, port)
        for s in sends[:-1]:
            p.send(s)
            if p.get() is None:
                return "it ended too early"
        p.send(sends[-1])
        answer = p.get()
        p.close()
    except (OSError, ssl.SSLError) as e:
        return "" if not isinstance(e, TimeoutError) else "no end"
    return "" if answer is None else f"answered with kind {answer[0]}"


# ---- cases ----

class Bench:
    def __init__(self, folder):
        self.dir = folder
        self.ca = Authority(os.path.join(folder, "keys"))
        self.other = Authority(os.path.join(folder, "other"))
        for n in ("north", "south", "revoked"):
            self.ca.issue(n, n)
        self.other.issue("north", "north")
        self.ca.issue("expired", "expired", dates='activation_date = "2020-01-01"\nexpiration_date = "2020-02-01"\n')
        self.ca.issue("purpose", "purpose", "tls_www_server\n")
        self.ca.issue("several", "north", 'tls_www_client\ndns_name = "south"\n')
        self.ca.revoke(["revoked"])
        self.capture = os.path.join(folder, "demo.pcap")
        # Of today: what is old would fall to retention in the middle of a case.
        start = str(int(time.time()) // 3600 * 3600 - 7200)
        subprocess.run([BINARY, "range", "traffic", "-n", "60000", "--start", start, "-o", self.capture], check=True, capture_output=True)
        local = Daemon(folder, "local", "network: { operator: self }\nmetrics: { listen: off }\nconsole: { listen: off }\nsensors:\n  - name: north\n    dark: [ 198.18.0.0/16 ]\n",
                       "--replay", self.capture, "--once")
        if local.wait():
            raise RuntimeError("local run: " + local.text()[-300:])
        self.want = content(local.store)
        if len(self.want["flows"]) < 1000:
            raise RuntimeError(f"local run: {len(self.want['flows'])} flows")

    def central(self, name, revoked=True):
        port = free_port()
        d = Daemon(self.dir, name, central_yaml(self.ca, port, revoked))
        d.port = port
        if not wait(lambda: "ready" in d.text(), 10):
            raise RuntimeError("central: " + d.text()[-300:])
        return d


def waiting(store):
    """The forward role's gauge of waiting octets, from its page of counters; None: no page."""
    try:
        with open(os.path.join(store, "run", "forward.counters"), "rb") as f:
            page = f.read()
    except OSError:
        return None
    return struct.unpack_from("<Q", page, COUNTERS_AT + 8 * SPOOL_BYTES)[0]


def layout():
    """Where the gauge lies in a page of counters: only one build reads it, so its header is asked."""
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "at.c"), "w") as f:
            f.write('#include "role/counters.h"\n#include <stdio.h>\n'
                    'int main(void)\n{\n\tprintf("%zu %d", offsetof(struct counters, v), COUNTER_SPOOL_BYTES);\n}\n')
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-I" + os.path.join(TOP, "src"), f.name, "-o", d + "/at"], check=True)
        return [int(n) for n in subprocess.run([d + "/at"], check=True, capture_output=True, text=True).stdout.split()]


COUNTERS_AT, SPOOL_BYTES = layout()


def check(b, name, central, sensor, min_events=0, events=0):
    left = wait(lambda: not sensor.role("capture") and waiting(sensor.store) == 0, 60)
    codes = sensor.stop(), central.stop()
    why = differences(b.want, content(central.store))
    if not left:
        why = f"{waiting(sensor.store)} octets wait still; " + why
    if codes != (0, 0):
        why = f"exit {codes}: {sensor.text()[-200:]} {central.text()[-200:]}"
    if events < min_events:
        why = f"only {events} breaks"
    report(name, why)


def case_same(b):
    central = b.central("c-same")
    sensor = Daemon(b.dir, "s-same", sensor_yaml(b.ca, central.port, host="localhost"), "--replay", b.capture, "--once")
    code = sensor.wait()
    sensor.start()
    wait(lambda: sensor.text().count("ready") == 2, 10)
    check(b, "the same flows, sources, sums and signals as on one machine", central, sensor)
    if code:
        report("a replay over the link ends with 0", f"exit {code}: {sensor.text()[-300:]}")


def case_cuts(b):
    rng = random.Random(SEED)
    central = b.central("c-cuts")
    proxy = Proxy(central.port, lambda: rng.choice((rng.randrange(1, 4000), rng.randrange(1, 300000))))
    sensor = Daemon(b.dir, "s-cuts", sensor_yaml(b.ca, proxy.port), "--replay", b.capture)
    wait(lambda: proxy.cuts >= 25, 25)
    proxy.budget = lambda: 1 << 40
    check(b, "the link cut in the middle of messages", central, sensor, 15, proxy.cuts)


def case_central_killed(b):
    central = b.central("c-killed")
    sensor = Daemon(b.dir, "s-killed", sensor_yaml(b.ca, central.port), "--replay", b.capture, "--speed", "300")
    n = 0
    for i in range(6):
        time.sleep(0.7)
        if i % 2:
            n += central.kill_role("keeper") > 0
        else:
            central.kill()
            central.start()
            n += 1
    check(b, "the central daemon and its keeper killed", central, sensor, 4, n)


def case_roles_killed(b):
    central = b.central("c-roles")
    sensor = Daemon(b.dir, "s-roles", sensor_yaml(b.ca, central.port), "--replay", b.capture, "--speed", "300")
    n = 0
    wait(lambda: "ready" in sensor.text(), 10)
    for i in range(6):
        time.sleep(0.6)
        n += (central.kill_role("collect") if i % 3 == 2 else sensor.kill_role("forward")) > 0
    check(b, "forward and collect killed", central, sensor, 4, n)


def case_strangers(b):
    central = b.central("c-strangers")
    port = central.port
    ok = Peer(b.ca, "north", port)
    ok.send(hello("north"))
    report("a valid certificate is let in", "" if (a := ok.get()) and a[0] == WELCOME else f"{a}")
    other = b.other
    shutil.copy(b.ca.path("ca.pem"), other.path("real.pem"))
    mixed = Authority.__new__(Authority)
    mixed.path = lambda n: b.ca.path(n) if n == "ca.pem" else other.path(n)
    report("a certificate of another authority is refused", ends(mixed, "north", port, hello("north")))
    report("an expired certificate is refused", ends(b.ca, "expired", port, hello("expired")))
    report("a revoked certificate is refused", ends(b.ca, "revoked", port, hello("revoked")))
    report("a server's certificate is refused", ends(b.ca, "purpose", port, hello("purpose")))
    report("no certificate is refused", ends(b.ca, None, port, hello("north")))
    report("another sensor's name ends it", ends(b.ca, "south", port, hello("north")))
    report("another sensor's number ends it", ends(b.ca, "south", port, hello("south", sender_id("north"))))
    report("garbage after TLS ends it", ends(b.ca, "south", port, random.Random(SEED).randbytes(300000)))
    report("another version ends it", ends(b.ca, "south", port, frame(HELLO, b"", 0, 0, 2)))
    report("a kind that may not come ends it", ends(b.ca, "south", port, frame(WELCOME, b"")))
    report("a batch before the greeting ends it", ends(b.ca, "south", port, commit(1)))
    report("two numbers in a batch end it", ends(b.ca, "south", port, hello("south"), gap("south", 1, 5) + gap("south", 2, 5)))
    several = Peer(b.ca, "several", port)
    several.send(hello("south") + hello("north"))
    report("a certificate may name several sensors", "" if [several.get()[0], several.get()[0]] == [WELCOME] * 2 else "no welcome")
    several.close()
    p = Peer(b.ca, "south", port)
    p.send(hello("south"))
    p.get()
    p.send(gap("north", 1, 5) + commit(1))
    a = p.get()
    report("a record of another sensor is refused", "" if a and a[0] == REFUSE else f"{a}")
    p.send(gap("south", 2, 5) + commit(2))
    a = p.get()
    report("what is right is kept after that", "" if a and a[:2] == (ACK, 2) else f"{a}")
    p.send(gap("south", 2, 5) + commit(2))
    a = p.get()
    report("a batch twice is kept once", "" if a and a[:2] == (ACK, 2) else f"{a}")
    p.close()
    central.stop()
    kept = [g for g in gaps(central.store)]
    report("nothing else came into the store", "" if kept == [("south", 5, 6, "test", 7)] else f"{kept}")


def case_collector(b):
    """What a sensor's machine takes for its collector, and what a collector is told later."""
    impostor = Daemon(b.dir, "c-impostor", central_yaml(b.other, port := free_port()))
    sensor = Daemon(b.dir, "s-impostor", sensor_yaml(b.ca, port), "--replay", b.capture)
    said = wait(lambda: re.search("no link .*(?:issuer is unknown|NOT trusted)", sensor.text()), 10)
    left = wait(lambda: waiting(sensor.store), 10)
    sensor.stop()
    impostor.stop()
    report("a collector of another authority gets nothing", "" if said and left and not packets(impostor.store) else sensor.text()[-300:])
    b.ca.issue("server2", "other", 'tls_www_server\ndns_name = "other.example.net"\n')
    os.rename(b.ca.path("server.pem"), b.ca.path("kept.pem")), os.rename(b.ca.path("server.key"), b.ca.path("kept.key"))
    shutil.copy(b.ca.path("server2.pem"), b.ca.path("server.pem")), shutil.copy(b.ca.path("server2.key"), b.ca.path("server.key"))
    other = b.central("c-named")
    sensor = Daemon(b.dir, "s-named", sensor_yaml(b.ca, other.port), "--replay", b.capture)
    said = wait(lambda: re.search("no link .*name in the certificate", sensor.text()), 10)
    sensor.stop()
    other.stop()
    os.rename(b.ca.path("kept.pem"), b.ca.path("server.pem")), os.rename(b.ca.path("kept.key"), b.ca.path("server.key"))
    report("a collector of another name gets nothing", "" if said and not packets(other.store) else sensor.text()[-300:])
    wrong = Daemon(b.dir, "s-wrong", sensor_yaml(b.ca, port, "north", "south"), "--replay", b.capture)
    code = wrong.wait(10)
    report("a certificate for another sensor is told at the start", "" if code == 3 and "for another sensor" in wrong.text()
           else f"exit {code}: {wrong.text()[-300:]}")
    central = b.central("c-later")
    p = Peer(b.ca, "south", central.port)
    p.send(hello("south"))
    first = p.get()
    b.ca.revoke(["revoked", "south"])
    old = central.role("collect")
    central.p.send_signal(signal.SIGHUP)
    ended = p.get()
    wait(lambda: central.role("collect") not in (0, old), 10)
    time.sleep(0.5)
    refused = ends(b.ca, "south", central.port, hello("south"))
    other = Peer(b.ca, "north", central.port)
    other.send(hello("north"))
    still = other.get()
    b.ca.revoke(["revoked"])
    central.stop()
    report("SIGHUP: a certificate that was revoked later is refused", refused or ("" if first and ended is None and still else
           f"{first} {ended} {still} {central.text()[-300:]}"))


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) >> 10


def case_hostile(b):
    central = b.central("c-hostile")
    silent = []
    for i in range(100):
        try:
            silent.append(socket.create_connection(("127.0.0.1", central.port), 2, (f"127.0.0.{2 + i % 6}", 0)))
        except OSError:
            break
    deaf = Peer(b.ca, "south", central.port, 1)
    slow = Peer(b.ca, "several", central.port)
    slow.send(hello("south"))
    slow.get()
    slow.send(gap("south", 9, 5)[:-1])
    end = time.monotonic() + 4
    try:
        while time.monotonic() < end:
            deaf.send(hello("south") * 1000)
    except OSError:
        pass
    sensor = Daemon(b.dir, "s-hostile", sensor_yaml(b.ca, central.port, "south"), "--replay", b.capture)
    done = wait(lambda: waiting(sensor.store) == 0 and packets(central.store) >= 60000, 30)
    rss = memory(central.role("collect"))
    closed = wait(lambda: all(gone(s) for s in silent), 14)
    sensor.stop()
    central.stop()
    report("silent, slow and deaf peers hold nobody up", "" if done else f"{packets(central.store)} packets: {central.text()[-300:]}")
    report("silent connections are ended", "" if closed else "they are open")
    limit = 200 if "asan" not in BINARY else 2000
    report("a deaf peer takes no memory", "" if rss < limit else f"{rss} MiB")


def gone(s):
    try:
        s.setblocking(False)
        return s.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def case_full(b):
    big = os.path.join(b.dir, "big.pcap")
    subprocess.run([BINARY, "range", "traffic", "-p", "worst", "-n", "1500000", "-o", big], check=True, capture_output=True)
    port = free_port()
    sensor = Daemon(b.dir, "s-full", sensor_yaml(b.ca, port, size="17MB"), "--replay", big)
    lost = lambda: "done" if not sensor.role("capture") else ""
    wait(lambda: sensor.role("capture"), 10)
    wait(lost, 60)
    size = sum(e.stat().st_size for e in os.scandir(os.path.join(sensor.store, "spool")))
    central = Daemon(b.dir, "c-full", central_yaml(b.ca, port))
    wait(lambda: waiting(sensor.store) == 0, 60)
    sensor.stop()
    central.stop()
    told = [g for g in gaps(central.store) if g[3] == "spool-full"]
    kept, dropped = packets(central.store), sum(g[4] for g in told)
    os.unlink(big)
    why = ""
    if kept + dropped != 1500000 or not dropped:
        why = f"{kept} kept and {dropped} told as lost ({len(told)} gaps) are not 1500000"
    report("a full spool: what is not kept is told", why)
    report("a spool stays within its quota", "" if size <= 17000000 * 17 // 16 else f"{size} octets")


def case_live(b):
    """Packets on an interface of this namespace; the capture killed, then all stopped and begun again."""
    ip = lambda *a: subprocess.run(["ip", *a], check=True, capture_output=True)
    ip("link", "add", "dark0", "type", "veth", "peer", "name", "world0")
    for i in ("dark0", "world0"):
        ip("link", "set", i, "addrgenmode", "none")
        ip("link", "set", i, "up")
    central = b.central("c-live")
    extra = "    interface: dark0\n"
    sensor = Daemon(b.dir, "s-live", sensor_yaml(b.ca, central.port, extra=extra))
    wait(lambda: "ready" in sensor.text(), 10)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("world0", 0))
    packet = bytes.fromhex("02000000000102000000000208004500001c000000004011" "0000c6336401c61200010035003500080000")
    for _ in range(20):
        s.send(packet)
    time.sleep(0.5)
    sensor.stop()
    first = time.time_ns()
    sensor.start()
    wait(lambda: sensor.text().count("ready") == 2, 10)
    time.sleep(0.5)
    # A link that breaks or a forward role that dies is no time in which nobody watched.
    sensor.kill_role("forward")
    wait(lambda: sensor.role("forward"), 10)
    central.kill_role("collect")
    time.sleep(1.0)
    for _ in range(20):
        s.send(packet)
    time.sleep(0.3)
    killed = sensor.kill_role("capture")
    wait(lambda: sensor.role("capture"), 10)
    wait(lambda: any(g[3] == "killed" for g in gaps(central.store)), 15)
    sensor.stop()
    central.stop()
    found = gaps(central.store)
    reasons = [g[3] for g in found]
    report("stopped and killed captures are gaps, once each", "" if sorted(reasons) == ["killed", "stopped"] and killed
           else f"{found}: {sensor.text()[-400:]}")
    stopped = [g for g in found if g[3] == "stopped"]
    report("a gap lies where nobody watched", "" if stopped and abs(stopped[0][1] - first) < 5e9 else f"{found} {first}")
    n = packets(central.store)
    report("the packets before the stop are kept", "" if n == 20 else f"{n} packets")


CASES = [case_same, case_cuts, case_central_killed, case_roles_killed, case_strangers, case_collector, case_hostile, case_full, case_live]


def main():
    if not shutil.which("certtool"):
        print("skip netns/link: certtool (gnutls-bin) is missing")
        return 0
    if os.environ.get("LINK_INSIDE") != "1":
        if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"]).returncode:
            print("skip netns/link: needs root and network namespaces")
            return 0
        return subprocess.run(["unshare", "-n", sys.executable, __file__, *sys.argv[1:]],
                              env={**os.environ, "LINK_INSIDE": "1"}).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder = tempfile.mkdtemp(prefix="link")
    os.chmod(folder, 0o755)
    try:
        b = Bench(folder)
        for case in CASES:
            if len(sys.argv) > 1 and case.__name__[5:] not in sys.argv[1:]:
                continue
            try:
                case(b)
            except Exception as e:  # a case that can't go on is a fault of its own
                report(case.__name__[5:], f"{type(e).__name__}: {e}")
    finally:
        if failures and os.environ.get("LINK_KEEP"):
            print(f"# {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


sys.exit(main())
