#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every packet is in the store once, or inside a gap: roles killed under live traffic, a full disk, a slow one, a clock
that is stepped. Packets carry their number; each is looked for afterwards.

SAKIMORI_ROUNDS (30) counts the kills of kills.py; a fifth of it, at least 6, are rounds here. SAKIMORI_SEED (1) is the
first one's seed. Words name cases: packets.py kills disk clock. The program is the whole daemon with hooks (a clock 30
times as fast, so that a minute is two seconds), see tests/aid/hooked.c.
"""
# timeout: 7200
import concurrent.futures
import errno
import json
import mmap
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = pathlib.Path(os.environ.get("BUILD", TOP / "build")) / "tests/hooked"
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
ROUNDS = max(6, int(os.environ.get("SAKIMORI_ROUNDS", "30")) // 5)
SEED = int(os.environ.get("SAKIMORI_SEED", "1"))
RATE = 30            # of the clock
SECOND = 1_000_000_000
DAY = 86400 * SECOND
SLACK = SECOND // 20  # true time between a packet's stamp and what the sender took for it
ENDS = (0, 3)        # 3: an analysis whose keeper was killed leaves its conclusions to the next start
CONFIG = """network: {{operator: self}}
metrics: {{listen: off}}
packets: {{keep: off}}
sensors:
  - {{name: west, interface: {}, dark: [198.18.0.0/16], ring: {}, workers: {}}}
"""


# ---- hooks and traffic ----

class Hooks:
    """STORE.hooks, see struct hooks."""

    def __init__(self, path, rate=RATE):
        path.write_bytes(bytes(80))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 80)
        path.chmod(0o644)
        now = time.time_ns()
        self.which, self.rate = 0, rate
        self.set_clock(now, now)

    def set_clock(self, real, told):
        self.which ^= 1
        struct.pack_into("<qqq", self.map, 8 + 24 * self.which, real, told, self.rate)
        struct.pack_into("<Q", self.map, 0, self.which)
        self.real, self.base = real, told

    def told(self, real):
        return self.base + (real - self.real) * self.rate

    def step(self, ns):
        now = time.time_ns()
        self.set_clock(now, self.told(now) + ns)

    def sync(self, ns):
        struct.pack_into("<q", self.map, 56, ns)

    def failing(self, why):
        struct.pack_into("<q", self.map, 72, why)

    def room(self, octets):
        struct.pack_into("<Q", self.map, 64, octets)


class Traffic:
    """UDP packets, each to an address and port of its own, at `pps`; sent[n] = (before, after) by the told clock."""

    number = 0
    lock = threading.Lock()

    def __init__(self, hooks, pps=2000):
        with Traffic.lock:
            Traffic.number += 1
            n = Traffic.number
        self.a, self.b = f"fa{n}", f"fb{n}"
        ip("link", "add", self.a, "type", "veth", "peer", "name", self.b)
        for name in (self.a, self.b):
            pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            ip("link", "set", name, "up")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((self.a, 0))
        self.hooks, self.pps, self.sent, self.running = hooks, pps, [], True
        self.thread = threading.Thread(target=self.run)

    def frame(self, n):
        udp = struct.pack("!HHHH", 40000, 1000 + n // 65536, 9, 0) + b"x"
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                           bytes([203, 0, 113, n % 200 + 1]), bytes([198, 18, n >> 8 & 255, n & 255]))
        return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + head + udp

    def run(self):
        begin = time.monotonic()
        while self.running:
            due = int((time.monotonic() - begin) * self.pps)
            while len(self.sent) < due and self.running:
                before = time.time_ns()
                self.socket.send(self.frame(len(self.sent)))
                self.sent.append((before, time.time_ns()))
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def stop(self):
        self.running = False
        if self.thread.is_alive():
            self.thread.join()

    def __exit__(self, *what):
        self.stop()
        self.socket.close()
        subprocess.run(["ip", "link", "del", self.a], capture_output=True)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


# ---- what is kept ----

def rows(store, what):
    done = subprocess.run([PROGRAM, "--store", store, "--json", "store", "export", what], capture_output=True,
                          text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"store export {what}: exit {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Held:
    """Packets and gaps of a store."""

    def __init__(self, store):
        self.times, self.doubled = {}, []
        for f in rows(store, "flows"):
            a = [int(x) for x in f["dst"].split(".")]
            n = (f["dport"] - 1000) * 65536 + a[2] * 256 + a[3]
            if n in self.times or f["packets"] != 1:
                self.doubled.append(n)
            self.times[n] = f["first_ns"]
        self.gaps = rows(store, "gaps")

    def lacking(self, traffic):
        return [n for n in range(len(traffic.sent)) if n not in self.times]

    def of(self, *reasons):
        return [g for g in self.gaps if g["reason"] in reasons]

    def say(self):
        return " ".join(f"{g['reason']}[{g['from_ns']}..{g['to_ns']}]:{g['dropped']}" for g in self.gaps)


def judge(held, traffic, told=None, least=100):
    """None, or what is wrong. `told`: from the true time of a packet to the daemon's clock then."""
    told = told or traffic.hooks.told
    slack = SLACK * traffic.hooks.rate
    if held.doubled:
        return f"{len(held.doubled)} packets more than once, first {held.doubled[0]}"
    if len(held.times) < least:
        return f"only {len(held.times)} packets kept of {len(traffic.sent)}"
    outside = []
    for n in held.lacking(traffic):
        before, after = (told(t) for t in traffic.sent[n])
        if not any(g["from_ns"] <= after + slack and before - slack <= g["to_ns"] for g in held.gaps):
            outside.append(n)
    if outside:
        first = outside[0]
        at = told(traffic.sent[first][0])
        return f"{len(outside)} packets lost without a gap, first {first} at {at}; {held.say()}"
    # A gap that tells of more than was lost: what is kept lies beside it, but for the moments between opening the
    # interface and the first peer.
    inside = sum(1 for t in held.times.values()
                 for g in held.of("killed", "stopped") if g["from_ns"] <= t < g["to_ns"])
    most = len(held.of("killed", "stopped")) * traffic.pps // 5
    if inside > most:
        return f"{inside} packets are kept inside of gaps, more than {most}; {held.say()}"
    return None


