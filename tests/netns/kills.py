#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Neither lost nor doubled: roles and the whole daemon get SIGKILL at random moments of a replay, and again of live
traffic; afterwards the store holds what it holds without any of that.

SAKIMORI_ROUNDS (30) replays, SAKIMORI_SEED (1) the first one's seed, SAKIMORI_JOBS (3) at once; `kills.py replay` or
`kills.py live` for one part alone. A round that fails is done again by its seed: SAKIMORI_ROUNDS=1 SAKIMORI_SEED=N.
"""
# timeout: 7200
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
ROUNDS = int(os.environ.get("SAKIMORI_ROUNDS", "30"))
SEED = int(os.environ.get("SAKIMORI_SEED", "1"))
JOBS = int(os.environ.get("SAKIMORI_JOBS", "3"))
CAPTURE = TMP / "dark.pcap"
SPEED = "1500"  # half an hour in 1.2 s
STARTS = 12     # of the daemon in one round, at most
VICTIMS = ("capture", "keeper", "analysis", "query", "supervisor")
CONFIG = """network: {operator: self}
metrics: {listen: off}
sensors:
  - {name: west, dark: [198.18.0.0/16], own: [203.0.113.0/24]}
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


# ---- replays ----

def disturbed(seed, told):
    """One round; None or what went wrong."""
    chance = random.Random(seed)
    folder = pathlib.Path(tempfile.mkdtemp(dir=TMP, prefix=f"round-{seed}."))
    folder.chmod(0o755)
    d = Daemon(PROGRAM, folder, CONFIG, "--replay", CAPTURE, "--speed", SPEED, "--once")
    plan = sorted((chance.uniform(0, 1.6), chance.choice(VICTIMS)) for _ in range(chance.randint(1, 5)))
    begin, strikes = time.monotonic(), []
    for n in range(STARTS):
        d.start()
        while plan and d.p.poll() is None:
            time.sleep(min(0.02, max(0.001, plan[0][0] - (time.monotonic() - begin))))
            if time.monotonic() - begin >= plan[0][0]:
                at, victim = plan.pop(0)
                if strike(d, victim):
                    strikes.append(f"{victim}@{at:.2f}")
        try:
            code = d.p.wait(60)
        except subprocess.TimeoutExpired:
            d.end(signal.SIGKILL)
            return f"seed {seed}: does not end after {strikes}: {d.said()[-400:]}"
        if code == 0:
            break
    else:
        return f"seed {seed}: {STARTS} starts after {strikes}: {d.said()[-400:]}"
    told[0] += len(strikes)
    held, why = look(d.store)
    why = why or differ(held, UNDISTURBED)
    if not why:
        shutil.rmtree(folder)
    return why and f"seed {seed}: {' '.join(strikes)}: {why} ({folder})"


def replays():
    code, _, err = sakimori("range", "traffic", "--profile", "demo", "--packets", 30000, "--seed", 1, "-o", CAPTURE)
    if code:
        return err
    why = disturbed_by_nothing()
    if why:
        return why
    told, faults = [0], []
    with concurrent.futures.ThreadPoolExecutor(max_workers=JOBS) as pool:
        for n, why in enumerate(pool.map(lambda s: disturbed(s, told), range(SEED, SEED + ROUNDS))):
            if why:
                faults.append(why)
                print("#", why, flush=True)
            if (n + 1) % 100 == 0:
                print(f"# {n + 1} rounds, {told[0]} kills, {len(faults)} faults", flush=True)
    print(f"# {ROUNDS} rounds from seed {SEED}, {told[0]} kills", flush=True)
    return f"{len(faults)} of {ROUNDS} rounds, first {faults[0]}" if faults else None


def disturbed_by_nothing():
    global UNDISTURBED
    folder = pathlib.Path(tempfile.mkdtemp(dir=TMP, prefix="undisturbed."))
    folder.chmod(0o755)
    d = Daemon(PROGRAM, folder, CONFIG, "--replay", CAPTURE, "--speed", SPEED, "--once")
    d.start()
    code = d.p.wait(60)
    UNDISTURBED, why = look(d.store)
    if code or why:
        return f"undisturbed: exit {code}, {why}, {d.said()}"
    for what, least in (("flows", 30000), ("findings", 10), ("signals", 10), ("sources", 500), ("roll-ups", 1000)):
        if len(UNDISTURBED[what].splitlines()) < least:
            return f"undisturbed: {what}: {len(UNDISTURBED[what].splitlines())}"
    return None


CASES = [("killed replays", "replay", replays)]


def main():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
        print("skip kills: needs root and network namespaces")
        return 0
    TMP.chmod(0o755)
    failed = 0
    for name, part, case in CASES:
        if len(sys.argv) > 1 and part not in sys.argv[1:]:
            continue
        begin = time.monotonic()
        why = case()
        print(f"# {name}: {time.monotonic() - begin:.1f} s")
        print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
        failed |= why is not None
    return failed


sys.exit(main())
