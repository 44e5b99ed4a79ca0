#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run --status from outside: a daemon that runs, was stopped, was killed; a role that keeps dying; files in run/ that
are no pages; one daemon a store; users by name; signs of life for the service manager; statusjson."""
# timeout: 240
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
CAPTURE = TMP / "dark.pcap"
CONFIG = "network: {operator: self}\nmetrics: {listen: off}\nconsole: {listen: off}\nsensors:\n  - {name: west, dark: [198.18.0.0/16]}\n"


def folder():
    path = pathlib.Path(tempfile.mkdtemp(dir=TMP))
    path.chmod(0o755)
    return path


def replaying(*words, **more):
    return Daemon(PROGRAM, folder(), CONFIG, "--replay", CAPTURE, *words, **more)


def state(d, *words):
    return json.loads(d.status("--json", *words).stdout)


def role(st, name):
    return next(r for r in st["roles"] if r["name"] == name)


def texts(st):
    return " | ".join(f"{p['weight']}: {p['text']}" for p in st["problems"])


def kept(d):
    return wait(lambda: role(state(d), "capture:west")["state"] == "done")


def running_daemon():
    with replaying() as d:
        if not d.ready() or not kept(d):
            return d.said()
        done, st = d.status(), state(d)
        c, k = role(st, "capture:west")["counters"], role(st, "keeper")["counters"]
        if done.returncode or st["daemon"] != "running" or "nothing is wrong" not in done.stdout:
            return f"{done.returncode} {done.stdout}"
        if c["packets"] != 20000 or k["stored_flows"] != 20000 or not c["last_packet"].startswith("2026-01-01T"):
            return f"{c} {k}"
        if role(st, "supervisor")["pid"] != d.p.pid or role(st, "keeper")["resident_bytes"] <= 0:
            return texts(st)
        return None if "\033" not in done.stdout else "colours without a terminal"


def aligned():
    """Columns of the roles: each state begins where its heading does."""
    with replaying() as d:
        if not d.ready() or not kept(d):
            return d.said()
        lines = d.status("--tz", "Asia/Tokyo").stdout.splitlines()
        at = lines.index("Roles") + 1
        column = lines[at].index("state")
        rows = lines[at + 1:at + 4]
        if any(r[column - 1] != " " or r[column] == " " for r in rows):
            return "\n".join(lines)
        return None if any("JST" in line for line in lines) else "no times in the zone that was asked for"


def stopped_daemon():
    with replaying() as d:
        d.ready()
        code = d.end()
        done, st = d.status(), state(d)
    if code or done.returncode != 1 or st["daemon"] != "stopped" or "SIGTERM" not in texts(st):
        return f"{code} {done.returncode} {texts(st)}"
    return None


def killed_daemon():
    with replaying() as d:
        if not d.ready() or not kept(d):
            return d.said()
        keeper = role(state(d), "keeper")["pid"]
        d.end(signal.SIGKILL)
        if not wait(lambda: not os.path.exists(f"/proc/{keeper}")):
            return "the keeper lives on without its supervisor"
        done, st = d.status(), state(d)
        if done.returncode != 1 or st["daemon"] != "killed" or str(d.p.pid) not in texts(st):
            return f"{done.returncode} {texts(st)}"
        if role(st, "keeper")["counters"]["stored_flows"] != 20000 or "was running" not in done.stdout:
            return "how it was is not shown"
        d.start()
        return None if d.ready() and state(d)["daemon"] == "running" else d.said()


def dying_role():
    with replaying() as d:
        if not d.ready() or not kept(d):
            return d.said()
        for _ in range(3):
            pid = role(state(d), "keeper")["pid"]
            os.kill(pid, signal.SIGSEGV)
            if not wait(lambda: (lambda r: r["state"] == "running" and r["pid"] not in (0, pid))(
                    role(state(d), "keeper"))):
                return f"not started again: {texts(state(d))}"
        st = state(d)
        keeper = role(st, "keeper")
        if keeper["restarts"] != 3 or not keeper["last_end"].startswith(("signal 11", "exit 1")) or "ended 3 times" not in texts(st):
            return texts(st)
        for _ in range(4):
            os.kill(role(state(d), "keeper")["pid"] or 2**22 - 1, signal.SIGSEGV)
            if not wait(lambda n=_: role(state(d), "keeper")["restarts"] == 4 + n):
                return "an end was not counted"
            if _ < 3 and not wait(lambda: role(state(d), "keeper")["state"] == "running"):
                return "not started again"
        done = d.status()
        # The analysis ends with the keeper, to begin anew from the store.
        first = [line for line in done.stdout.splitlines()[1:3] if line.startswith("WRONG")]
        return None if done.returncode == 1 and any("keeper" in line for line in first) else done.stdout


def hostile_files():
    with replaying() as d:
        if not d.ready() or not kept(d):
            return d.said()
        run = d.store / "run"
        page = bytearray((run / "keeper.counters").read_bytes())
        (run / "short.counters").write_bytes(b"x")
        (run / "empty.counters").write_bytes(b"")
        (run / "huge.counters").write_bytes(b"\xff" * 1000000)
        (run / "noise.counters").write_bytes(os.urandom(len(page)))
        (run / "link.counters").symlink_to("/etc/passwd")
        (run / "forward.counters").mkdir()
        os.mkfifo(run / "pipe.counters")
        (run / "no\033[31mrole.counters").write_bytes(page)
        page[20:52] = b"9.9.9".ljust(32, b"\0")
        (run / "collect.counters").write_bytes(page)
        for i in range(200):
            (run / f"many{i}.counters").write_bytes(b"")
        done, st = d.status(), state(d)
        for i in range(200):
            (run / f"many{i}.counters").unlink()
        few = texts(state(d))
    if done.returncode != 1 or "\033" in done.stdout or "more files" not in texts(st):
        return f"{done.returncode} {done.stdout[:500]}"
    wanted = ("short.counters", "a link", "no ordinary file", "of another build", "of no role", "noise.counters")
    missing = [w for w in wanted if w not in few]
    return f"not told: {missing}: {few}" if missing else None


def never_ran():
    done = subprocess.run([PROGRAM, "run", "--status", "--store", TMP / "nowhere"], capture_output=True, text=True)
    return None if done.returncode == 1 and "never ran" in done.stdout else f"{done.returncode} {done.stdout}"


def one_daemon():
    with replaying() as d:
        d.ready()
        other = Daemon(PROGRAM, folder(), CONFIG, "--replay", CAPTURE)
        other.store = d.store
        with other:
            code = other.p.wait(20)
            said = other.said()
        st = state(d)
        if code != 3 or "runs on this store already" not in said:
            return f"{code} {said}"
        return None if st["daemon"] == "running" and role(st, "supervisor")["pid"] == d.p.pid else texts(st)


def signs_of_life():
    where = folder() / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(where))
        s.settimeout(10)
        heard = b""
        with replaying(env={"NOTIFY_SOCKET": str(where), "WATCHDOG_USEC": "400000"}) as d:
            while heard.count(b"WATCHDOG=1") < 4:
                heard += s.recv(1000) + b"\n"
            d.end()
            while b"STOPPING=1" not in heard:
                heard += s.recv(1000) + b"\n"
    return None if b"READY=1" in heard else repr(heard)


def with_passwd(lines, *words):
    """A daemon in a mount namespace of its own whose /etc/passwd has these lines more."""
    f = folder()
    (f / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + lines)
    script = f"mount --bind {f}/passwd /etc/passwd && exec \"$@\""
    return replaying(*words, prefix=("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"))


def users_by_name():
    with with_passwd("sakimori-keeper:x:46999:46999::/:/usr/sbin/nologin\n") as d:
        if not d.ready() or not kept(d):
            return d.said()
        pid = role(state(d), "keeper")["pid"]
        uids = [line for line in open(f"/proc/{pid}/status") if line.startswith("Uid:")][0].split()
        owner = os.stat(d.store / "store.db").st_uid
        return None if uids[1] == "46999" and owner == 46999 else f"{uids} {owner}"


def foreign_user():
    with with_passwd("backup-agent:x:47003:47003::/:/bin/sh\n") as d:
        code = d.p.wait(20)
        said = d.said()
    return None if code == 3 and "backup-agent" in said and "systemd-sysusers" in said else f"{code} {said}"


def unit_capabilities():
    """What the unit leaves to the supervisor is enough, and its roles have none of it."""
    words = re.findall(r"^CapabilityBoundingSet=(.*)$", (TOP / "dist/sakimori.service.in").read_text(), re.M)
    caps = ",".join("+" + c[4:].lower() for c in " ".join(words).split())
    with replaying(prefix=("setpriv", f"--bounding-set=-all,{caps}", "--inh-caps=-all", "--no-new-privs")) as d:
        if not d.ready() or not kept(d):
            return d.said()
        for r in state(d)["roles"]:
            if r["role"] == "supervisor" or not r["pid"]:
                continue
            text = pathlib.Path(f"/proc/{r['pid']}/status").read_text()
            left = re.findall(r"^Cap\w+:\s*0*[1-9a-f]\w*$", text, re.M)
            if left or re.search(r"^[UG]id:.*\b0\b", text, re.M):
                return f"{r['name']} has {left} {re.findall('^[UG]id.*', text, re.M)}"
        code = d.end()
        return f"{code} {d.said()}" if code else None


def reloads():
    """What would begin or end a role is refused whole; a change of a threshold is in force."""
    more = "  - {name: south, dark: [198.51.100.0/24]}\n"
    collect = "collect: {listen: '127.0.0.1:4739', ca: /x, certificate: /x, key: /x}\n"
    refused = ("sensors", CONFIG + more), ("collect.listen", CONFIG + collect), \
        ("metrics.listen", CONFIG.replace("off", "'127.0.0.1:9479'"))
    with replaying() as d:
        if not d.ready() or not kept(d):
            return d.said()
        before = {r["name"]: r["pid"] for r in state(d)["roles"]}
        for i, (key, config) in enumerate(refused, 1):
            d.config.write_text(config)
            d.p.send_signal(signal.SIGHUP)
            if not wait(lambda: d.said().count("nothing of it is in force") == i):
                return f"{key}: {d.said()}"
            if f"reload: {key} would begin or end a role" not in d.said():
                return d.said()
        if before != {r["name"]: r["pid"] for r in state(d)["roles"]}:
            return f"{before} {state(d)['roles']}"
        d.config.write_text(CONFIG + "analysis: {min-targets: 6}\n")
        d.p.send_signal(signal.SIGHUP)
        new = lambda: role(state(d), "analysis")["pid"] not in (0, None, before["analysis"])
        if not wait(lambda: "reload: in force" in d.said() and new()):
            return d.said()
        return None if "ended" not in d.said() and not texts(state(d)) else f"{texts(state(d))} {d.said()}"


def watching():
    with replaying() as d:
        d.ready()
        p = subprocess.Popen([PROGRAM, "run", "--watch", "--json", "--store", d.store], stdout=subprocess.PIPE)
        seen = [json.loads(p.stdout.readline()) for _ in range(2)]
        p.send_signal(signal.SIGINT)
        code = p.wait(10)
    return None if code == 0 and seen[0]["read"] < seen[1]["read"] else f"{code} {seen}"


def main():
    cases = (running_daemon, aligned, stopped_daemon, killed_daemon, dying_role, hostile_files, one_daemon,
             signs_of_life, users_by_name, foreign_user, unit_capabilities,
             reloads, watching, never_ran)
    if os.geteuid() != 0:
        for c in cases:
            print(f"skip {c.__name__}: needs root")
        return
    TMP.chmod(0o755)
    subprocess.run([PROGRAM, "range", "traffic", "-n", "20k", "-o", CAPTURE], check=True)
    for c in cases:
        try:
            why = c()
        except Exception as e:  # a broken case is a failed case, and daemons are ended by now
            why = repr(e)
        why = why and " ".join(why.split())
        print(f"not ok {c.__name__}: {why}" if why else f"ok {c.__name__}", flush=True)
    shutil.rmtree(TMP, ignore_errors=True)


main()
