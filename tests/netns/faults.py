#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store whose disk is full, read-only or slow; a clock that is stepped by a day; what a power cut leaves behind. In
mount and network namespaces of their own, which end with them. `faults.py NAME` for one alone."""
# timeout: 200
import concurrent.futures
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "aid"))
from daemon import Daemon, wait  # noqa: E402
from kept import (CAPTURE, LIVE, PROGRAM, REPLAY, SPEED, TMP, TOP, Sender, differ, folder, look, pair, processes,
                  sakimori, stored, undisturbed, when)  # noqa: E402

DAY = 86400
SHIM = struct.Struct("qq")


def want():
    return json.loads((TMP / "want.json").read_text())


def replaying(name, *words):
    """Without a packet ring, which takes room and holds a replay up."""
    return Daemon(PROGRAM, folder(name), REPLAY + "packets: {keep: off}\n", "--replay", CAPTURE, "--speed", SPEED, *words)


def status(d):
    done = d.status("--json")
    return done.returncode, json.loads(done.stdout)


def counter(d, role, name):
    return next(r for r in status(d)[1]["roles"] if r["name"].split(":")[0] == role)["counters"][name]


def texts(st):
    return " | ".join(p["text"] for p in st["problems"])


def whole(d):
    """What is kept is what an undisturbed run keeps, nothing of it twice."""
    held, why = look(d.store)
    return why or differ(held, want())


# ---- disks ----

def small(name):
    """A replay into a store of eight MiB."""
    d = replaying(name, "--once")
    d.store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=750", "tmpfs", d.store], check=True)
    d.start()
    return d if d.ready() and wait(lambda: counter(d, "keeper", "stored_flows") > 0) else None


def fill(store):
    """A file that takes all the room there is."""
    ballast = store / "ballast"
    with open(ballast, "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            return ballast


def full_disk():
    """Eight MiB, full in the middle of a replay, then room again."""
    d = small("full")
    if not d:
        return "did not begin"
    ballast = fill(d.store)
    if not wait(lambda: "not kept for now" in d.said()):
        return f"never full: {d.said()}"
    said = d.said()
    if f"{d.store}: not kept for now: " not in said or "full" not in said and "No space left" not in said:
        return f"what is full is not named: {said}"
    time.sleep(1.2)
    code, st = status(d)
    if code != 1 or "the store takes nothing for now" not in texts(st) or counter(d, "capture", "packets") < 20000:
        return f"status {code}: {texts(st)}; capture {counter(d, 'capture', 'packets')}"
    if counter(d, "capture", "lost_batches") or counter(d, "capture", "waiting_bytes") == 0:
        return f"nothing waits: {texts(st)}"
    ballast.unlink()
    code = d.p.wait(30)
    return f"exit {code}: {d.said()}" if code else whole(d)


def full_and_killed():
    """The keeper is killed while nothing finds room, and begins anew there."""
    d = small("fullkill")
    if not d:
        return "did not begin"
    ballast = fill(d.store)
    if not wait(lambda: "not kept for now" in d.said()):
        return f"never full: {d.said()}"
    for pid in processes(d.p.pid, "keeper"):
        os.kill(pid, signal.SIGKILL)
    time.sleep(1.5)
    if d.p.poll() is not None:
        return f"the daemon ended: {d.said()}"
    ballast.unlink()
    code = d.p.wait(40)
    return f"exit {code}: {d.said()}" if code else whole(d)


def read_only():
    """Refused at the start, told why; writable again: the replay goes on where it was."""
    d = replaying("readonly", "--once")
    d.store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m,mode=750", "tmpfs", d.store], check=True)
    d.start()
    if not d.ready() or not wait(lambda: counter(d, "keeper", "stored_flows") > 0):
        return d.said()
    d.end(signal.SIGKILL)
    wait(lambda: subprocess.run(["mount", "-o", "remount,ro", d.store], capture_output=True).returncode == 0)
    d.start()
    code = d.p.wait(20)
    if code != 3 or "Read-only file system" not in d.said() or str(d.store) not in d.said():
        return f"exit {code}: {d.said()}"
    subprocess.run(["mount", "-o", "remount,rw", d.store], check=True)
    d.start()
    code = d.p.wait(30)
    return f"exit {code}: {d.said()}" if code else whole(d)


# ---- with the shim ----

def shimmed(offset_s=0, sync_s=0.0):
    """Every program that starts from here on in this mount namespace."""
    told = TMP / f"shim.{os.getpid()}"
    told.write_bytes(SHIM.pack(offset_s * 10**9, int(sync_s * 1e9)))
    told.chmod(0o644)
    library = TMP / f"shim.{os.getpid()}.so"
    etc = TMP / f"etc.{os.getpid()}"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", f'-DSHIM_FILE="{told}"', TOP / "tests/aid/shim.c", "-o", library],
                   check=True)
    library.chmod(0o755)
    subprocess.run(["cp", "-a", "/etc", etc], check=True)
    (etc / "ld.so.preload").write_text(f"{library}\n")
    subprocess.run(["mount", "--bind", etc, "/etc"], check=True)
    return told


def shim(told, offset_s=0, sync_s=0.0):
    with open(told, "r+b") as f:
        f.write(SHIM.pack(int(offset_s * 10**9), int(sync_s * 1e9)))


def slow_disk():
    """A quarter of a second for each sync: the replay is behind, waits, and is whole."""
    told = shimmed()
    d = replaying("slow", "--once", "--no-sandbox")
    d.start()
    if not d.ready():
        return d.said()
    shim(told, 0, 0.25)
    if not wait(lambda: counter(d, "capture", "waiting_max_bytes") > 50000):
        return f"nothing waited: {counter(d, 'capture', 'waiting_max_bytes')}"
    time.sleep(1.5)
    if counter(d, "capture", "packets") < 20000:
        return f"capture does not go on: {counter(d, 'capture', 'packets')}"
    slow = counter(d, "keeper", "commit_max_nanoseconds")
    shim(told)
    code = d.p.wait(40)
    return f"exit {code}: {d.said()}" if code else f"not slow: {slow}" if slow < 200e6 else whole(d)


def clock_steps():
    """A day ahead, a day back: no packet is lost, both steps are told and kept."""
    told = shimmed()
    pair()
    d = Daemon(PROGRAM, folder("clock"), LIVE, "--no-sandbox")
    d.start()
    if not d.ready():
        return d.said()
    sender = Sender()
    sender.start()
    time.sleep(1.5)
    for offset in (DAY, 0, -DAY, 0):
        shim(told, offset)
        time.sleep(2.5)
    sender.end()
    time.sleep(1.2)
    lost = [counter(d, r, "lost_batches") for r in ("capture",)] + [counter(d, r, "refused_messages") for r in ("capture", "keeper")]
    code = d.end()
    if code or any(lost):
        return f"exit {code}, lost and refused {lost}: {d.said()}"
    found, gaps = stored(d.store)
    missing = [n for n in range(len(sender.at)) if found.get(n) != 1]
    steps = [round((b - a) / 1e9) for a, b, why in gaps if why == "clock-jump"]
    print(f"# clock: {len(sender.at)} packets, {len(found)} kept, steps {steps}")
    if missing:
        return f"{len(missing)} of {len(sender.at)} missing or doubled, at {when(sender, missing)}; gaps {gaps}"
    if d.said().count("the clock was stepped") != 4 or steps != [DAY] * len(steps) or len(steps) < 2:
        return f"{steps}: {d.said()}"
    code, out, err = sakimori("--store", d.store, "store", "check")
    return f"store check: {out} {err}" if code else None


# ---- what is left behind ----

def torn():
    """Everything is killed; a segment has half a block more, the lock names a dead process, socket and pages lie there."""
    d = replaying("torn", "--once")
    d.start()
    if not d.ready() or not wait(lambda: counter(d, "keeper", "stored_flows") > 8000):
        return d.said()
    everybody = [p for r in ("capture", "keeper", "analysis", "query", "alert") for p in processes(d.p.pid, r)]
    for pid in [d.p.pid, *everybody]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    d.p.wait(10)
    if not wait(lambda: not any(pathlib.Path(f"/proc/{p}/cwd").exists() for p in everybody)):
        return "roles outlive the supervisor"
    segment = sorted((d.store / "flows").glob("*.seg"))[0]
    block = segment.read_bytes()[:700]
    with open(segment, "ab") as f:
        f.write(block)
    (d.store / "lock").write_text(f"{d.p.pid}\n")
    left = [str(p) for p in (d.store / "control.sock", d.store / "run/keeper.counters", d.store / "run/lock") if not p.exists()]
    code, st = status(d)
    if left or code != 1 or "killed or crashed" not in texts(st):
        return f"missing {left}; status {code}: {texts(st)}"
    d.start()
    code = d.p.wait(30)
    if code or "octets that nobody had acknowledged" not in d.said():
        return f"exit {code}: {d.said()}"
    return whole(d)


CASES = {"full-disk": full_disk, "full-disk-keeper-killed": full_and_killed, "read-only": read_only,
         "slow-disk": slow_disk, "clock-steps": clock_steps, "torn-state": torn}


def apart(name):
    done = subprocess.run(["unshare", "-n", "-m", "--kill-child", sys.executable, __file__, "--inside", name],
                          capture_output=True, text=True, timeout=180, env=dict(os.environ, TMPDIR=str(TMP)))
    said = [x for x in done.stdout.splitlines() if not x.startswith("#")]
    for line in done.stdout.splitlines():
        if line.startswith("#"):
            print(line)
    return None if said == ["well"] else f"{' '.join(said)} {done.stderr[-600:]}"


def main():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True).returncode != 0:
        print("skip faults: needs root and network namespaces")
        return 0
    if sys.argv[1:2] == ["--inside"]:
        print(CASES[sys.argv[2]]() or "well")
        return 0
    TMP.chmod(0o755)
    held, why = undisturbed()
    if why:
        print(f"not ok undisturbed: {why}")
        return 1
    (TMP / "want.json").write_text(json.dumps(held))
    failed, names = 0, sys.argv[1:] or list(CASES)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, why in zip(names, pool.map(apart, names)):
            why = why and " ".join(why.split())[:1200]
            print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
            failed |= why is not None
    return failed


sys.exit(main())