# ---- processes ----

def children(parent, role):
    found = []
    for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            for pid in task.read_text().split():
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if words[1:3] == [b"--role", role.encode()]:
                    found.append(int(pid))
        except OSError:
            continue
    return found


def kill(d, role):
    for pid in [d.p.pid] if role == "supervisor" else children(d.p.pid, role):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if role == "supervisor":
        d.p.wait()


class Setup:
    """A folder, its hooks, its traffic and a daemon that is ready."""

    def __init__(self, name, pps=2000, rate=RATE, folder=None, ring="8MiB", workers=1):
        self.folder = folder or pathlib.Path(tempfile.mkdtemp(dir=TMP, prefix=f"{name}."))
        self.folder.chmod(0o755)
        self.hooks = Hooks(self.folder / "store.hooks", rate)
        self.traffic = Traffic(self.hooks, pps)
        self.d = Daemon(PROGRAM, self.folder, CONFIG.format(self.traffic.b, ring, workers))

    def start(self):
        self.d.start()
        if not self.d.ready():
            raise RuntimeError(f"not ready: {self.d.said()}")

    def __enter__(self):
        self.start()
        self.traffic.__enter__()
        return self

    def end(self, codes=(0,)):
        """Traffic ends, then the daemon does: everything that is kept."""
        self.traffic.stop()
        time.sleep(0.1)
        code = self.d.end()
        if os.environ.get("SAKIMORI_VERBOSE"):
            print(self.d.said())
        fallen = [line for line in self.d.said().splitlines() if " ended: signal " in line and "Killed" not in line]
        if code not in codes or fallen:
            raise RuntimeError(f"exit {code}, {fallen}: {self.d.said()[-600:]}")
        return Held(self.d.store)

    def __exit__(self, *what):
        self.traffic.__exit__()
        self.d.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def counters(self, role, name):
        """One number of a role, from the page that it shares."""
        done = self.d.status("--json")
        for row in json.loads(done.stdout)["roles"]:
            if row["role"] == role and name in row["counters"]:
                return row["counters"][name]
        raise RuntimeError(f"no {name} of {role}: {done.stdout[:400]}")


