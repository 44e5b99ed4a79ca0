#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A role's page of counters is in that role's hands: whatever it writes there, the supervisor and the other roles live."""
import ctypes
import mmap
import os
import pathlib
import signal
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


def trial(folder):
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


def main():
    with tempfile.TemporaryDirectory(prefix="sakimori-pages.") as folder:
        why = trial(pathlib.Path(folder))
    print("ok pages" if why is None else "not ok pages: " + " ".join(why.split()))
    return why is not None


if __name__ == "__main__":
    sys.exit(main())
