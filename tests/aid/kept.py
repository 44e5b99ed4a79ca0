# SPDX-License-Identifier: Apache-2.0
"""What a store holds, said so that two can be compared; packets that carry their number; the daemon's processes."""
import hashlib
import json
import os
import pathlib
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time

from daemon import Daemon

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
CAPTURE = TMP / "dark.pcap"
SPEED = "1500"  # half an hour in 1.2 s
REPLAY = """network: {operator: self}
metrics: {listen: off}
sensors:
  - {name: west, dark: [198.18.0.0/16], own: [203.0.113.0/24]}
"""
LIVE = """network: {operator: self}
metrics: {listen: off}
sensors:
  - {name: west, interface: vb, dark: [198.18.0.0/16], ring: 32MiB}
"""
ROLLUPS = """select r.span, r.start, n.text, r.dim, r.key, r.packets, r.sources, hex(r.sketch)
             from rollup r join name n on n.no = r.sensor order by 1, 2, 3, 4, 5"""


def sakimori(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


# ---- what a store holds ----

def look(store):
    """Everything that must be the same, as {what: text}; and what `store check` said when it is not content."""
    held = {}
    for what in ("flows", "sources", "signals", "gaps", "findings"):
        code, out, err = sakimori("--store", store, "--json", "store", "export", what)
        held[what] = out if code == 0 else f"exit {code}: {err}"
    held["findings"] = "\n".join(sorted(filter(None, map(exact, held["findings"].splitlines()))))
    db = sqlite3.connect(f"file:{store}/store.db?mode=ro", uri=True)
    held = {"roll-ups": "\n".join(map(str, db.execute(ROLLUPS))), **held}
    db.close()
    for path in sorted((store / "flows").glob("*.seg")):
        held[f"segment {path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    code, out, err = sakimori("--store", store, "store", "check")
    return held, None if code == 0 else f"store check: exit {code}: {out} {err}"


# What src/analysis/darknet/darknet.h says an analysis that begins anew knows exactly.
EXACT = ("id", "kind", "subject", "sensor", "shape", "packets", "packets_by_flags", "first_ns", "last_ns", "severity",
         "port_list")


def exact(line):
    f = json.loads(line)
    # Lone packets are told up to four for each life of the analysis, and what was withdrawn is what it last was.
    if f["kind"] == "scan-type" or f["confidence"] == 0:
        return ""
    return json.dumps({**{k: f[k] for k in EXACT}, "bytes": f["counts"].get("bytes")})


def fields(line):
    return json.loads(line) if line.startswith("{") else {"row": line}


def differ(held, want):
    for what in list(want) + sorted(held.keys() - want.keys()):
        a, b = held.get(what, "").splitlines(), want.get(what, "").splitlines()
        if a == b:
            continue
        less, more = sorted(set(b) - set(a)), sorted(set(a) - set(b))
        why = f"{what}: {len(a)} lines, undisturbed {len(b)}; {len(less)} lacking, {len(more)} others"
        if less and more:
            x, y = fields(less[0]), fields(more[0])
            why += "; first " + "; ".join(f"{k} {x.get(k)} {y.get(k)}"[:160] for k in x if x.get(k) != y.get(k))
        else:
            why += f"; {(less + more)[0][:200]}" if less or more else "; in another order or doubled"
        return why[:700]
    return None


# ---- processes ----

def processes(parent, role):
    """Numbers of the daemon's processes of this role."""
    found = []
    for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for pid in children:
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[1:3] == [b"--role", role.encode()]:
                found.append(int(pid))
    return found


def strike(d, victim):
    """True when somebody was there to be killed."""
    if d.p.poll() is not None:
        return False
    pids = [d.p.pid] if victim == "supervisor" else processes(d.p.pid, victim)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(pids)


def folder(name):
    path = pathlib.Path(tempfile.mkdtemp(dir=TMP, prefix=name + "."))
    path.chmod(0o755)
    return path


def undisturbed():
    """What CAPTURE, made here, leaves in a store when nobody is hurt: (it, None) or (None, why)."""
    code, _, err = sakimori("range", "traffic", "--profile", "demo", "--packets", 30000, "--seed", 1, "-o", CAPTURE)
    if code:
        return None, err
    d = Daemon(PROGRAM, folder("undisturbed"), REPLAY, "--replay", CAPTURE, "--speed", SPEED, "--once")
    d.start()
    code = d.p.wait(60)
    want, why = look(d.store)
    if code or why:
        return None, f"undisturbed: exit {code}, {why}, {d.said()}"
    for what, least in (("flows", 30000), ("findings", 10), ("signals", 10), ("sources", 500), ("roll-ups", 1000)):
        if len(want[what].splitlines()) < least:
            return None, f"undisturbed: {what}: {len(want[what].splitlines())}"
    return want, None


# ---- packets ----

def pair():
    """va and vb, in the network namespace that this process is in."""
    for words in ("link add va type veth peer name vb", "link set va up", "link set vb up"):
        subprocess.run(["ip", *words.split()], check=True)


PPS = 400


class Sender(threading.Thread):
    """Packets that carry their number: the lower 16 bits in the destination, the rest in the port."""

    def __init__(self):
        super().__init__(daemon=True)
        self.at, self.over = [], threading.Event()
        self.out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.out.bind(("va", 0))

    def run(self):
        begin = time.monotonic()
        while not self.over.is_set():
            n = len(self.at)
            tcp = struct.pack(">HHIIBBHHH", 40000 + n % 1000, 1 + (n >> 16), n, 0, 0x50, 2, 1024, 0, 0)
            ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, n & 0xffff, 0, 64, 6, 0, 0xc0000200 + n % 50,
                             0xc6120000 + (n & 0xffff))
            self.at.append(time.time_ns())
            self.out.send(b"\xff" * 6 + b"\x02" + bytes(5) + b"\x08\x00" + ip + tcp)
            time.sleep(max(0, begin + (n + 1) / PPS - time.monotonic()))

    def end(self):
        self.over.set()
        self.join()


def stored(store):
    """{number: packets} and the gaps of the sensor."""
    code, out, err = sakimori("--store", store, "--json", "store", "export", "flows")
    if code:
        raise RuntimeError(err)
    found = {}
    for f in map(json.loads, out.splitlines()):
        if not f["src"].startswith("192.0.2."):  # the interface's own
            continue
        a = f["dst"].split(".")
        n = (f["dport"] - 1 << 16) + (int(a[2]) << 8) + int(a[3])
        found[n] = found.get(n, 0) + f["packets"]
    gaps = [json.loads(x) for x in sakimori("--store", store, "--json", "store", "export", "gaps")[1].splitlines()]
    return found, [(g["from_ns"], g["to_ns"], g["reason"]) for g in gaps if g["sensor"] == "west"]


def when(sender, numbers):
    return f"{(sender.at[numbers[0]] - sender.at[0]) / 1e9:.2f}..{(sender.at[numbers[-1]] - sender.at[0]) / 1e9:.2f} s"