# ---- cases ----

SUMS = {"packets": 0, "kept": 0, "struck": 0}


def round_of(seed):
    chance = random.Random(seed)
    with Setup(f"kills-{seed}", workers=1 + seed % 2) as s:
        struck = []
        for _ in range(chance.randint(1, 4)):
            time.sleep(chance.uniform(0.05, 2))
            victim = chance.choice(("capture", "capture", "keeper", "keeper", "supervisor", "end"))
            struck.append(victim)
            if victim == "end":
                code = s.d.end()
                if code not in ENDS:
                    return f"seed {seed}: {struck}: exit {code}: {s.d.said()[-400:]}"
            else:
                kill(s.d, victim)
            if victim in ("supervisor", "end"):
                time.sleep(chance.uniform(0, 0.3))
                s.start()
        time.sleep(chance.uniform(0, 1))
        s.traffic.stop()
        if "capture" in struck:  # one that is killed just before the end is told of by the next
            s.d.end()
            s.start()
        held = s.end(ENDS)
        why = judge(held, s.traffic, least=0)  # it may die in its first minute and not be back
        with Traffic.lock:
            SUMS["packets"] += len(s.traffic.sent)
            SUMS["kept"] += len(held.times)
            SUMS["struck"] += len(struck)
        if not why and not {"capture", "supervisor", "end"} & set(struck) and held.lacking(s.traffic):
            why = f"{len(held.lacking(s.traffic))} packets lost by a keeper's end"
        return why and f"seed {seed}: {' '.join(struck)}: {why}"


def kills():
    with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
        faults = [why for why in pool.map(round_of, range(SEED, SEED + ROUNDS)) if why]
    for why in faults:
        print("#", why)
    print(f"# {ROUNDS} rounds from seed {SEED}, {SUMS['struck']} ends; {SUMS['packets']} packets, {SUMS['kept']} kept")
    return f"{len(faults)} of {ROUNDS} rounds, first {faults[0]}" if faults else None


def keeper():
    """The keeper dies again and again: nothing is lost, and no gap is told."""
    with Setup("keeper") as s:
        for _ in range(5):
            time.sleep(0.7)
            kill(s.d, "keeper")
        time.sleep(0.5)
        held = s.end()
        if held.gaps or held.lacking(s.traffic):
            return f"{len(held.lacking(s.traffic))} lost, gaps {held.say()}"
        return judge(held, s.traffic)


def clean():
    """An end on purpose loses nothing; the time without a daemon is a gap, from its end to its beginning."""
    with Setup("clean") as s:
        time.sleep(1.5)
        if s.d.end():
            return s.d.said()
        ended = s.hooks.told(time.time_ns())
        time.sleep(0.5)
        begun = s.hooks.told(time.time_ns())
        s.start()
        ready = s.hooks.told(time.time_ns())
        time.sleep(1)
        held = s.end()
        why = judge(held, s.traffic)
        if why:
            return why
        if [g["reason"] for g in held.gaps] != ["stopped"]:
            return f"gaps {held.say()}"
        g = held.gaps[0]
        if not (g["from_ns"] <= ended and begun <= g["to_ns"] <= ready + SLACK * RATE):
            return f"{held.say()}, but it ended before {ended} and was ready between {begun} and {ready}"
        return None


def keeper_absent():
    """An end on purpose while the keeper is down: it is started once more and takes what there is."""
    with Setup("absent") as s:
        time.sleep(1)
        for _ in range(6):  # later and later
            kill(s.d, "keeper")
            wait(lambda: children(s.d.p.pid, "keeper"), 4)
        kill(s.d, "keeper")
        held = s.end(ENDS)
        if held.gaps or held.lacking(s.traffic):
            return f"{len(held.lacking(s.traffic))} lost, gaps {held.say()}"
        return judge(held, s.traffic)


