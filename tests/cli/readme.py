#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every `build/sakimori` line in the README's sh blocks works as it stands there, in order, with its yaml block as
sakimori.yaml; one that ends in & is the daemon, which is to end well when all is done. Its links lead somewhere."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import wait  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI_ASAN", str(TOP / "build-asan/sakimori"))


def daemon(command, folder):
    """Started, and when its replay is kept."""
    log = open(folder + "/daemon.log", "wb")
    p = subprocess.Popen(["bash", "-c", "exec " + command.rstrip(" &")], cwd=folder, stdin=subprocess.DEVNULL,
                         stdout=log, stderr=log)
    done = lambda: subprocess.run([PROGRAM, "--store", folder + "/store", "--json", "run", "--status"],
                                  capture_output=True, text=True).stdout
    kept = wait(lambda: '"state":"done"' in done().replace(" ", "") or p.poll() is not None, 60)
    return p, kept and p.poll() is None


def run(line, folder):
    """(good, why)"""
    command = f"'{PROGRAM}'" + line.removeprefix("build/sakimori")
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=120)
    quiet = "--output" in line or " -o " in line or " backup " in line or "key make" in line
    good = done.returncode == 0 and (done.stdout or quiet)
    return good, f"exit {done.returncode}, {len(done.stdout)} bytes; {(done.stderr.splitlines() or [''])[0]}"


def report(name, good, why):
    # The colon would end the name of the case.
    name = name.removeprefix("build/").replace(":", " ")
    print(f"ok {name}" if good else f"not ok {name}: {why}", flush=True)


def main():
    text = (TOP / "README.md").read_text()
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "sakimori.yaml").write_text("".join(re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)))
        started = None
        for line in lines:
            if not line.startswith("build/sakimori "):
                continue
            if line.endswith(" &"):
                started, good = daemon(f"'{PROGRAM}'" + line.removeprefix("build/sakimori"), folder)
                why = pathlib.Path(folder, "daemon.log").read_text(errors="replace")
            else:
                good, why = run(line, folder)
            report(line, good, " ".join(why.split())[:300])
        if started:
            started.terminate()
            code = started.wait(40)
            report("the daemon ends well", code == 0, f"exit {code}")
    for page in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/operation.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", (TOP / page).read_text()):
            there = ((TOP / page).parent / link).exists()
            print(f"ok link {page} {link}" if there else f"not ok link {page} {link}: leads nowhere")


main()
