# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of the tree, C text without comments, the report."""
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent


def files(*suffixes, under=("",)):
    """Paths relative to the top, sorted: what git tracks or would track; without git all but build folders."""
    if (TOP / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TOP, capture_output=True,
                                check=True, text=True).stdout.split("\0")
    else:
        listed = []
        for folder, folders, names in os.walk(TOP):
            folders[:] = [f for f in folders if not re.match(r"build|\.git$|node_modules$", f)]
            listed += [os.path.relpath(os.path.join(folder, n), TOP) for n in names]
    found = set()
    for name in listed:
        if name and name.endswith(suffixes or ("",)) and any(name.startswith(u) for u in under):
            if (TOP / name).is_file():
                found.add(name)
    return sorted(found)


def read(name):
    return (TOP / name).read_text(encoding="utf-8", errors="replace")


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, keep_strings=False):
    """C text with comments (and the inside of strings) made spaces; every line keeps its number."""
    def space(m):
        s = m.group(0)
        if s[0] == "/":
            return re.sub(r"[^\n]", " ", s)
        return s if keep_strings else s[0] + " " * (len(s) - 2) + s[-1]
    return TOKENS.sub(space, text)


def finish(what, faults, looked):
    """Prints the faults as FILE:LINE: text and ends the process."""
    for fault in faults:
        print(fault)
    if not looked:
        print(f"{what}: looked at nothing, so something is off")
    elif faults:
        print(f"{what}: {len(faults)} faults in {looked} files")
    else:
        print(f"{what}: {looked} files, no fault")
    sys.exit(1 if faults or not looked else 0)