def first_minute():
    """Killed before its first minute was over: what it saw is lost, and that is told."""
    with Setup("first", rate=1) as s:
        time.sleep(1)
        kill(s.d, "capture")
        time.sleep(1)
        held = s.end()
        return judge(held, s.traffic) or (None if held.of("killed") else "no gap")


def idle():
    """A sensor that hears nothing for minutes and dies has a gap of its last minute, not of hours."""
    with Setup("idle", pps=0) as s:
        time.sleep(7)  # three and a half minutes
        killed = s.hooks.told(time.time_ns())
        kill(s.d, "capture")
        time.sleep(1)
        gaps = s.end().of("killed")
        if len(gaps) != 1 or killed - gaps[0]["from_ns"] > 150 * SECOND:
            return f"killed at {killed}: {gaps}"
        return None


def drops():
    """A capture that doesn't get the processor for a while: what its ring can't hold is counted, and a gap."""
    with Setup("drops", pps=6000, ring="1MiB") as s:
        time.sleep(1)
        pid = children(s.d.p.pid, "capture")[0]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(pid, signal.SIGCONT)
        time.sleep(1.5)
        held = s.end()
        lacking, told = held.lacking(s.traffic), sum(g["dropped"] for g in held.of("kernel-drop"))
        if not lacking or told != len(lacking):
            return f"{len(lacking)} lost, gaps tell {told}: {held.say()}"
        return judge(held, s.traffic)


