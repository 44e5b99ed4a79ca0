#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 7200
"""Neither lost nor doubled: roles and the whole daemon get SIGKILL at random moments of a replay, and again of live
traffic; afterwards the store holds what it holds without any of that.

SAKIMORI_ROUNDS (30) replays, SAKIMORI_SEED (1) the first one's seed, SAKIMORI_JOBS (3) at once; `kills.py replay` or
`kills.py live` for one part alone. A round that fails is done again by its seed: SAKIMORI_ROUNDS=1 SAKIMORI_SEED=N.
"""
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "aid"))
from daemon import Daemon, wait  # noqa: E402
from kept import (CAPTURE, LIVE, PROGRAM, REPLAY, SPEED, TMP, Sender, differ, folder, look, pair, processes, sakimori,
                  stored, strike, undisturbed, when)  # noqa: E402

ROUNDS = int(os.environ.get("SAKIMORI_ROUNDS", "30"))
SEED = int(os.environ.get("SAKIMORI_SEED", "1"))
JOBS = int(os.environ.get("SAKIMORI_JOBS", "3"))
STARTS = 12  # of the daemon in one round, at most
VICTIMS = ("capture", "keeper", "analysis", "query", "supervisor")
MINUTE_WAIT_NS = 35_000_000_000
EDGE_NS = 50_000_000  # between a packet's way and the clock that a gap is told by


# ---- replays ----

def disturbed(seed, want, told):
    """One round; None or what went wrong."""
    chance = random.Random(seed)
    d = Daemon(PROGRAM, folder(f"round-{seed}"), REPLAY, "--replay", CAPTURE, "--speed", SPEED, "--once")
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
    why = why or differ(held, want)
    if not why:
        shutil.rmtree(d.folder)
    return why and f"seed {seed}: {' '.join(strikes)}: {why} ({d.folder})"


def replays():
    want, why = undisturbed()
    if why:
        return why
    told, faults = [0], []
    with concurrent.futures.ThreadPoolExecutor(max_workers=JOBS) as pool:
        for n, why in enumerate(pool.map(lambda s: disturbed(s, want, told), range(SEED, SEED + ROUNDS))):
            if why:
                faults.append(why)
                print("#", why, flush=True)
            if (n + 1) % 100 == 0:
                print(f"# {n + 1} rounds, {told[0]} kills, {len(faults)} faults", flush=True)
    print(f"# {ROUNDS} rounds from seed {SEED}, {told[0]} kills", flush=True)
    return f"{len(faults)} of {ROUNDS} rounds, first {faults[0]}" if faults else None


# ---- live ----

def account(sender, store, calm):
    """Every packet is kept once, or in a gap; in the calm times from .. to none is missing and none in a gap."""
    found, gaps = stored(store)
    lost = [n for n in range(len(sender.at)) if n not in found]
    inside = [n for n in lost if any(a - EDGE_NS <= sender.at[n] <= b + EDGE_NS for a, b, _ in gaps)]
    twice = [n for n, packets in found.items() if packets != 1]
    # What the kernel drops because this machine is busy is told, too, and nobody's fault here.
    dropped = [(a, b) for a, b, why in gaps if why == "kernel-drop"]
    calm_lost = [n for n in lost if any(a <= sender.at[n] <= b for a, b in calm)
                 and not any(a - EDGE_NS <= sender.at[n] <= b + EDGE_NS for a, b in dropped)]
    print(f"# live: {len(sender.at)} packets, {len(found)} kept, {len(lost)} in {len(gaps)} gaps", flush=True)
    tell = " ".join(f"{r} {(a - sender.at[0]) / 1e9:.2f}..{(b - sender.at[0]) / 1e9:.2f}" for a, b, r in gaps)
    if twice:
        return f"{len(twice)} kept more than once, first {twice[0]}; gaps {tell}"
    if calm_lost:
        return f"{len(calm_lost)} lost while nobody watching was hurt, at {when(sender, calm_lost)}; gaps {tell}"
    if len(inside) != len(lost):
        out = sorted(set(lost) - set(inside))
        return f"{len(out)} neither kept nor in a gap, at {when(sender, out)}; gaps {tell}"
    if any(a + EDGE_NS < y and x < b - EDGE_NS for a, b, r in gaps for x, y in calm if r != "kernel-drop"):
        return f"a gap where nothing was lost: {tell}; calm {[(x - sender.at[0], y - sender.at[0]) for x, y in calm]}"
    reasons = {r for _, _, r in gaps}
    return None if reasons >= {"killed", "stopped"} else f"reasons {reasons}"


