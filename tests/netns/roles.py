#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each role of a daemon that runs: user, capabilities, limits, namespaces, open descriptors, secrets; a page of counters
that a role filled with rubbish; a role that dies again and again; processes that start themselves (role/spawn.c)."""
# timeout: 120
import mmap
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
SECRET = "hunted-down-5511"
CONFIG = """network: {operator: self}
metrics: {listen: "127.0.0.1:9479"}
console: {listen: "127.0.0.1:8443"}
alerts:
  channels:
    - {type: webhook, name: hook, url: "http://127.0.0.1:9/x", token: {file: SECRETFILE}}
    - {type: webhook, name: other, url: "http://127.0.0.1:9/y", token: {env: SOME_TOKEN}}
sensors:
  - {name: west, interface: lo, ring: 1MiB, dark: [198.18.0.0/16]}
"""
OWN_NETWORK = ("unshare", "-n", "--", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")
IDS = {"capture": 47001, "analysis": 47002, "keeper": 47003, "query": 47004, "alert": 47005, "metrics": 47008,
       "desk": 47009, "console": 47010}
READERS = ("keeper", "query", "alert", "metrics", "desk")
APART = ("capture", "analysis", "keeper", "query", "desk")  # a network of their own
ROOTED = ("keeper", "query", "desk")
# What may be open beside the standard three, by the end of the name.
STORE = r"/(store\.db(-wal|-shm)?|flows(/[^ ]*)?|packets(/[^ ]*)?|lock|spool)"
OPEN = {
    "capture": r"socket:.*|anon_inode:\[eventfd\]|.*/packets/west/\d+T\d+-0\.pcap",
    "analysis": r"socket:.*",
    "alert": r"socket:.*|anon_inode:\[event(fd|poll)\]",
    "metrics": r"socket:.*|anon_inode:\[event(fd|poll)\]|STORE/run/[a-z:]+\.counters",
    "keeper": r"socket:.*|(STORE)?" + STORE,
    "desk": r"socket:.*|anon_inode:\[eventfd\]|STORE/run/[a-z:]+\.counters|(STORE)?" + STORE,
    "console": r"socket:.*|anon_inode:\[eventfd\]",
    "query": r"socket:.*|anon_inode:\[eventfd\]|(STORE)?" + STORE,
}


def daemon():
    path = pathlib.Path(tempfile.mkdtemp(dir=TMP))
    path.chmod(0o755)
    secret = path / "token"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    return Daemon(PROGRAM, path, CONFIG.replace("SECRETFILE", str(secret)), prefix=OWN_NETWORK,
                  env={"SOME_TOKEN": SECRET + "-env"})


def read(path):
    try:
        return pathlib.Path(path).read_bytes().decode(errors="replace")
    except OSError:
        return ""


def children(pid):
    """Its roles: name to pid."""
    out = {}
    for child in read(f"/proc/{pid}/task/{pid}/children").split():
        words = read(f"/proc/{child}/cmdline").split("\0")
        if "--role" in words:
            out[words[words.index("--role") + 1]] = int(child)
    return out


def fields(pid):
    return dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").splitlines() if ":\t" in line)


def privileges(d, roles):
    for name, pid in roles.items():
        f = fields(pid)
        group = 47000 if name in READERS else IDS[name]
        want = {"Uid": "\t".join([str(IDS[name])] * 4), "Gid": "\t".join([str(group)] * 4), "NoNewPrivs": "1",
                "Seccomp": "2", "Groups": ""}
        want.update({cap: "0" * 16 for cap in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")})
        for key, value in want.items():
            if f.get(key, "?").strip() != value:
                return f"{name}: {key} is {f.get(key)!r}"
        # What can't be dumped belongs to root in /proc.
        if os.stat(f"/proc/{pid}/mem").st_uid != 0:
            return f"{name}: can be dumped"
    return None


def limits(d, roles):
    for name, pid in roles.items():
        rows = {line[:26].strip(): line[26:].split()[:2] for line in read(f"/proc/{pid}/limits").splitlines()}
        if rows["Max core file size"] != ["0", "0"]:
            return f"{name}: core {rows['Max core file size']}"
        if name in ("analysis", "keeper", "query", "desk") and rows["Max processes"] != ["0", "0"]:
            return f"{name}: processes {rows['Max processes']}"
        if int(rows["Max open files"][1]) > (2048 if name == "console" else 1024):
            return f"{name}: files {rows['Max open files']}"
    return None


def namespaces(d, roles):
    outside = {kind: os.readlink(f"/proc/{d.p.pid}/ns/{kind}") for kind in ("net", "ipc", "uts", "cgroup")}
    for name, pid in roles.items():
        for kind, link in outside.items():
            apart = os.readlink(f"/proc/{pid}/ns/{kind}") != link
            if apart != (kind != "net" or name in APART):
                return f"{name}: {kind} namespace apart: {apart}"
        if name in APART:
            links = [line.split(":")[0].strip() for line in read(f"/proc/{pid}/net/dev").splitlines()[2:]]
            if [link for link in links if not link.startswith(("lo", "sit", "tunl", "ip6", "gre", "erspan"))]:
                return f"{name}: sees {links}"
        if (os.readlink(f"/proc/{pid}/root") != "/") != (name in ROOTED):
            return f"{name}: root {os.readlink(f'/proc/{pid}/root')}"
    return None


def descriptors(d, roles):
    for name, pid in roles.items():
        allowed = re.compile(OPEN[name].replace("STORE", re.escape(str(d.store)), 1) if name == "metrics" else
                             OPEN[name].replace("STORE", re.escape(str(d.store))))
        for fd in os.listdir(f"/proc/{pid}/fd"):
            to = os.readlink(f"/proc/{pid}/fd/{fd}")
            if int(fd) > 2 and not allowed.fullmatch(to):
                return f"{name}: {fd} is {to}"
            flags = int(re.search(r"flags:\s*(\d+)", read(f"/proc/{pid}/fdinfo/{fd}")).group(1), 8)
            if to.endswith(".counters") and flags & os.O_ACCMODE != os.O_RDONLY:
                return f"{name}: may write {to}"
            if name == "query" and int(fd) > 2 and to.endswith("store.db") and flags & os.O_ACCMODE != os.O_RDONLY:
                return f"{name}: may write {to}"
    return None


def secrets(d, roles):
    places = {"supervisor": d.p.pid, **roles}
    for name, pid in places.items():
        if SECRET in read(f"/proc/{pid}/cmdline") or (name != "supervisor" and SECRET in read(f"/proc/{pid}/environ")):
            return f"{name}: a secret among its words"
        # A variable that was a secret is there without its value.
        kept = [word for word in read(f"/proc/{pid}/environ").split("\0") if word and not word.endswith("=")]
        if name != "supervisor" and not all(word.startswith(("TZ=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=")) for word in kept):
            return f"{name}: {read(f'/proc/{pid}/environ')}"
    for fd in os.listdir(f"/proc/{d.p.pid}/fd"):
        if "configuration" in os.readlink(f"/proc/{d.p.pid}/fd/{fd}"):
            return "a secret in the configuration" if SECRET in read(f"/proc/{d.p.pid}/fd/{fd}") else None
    return "no configuration found"


def seconds(pid):
    words = read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def dying(d, roles):
    """Ends at once again and again: later and later started, nobody else is touched, no time is burnt."""
    before, cpu, ends = children(d.p.pid), seconds(d.p.pid), 0
    end = time.monotonic() + 4
    while time.monotonic() < end:
        pid = children(d.p.pid).get("query")
        if pid:
            os.kill(pid, signal.SIGSEGV)
            ends += 1
            wait(lambda: children(d.p.pid).get("query") != pid, 2)
        time.sleep(0.005)
    burnt = seconds(d.p.pid) - cpu
    if ends < 3 or ends > 8 or burnt > 0.5:
        return f"{ends} starts in 4 s, {burnt} s of CPU"
    after = children(d.p.pid)
    others = [name for name in before if name != "query" and before[name] != after.get(name)]
    if others:
        return f"{others} began anew, too"
    said = [line for line in d.said().splitlines() if "query ended: " in line]
    # A sanitizer's handler makes an end of its own of it.
    if not re.search(r"query ended: (signal 11 \(Segmentation fault\)|exit \d+); last message [a-z-]+; build \S+", said[0]):
        return said[0]
    return None if wait(lambda: "query" in children(d.p.pid), 15) else "it never came back"


def rubbish(d, roles):
    """A role fills the page that it shares with the supervisor, to the last octet, and dies."""
    pid = children(d.p.pid)["analysis"]
    path = d.store / "run/analysis.counters"
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0) as page:
        page[8:len(page)] = (b"\033]0;x\007" * (len(page) // 6 + 1))[:len(page) - 8]
    os.kill(pid, signal.SIGKILL)
    back = wait(lambda: children(d.p.pid).get("analysis") not in (None, pid), 10)
    if d.p.poll() is not None or not back:
        return f"supervisor {d.p.poll()}, back: {back}"
    if "\033" in d.said() or "analysis ended: signal 9" not in d.said():
        return "raw octets of a role on the terminal, or no word of its end"
    time.sleep(1.5)  # the alert role looks at the pages every second
    return None if children(d.p.pid).get("alert") == roles["alert"] else "the alert role died of it"


def junk():
    """Nobody becomes a daemon, or a chain of processes, by a word that is none."""
    for words in (["--role"], ["--role", "junk"], ["--role", "junk", "0", "1", "/", "sealed"], ["--role", "supervisor",
                  "0", "1", "/", "sealed"], ["--role", "command", "0", "1", "/", "sealed"], ["--role", "keeper", "0",
                  str(os.getpid()), "/nowhere", "sealed"], ["run", "--role", "keeper"], ["--role", "", "", "", "", "", ""]):
        p = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL,
                           preexec_fn=os.setpgrp)
        if p.returncode not in (2, 3):
            return f"{words}: {p.returncode} {p.stderr}"
    mine = read(f"/proc/self/task/{os.getpid()}/children").split()
    return f"left behind: {mine}" if mine else None


def main():
    if os.getuid() != 0 or subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        print("skip roles: needs root and network namespaces")
        return 0
    bad = 0

    def tell(name, why):
        nonlocal bad
        bad += why is not None
        print(f"ok roles/{name}" if why is None else f"not ok roles/{name}: {str(why).strip()[:500]}", flush=True)

    tell("junk", junk())
    with daemon() as d:
        if not d.ready():
            tell("daemon", d.said())
            return 1
        time.sleep(0.5)
        roles = children(d.p.pid)
        tell("all are there", None if set(roles) == set(IDS) else str(roles))
        for check in (privileges, limits, namespaces, descriptors, secrets, dying, rubbish):
            tell(check.__name__, check(d, roles))
        tell("ends well", None if d.end() in (0, 3) else d.said())
    return 1 if bad else 0


sys.exit(main())