def small_store(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", folder], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as f:
        block = bytes(65536)
        for size in (65536, 4096):
            try:
                while True:
                    f.write(block[:size])
            except OSError:
                continue


def fill_up(s):
    fill(s.folder / "store/filler")


def make_room(s):
    (s.folder / "store/filler").unlink()


def on_disk(name, room, hurt, heal, seconds):
    """Traffic over a store that can't take it for a while."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=TMP, prefix=f"{name}."))
    folder.chmod(0o755)
    small_store(folder / "store", "64m")
    try:
        s = Setup(name, folder=folder)
        s.hooks.room(room)
        with s:
            time.sleep(1)
            hurt(s)
            time.sleep(seconds)
            before = s.counters("capture", "packets")
            time.sleep(1.2)
            after = s.counters("capture", "packets")
            waiting = s.counters("capture", "waiting_bytes")
            heal(s)
            time.sleep(3)
            held = s.end()
            if after - before < 500:
                return f"capture stalls: {before} packets, a second later {after}"
            if waiting == 0:
                return "nothing waited: the disk was not full"
            lacking = held.lacking(s.traffic)
            told = sum(g["dropped"] for g in held.of("writer-behind"))
            if room == 0 and (lacking or held.gaps):
                return f"{len(lacking)} lost though there was room in memory; {held.say()}"
            if room and (not lacking or told != len(lacking)):
                return f"{len(lacking)} lost, gaps tell {told}: {held.say()}"
            if room and len(s.traffic.sent) - 1 not in held.times:
                return "it does not go on"
            return judge(held, s.traffic)
    finally:
        subprocess.run(["umount", "-l", folder / "store"])


def full():
    return on_disk("full", 0, fill_up, make_room, 2.5)


def full_behind():
    return on_disk("behind", 30000, fill_up, make_room, 9)


def read_only():
    """As a kernel does it to a disk with errors, under files that are open."""
    return on_disk("readonly", 0, lambda s: s.hooks.failing(errno.EROFS), lambda s: s.hooks.failing(0), 2.5)


def errors():
    return on_disk("errors", 0, lambda s: s.hooks.failing(errno.EIO), lambda s: s.hooks.failing(0), 2.5)


def slow():
    """A disk that takes 0.4 s for each sync: all is kept, only later."""
    with Setup("slow") as s:
        time.sleep(0.5)
        s.hooks.sync(SECOND * 2 // 5)
        time.sleep(6)
        s.hooks.sync(0)
        held = s.end()
        if held.gaps or held.lacking(s.traffic):
            return f"{len(held.lacking(s.traffic))} lost, gaps {held.say()}"
        return judge(held, s.traffic)


def stepped(sign):
    """The clock goes a day on or back, again, and home: each packet is kept once, and the jumps are told."""
    def case():
        with Setup("clock") as s:
            clocks = [(0, s.hooks.real, s.hooks.base)]
            for ns in (sign * DAY, -sign * DAY):
                time.sleep(3.2)
                s.hooks.step(ns)
                clocks.append((s.hooks.real, s.hooks.real, s.hooks.base))
            time.sleep(3.2)
            kill(s.d, "keeper")
            time.sleep(1)
            held = s.end()

            def told(real):
                _, at, base = max(c for c in clocks if c[0] <= real)
                return base + (real - at) * RATE
            if held.lacking(s.traffic):
                return f"{len(held.lacking(s.traffic))} lost, {held.say()}"
            jumps = held.of("clock-jump")
            if len(jumps) != 2 or len(held.gaps) != 2:
                return f"gaps {held.say()}"
            for g in jumps:
                if abs(g["to_ns"] - g["from_ns"] - DAY) > 30 * SECOND:
                    return f"a day was jumped, told is {held.say()}"
            return judge(held, s.traffic, told)
    return case


def stepped_dead():
    """After the clock went back the capture is killed: what it had not given is inside of gaps all the same."""
    with Setup("back") as s:
        real, base = s.hooks.real, s.hooks.base
        time.sleep(1.2)
        kill(s.d, "capture")  # a gap that is told, and soon lies a day ahead
        time.sleep(3)
        s.hooks.step(-DAY)
        at = s.hooks.real
        time.sleep(2.7)
        kill(s.d, "capture")
        time.sleep(2)
        held = s.end()

        def told(t):
            return base + (t - real) * RATE if t < at else s.hooks.told(t)
        if len(held.times) < len(s.traffic.sent) // 2:
            return f"{len(held.times)} kept of {len(s.traffic.sent)}"
        return judge(held, s.traffic, told) or (None if len(held.of("killed")) == 2 else f"its ends: {held.say()}")


CASES = [("killed live", "kills", kills), ("keeper killed", "kills", keeper), ("clean end", "kills", clean),
         ("end without keeper", "kills", keeper_absent), ("killed in its first minute", "kills", first_minute),
         ("killed while idle", "kills", idle), ("kernel drops", "kills", drops),
         ("full disk", "disk", full), ("full memory", "disk", full_behind),
         ("read-only disk", "disk", read_only), ("disk errors", "disk", errors),
         ("slow disk", "disk", slow), ("clock a day on", "clock", stepped(1)),
         ("clock a day back", "clock", stepped(-1)), ("killed after a step", "clock", stepped_dead)]


def run(case):
    begin = time.monotonic()
    try:
        why = case()
    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
        why = f"{type(e).__name__}: {e}"
    return why, time.monotonic() - begin


def main():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-nm", "true"], capture_output=True).returncode != 0:
        print("skip packets: needs root and network namespaces")
        return 0
    if os.environ.get("SAKIMORI_INSIDE") != "1":
        os.execvpe("unshare", ["unshare", "-nm", "--propagation", "private", sys.executable, *sys.argv],
                   dict(os.environ, SAKIMORI_INSIDE="1"))
    TMP.chmod(0o755)
    ip("link", "set", "lo", "up")
    chosen = [c for c in CASES if len(sys.argv) < 2 or c[1] in sys.argv[1:] or c[0] in sys.argv[1:]]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
        for (name, _, _), (why, took) in zip(chosen, pool.map(lambda c: run(c[2]), chosen)):
            print(f"# {name}: {took:.1f} s")
            print(f"not ok {name}: {' '.join(why.split())}" if why else f"ok {name}", flush=True)
            failed |= why is not None
    return failed


sys.exit(main())
