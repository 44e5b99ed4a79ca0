#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every `build/sakimori` line in the README's sh blocks works as it stands there, in order, and its links lead somewhere."""
import os
import pathlib
import re
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("SAKIMORI_ASAN", str(TOP / "build-asan/sakimori"))


def main():
    text = (TOP / "README.md").read_text()
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        for line in lines:
            if not line.startswith("build/sakimori "):
                continue
            command = f"'{PROGRAM}'" + line.removeprefix("build/sakimori")
            done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, errors="replace",
                                  stdin=subprocess.DEVNULL, timeout=120)
            # A word for the name of the case; the colon would end it.
            name = line.removeprefix("build/").replace(":", " ")
            good = done.returncode == 0 and (done.stdout or "--output" in line)
            why = (done.stderr.splitlines() or [""])[0]
            print(f"ok {name}" if good else f"not ok {name}: exit {done.returncode}, {len(done.stdout)} bytes; {why}", flush=True)
    for page in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", (TOP / page).read_text()):
            there = ((TOP / page).parent / link).exists()
            print(f"ok link {page} {link}" if there else f"not ok link {page} {link}: leads nowhere")


main()