def live_round(seed):
    chance = random.Random(seed)
    pair()
    d, sender, calm = Daemon(PROGRAM, folder(f"live-{seed}"), LIVE), Sender(), []
    d.start()
    if not d.ready():
        return f"not ready: {d.said()}"
    sender.start()
    try:
        why = live_steps(d, sender, chance, calm)
    finally:
        sender.end()
        time.sleep(0.2)
        code = d.end()
    if why or code:
        return f"seed {seed}: {why}, exit {code}: {d.said()[-400:]}"
    why = account(sender, d.store, calm)
    code, out, err = sakimori("--store", d.store, "store", "check")
    return why or (f"store check: {out} {err}" if code else None)


def back(d, role):
    """Killed, begun anew, and watching."""
    old = processes(d.p.pid, role)
    if not strike(d, role) or not wait(lambda: set(processes(d.p.pid, role)) - set(old), 10):
        return f"{role} did not come back: {d.said()[-300:]}"
    if not wait(lambda: roles_running(d), 10):
        return f"{role} is not ready again"
    return None


def roles_running(d):
    done = subprocess.run([d.program, "run", "--status", "--json", "--store", d.store], capture_output=True, text=True,
                          timeout=30)
    return all(r["state"] == "running" for r in json.loads(done.stdout)["roles"])


def live_steps(d, sender, chance, calm):
    """In the first minute: capture, keeper; a stop; over the end of a minute; keeper, then capture."""
    time.sleep(chance.uniform(0.5, 1.5))
    why = back(d, "capture")
    begin = time.time_ns() + EDGE_NS
    time.sleep(chance.uniform(0.5, 1))
    why = why or back(d, "keeper")
    time.sleep(chance.uniform(0.2, 1))
    calm.append((begin, time.time_ns() - EDGE_NS))
    if why or d.end() != 0:
        return why or f"did not end well: {d.said()[-300:]}"
    time.sleep(0.5)
    d.start()
    if not d.ready():
        return f"not ready again: {d.said()[-300:]}"
    begin = time.time_ns() + EDGE_NS
    minute = (time.time_ns() // 60_000_000_000 + 1) * 60_000_000_000
    # A minute is kept ten seconds after its end; where that is far, the capture dies without one.
    if ROUNDS > 100 or minute - time.time_ns() < MINUTE_WAIT_NS:
        while time.time_ns() < minute - 2_000_000_000:
            time.sleep(min(chance.uniform(2, 20), max(0, minute - time.time_ns()) / 1e9))
            why = why or back(d, "keeper")
        time.sleep(max(0, (minute - time.time_ns()) / 1e9) + 12.5)
        calm.append((begin, minute - EDGE_NS))
    else:
        why = why or back(d, "keeper")
    why = why or back(d, "capture")
    begin = time.time_ns() + EDGE_NS
    time.sleep(1)
    why = why or back(d, "keeper")
    calm.append((begin, time.time_ns() - EDGE_NS))
    return why


def live():
    """In a network namespace of its own, which ends with it."""
    done = subprocess.run(["unshare", "-n", "--kill-child", sys.executable, __file__, "live-inside"],
                          capture_output=True, text=True, timeout=300)
    print(*(x for x in done.stdout.splitlines() if x.startswith("#")), sep="\n")
    said = [x for x in done.stdout.splitlines() if not x.startswith("#")]
    return None if said == ["well"] else f"{said} {done.stderr[-600:]}"


CASES = [("killed replays", "replay", replays), ("killed live", "live", live)]


def main():
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
        print("skip kills: needs root and network namespaces")
        return 0
    TMP.chmod(0o755)
    if sys.argv[1:] == ["live-inside"]:
        print(live_round(SEED) or "well")
        return 0
    failed, wanted = 0, [c for c in CASES if len(sys.argv) < 2 or c[1] in sys.argv[1:]]
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for (name, _, _), why in zip(wanted, pool.map(lambda c: c[2](), wanted)):
            print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
            failed |= why is not None
    print(f"# {time.monotonic() - begin:.1f} s")
    return failed


sys.exit(main())
