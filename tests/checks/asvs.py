#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each test that docs/asvs.md names is there: the file, and in it a case or function of that name. A requirement stands once."""
import collections
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
TEXT = (TOP / "docs/asvs.md").read_text()


def there(file, name):
    path = TOP / file
    if not path.is_file():
        return "no such file"
    text = path.read_text()
    named = re.search(rf"(def |static void |[\"'`(]|\bok |^){re.escape(name)}\b", text, re.M)
    return "" if named or path.suffix == ".sh" and path.stem == name else "no such case"


def case(name, why):
    print(f"not ok {name}: {why}" if why else f"ok {name}")


def rows():
    return [[c.strip() for c in line.strip("|").split("|")] for line in TEXT.splitlines() if re.match(r"\| \d", line)]


def main():
    for file, name in sorted(set(re.findall(r"`(tests/[\w/.]+):([^`]+)`", TEXT))):
        case(f"{file} {name}", there(file, name))
    case("a name that is not there is seen", "" if there("tests/cli/asvs.py", "nobody_wrote_this") else "it is not")
    bare = [r[0] for r in rows() if len(r) != 3 or not r[2] and "Not met" not in r[1]]
    case("each row says what shows it", ", ".join(bare))
    seen = collections.Counter(n for r in rows() for n in re.findall(r"\d+\.\d+\.\d+", r[0]))
    case("each requirement stands once", ", ".join(n for n, k in seen.items() if k > 1))


main()
