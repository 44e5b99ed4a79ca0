#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Roles in other hands. A role's page of counters is its own to write: whatever it writes there, the supervisor and the
other roles live. What the keeper leaves in its directories isn't followed out of them by the next start as root. And a
capture file whose packets come from the beginning and the end of time is kept to its end."""
import ctypes
import mmap
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "aid"))
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ["SAKIMORI"]
ROLE_AT, NAME_AT = 12, 52  # struct counters
CAPTURE, KEEPER = 1, 3  # enum role_id


def spoil(store, name, role):
    """As the role can: texts without an end, up to the end of the mapping, and it says that it is another."""
    path = store / "run" / f"{name}.counters"
    size = -(-path.stat().st_size // mmap.PAGESIZE) * mmap.PAGESIZE
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), path.stat().st_size) as m:
        m[ROLE_AT:ROLE_AT + 4] = role.to_bytes(4, "little")
        m[NAME_AT:] = b"\x1b" * (len(m) - NAME_AT)
        # The rest of the last page lies behind the end of the file.
        first = ctypes.c_char.from_buffer(m)
        ctypes.memset(ctypes.addressof(first) + len(m), 0x1b, size - len(m))
        del first


def children(d):
    """{role: process} of the supervisor."""
    out = {}
    for pid in pathlib.Path(f"/proc/{d.p.pid}/task/{d.p.pid}/children").read_text().split():
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if len(words) > 2:
            out[words[2].decode()] = int(pid)
    return out


def pages(folder):
    with Daemon(PROGRAM, folder, "network: {operator: self}\nmetrics: {listen: off}\n") as d:
        if not d.ready():
            return f"not ready: {d.said()}"
        before = children(d)
        for name, role in (("query", KEEPER), ("analysis", KEEPER), ("keeper", CAPTURE), ("alert", CAPTURE)):
            spoil(d.store, name, role)
        if wait(lambda: "alert ended" in d.said() or children(d).get("alert") != before["alert"], 7):
            return f"the alert role ended: {d.said()[-400:]}"
        for name in ("query", "analysis"):
            os.kill(before[name], signal.SIGKILL)
        if not wait(lambda: d.p.poll() is not None or
                    all(children(d).get(n) not in (None, before[n]) for n in ("query", "analysis")), 10):
            return f"they were not begun again: {d.said()[-400:]}"
        if d.p.poll() is not None:
            return f"the supervisor ended with {d.p.returncode}: {d.said()[-400:]}"
        if "\x1b" in d.said():
            return "what the role wrote came to the terminal as it was"
    return None


def names(folder):
    """A segment that is another's file by a second name, and one that is a link."""
    if os.geteuid() != 0:
        return None
    secret, d = folder / "secret", Daemon(PROGRAM, folder, "network: {operator: self}\nmetrics: {listen: off}\n")
    for how in (os.link, os.symlink):
        shutil.rmtree(d.store, ignore_errors=True)
        (d.store / "flows").mkdir(parents=True)
        (d.store / "run").mkdir()
        secret.write_text("root's own")
        secret.chmod(0o600)
        how(secret, d.store / "flows/2020010100.seg")
        d.start()
        d.ready(5)
        d.end()
        st = secret.stat()
        if (st.st_uid, st.st_mode & 0o777) != (0, 0o600):
            return f"{how.__name__}: the file of another is now {st.st_uid}'s, {st.st_mode & 0o777:o}: {d.said()}"
    return None


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def times(folder):
    packet = bytes.fromhex("450000280007000040060000" "cb007101" "c6120001" "0400001700000001000000005002 03e800000000")
    with open(folder / "times.pcapng", "wb") as f:
        f.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        f.write(block(1, struct.pack("<HHIHHB3xHH", 101, 0, 65535, 9, 1, 9, 0, 0)))
        for ns in [0, 1, 2**64 - 1, 2**63 - 1, 2**63, 10**18, 5] * 50:
            f.write(block(6, struct.pack("<IIIII", 0, ns >> 32, ns & 0xFFFFFFFF, len(packet), len(packet)) + packet))
    config = "network: {operator: self}\nmetrics: {listen: off}\nsensors: [{name: west, dark: [198.18.0.0/16]}]\n"
    d = Daemon(os.environ.get("SAKIMORI_ASAN", PROGRAM), folder, config, "--replay", folder / "times.pcapng", "--once",
               "--speed", "max", env={"ASAN_OPTIONS": "detect_leaks=0"})
    d.start()
    try:
        code = d.p.wait(60)
    except subprocess.TimeoutExpired:
        code = None
    d.end()
    return None if code == 0 and "ended" not in d.said() else f"exit {code}: {d.said()[-400:]}"


def main():
    failed = 0
    for trial in (pages, names, times):
        with tempfile.TemporaryDirectory(prefix="sakimori-rogue.") as folder:
            os.chmod(folder, 0o755)
            why = trial(pathlib.Path(folder))
        failed += why is not None
        print(f"ok {trial.__name__}" if why is None else f"not ok {trial.__name__}: " + " ".join(why.split()))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
