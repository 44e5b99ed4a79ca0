#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/run counts right: cases, scripts that fail without a word or print nothing, skips that nobody listed."""
import pathlib
import shutil
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LISTED = "# comment\ncli/nice/listed*\tsome feature\n"

# (what, {script: body}, last line, exit)
CASES = [
    ("passes", {"nice": "echo ok a; echo ok b b"}, "2 passed, 0 failed, 0 skipped", 0),
    ("a case fails", {"nice": "echo ok a; echo 'not ok b: why'"}, "1 passed, 1 failed, 0 skipped", 1),
    ("a failing script with its reason counts once", {"nice": "echo 'not ok b: why'; exit 1"}, "0 passed, 1 failed, 0 skipped", 1),
    ("exit without a reason", {"nice": "echo ok a; exit 3"}, "1 passed, 1 failed, 0 skipped", 1),
    ("ends by a signal", {"nice": "echo ok a; kill -9 $$"}, "1 passed, 1 failed, 0 skipped", 1),
    ("no case", {"nice": "echo okay"}, "0 passed, 1 failed, 0 skipped", 1),
    ("listed skip", {"nice": "echo 'skip listed one: none here'"}, "0 passed, 0 failed, 1 skipped", 0),
    ("unlisted skip", {"nice": "echo 'skip other: none here'"}, "0 passed, 1 failed, 0 skipped", 1),
    ("too slow", {"nice": "# timeout: 1\necho ok a; sleep 30"}, "1 passed, 1 failed, 0 skipped", 1),
    ("leaves a process", {"nice": "sleep 30 & echo ok a"}, "1 passed, 0 failed, 0 skipped", 0),
    ("no scripts at all", {}, "0 passed, 0 failed, 0 skipped", 1),
    ("two scripts", {"nice": "echo ok a", "more": "echo ok b"}, "2 passed, 0 failed, 0 skipped", 0),
]


def run(scripts):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "tests/cli").mkdir(parents=True)
        shutil.copy2(TOP / "tests/run", root / "tests/run")
        (root / "tests/skips").write_text(LISTED)
        for name, body in scripts.items():
            path = root / f"tests/cli/{name}.sh"
            path.write_text("#!/bin/sh\n" + body + "\n")
            path.chmod(0o755)
        done = subprocess.run([str(root / "tests/run"), "--only", "cli"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.stdout.splitlines()[-1] if done.stdout else done.stderr, done.returncode


def main():
    for what, scripts, last, code in CASES:
        got, got_code = run({n: b for n, b in scripts.items()})
        good = got == last and got_code == code
        print(f"ok {what}" if good else f"not ok {what}: `{got}` exit {got_code}", flush=True)


main()
