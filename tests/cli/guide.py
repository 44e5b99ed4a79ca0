#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The guide of the console, in both languages: its curl lines work as they stand there, with a token of a real daemon; its
pictures and links are there; what it says in one language it says in the other."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "aid"))
from daemon import Daemon, wait  # noqa: E402
from page import Page  # noqa: E402

PROGRAM = os.environ["SAKIMORI"]
TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
TMP = pathlib.Path(os.environ["TMPDIR"])
GUIDES = ("docs/guide.md", "docs/guide.ja.md")
CONFIG = """network: {{operator: self}}
metrics: {{listen: off}}
console: {{listen: "127.0.0.1:{port}"}}
store: {{retention: {{flows: 0, sources: 0, signals: 0}}}}
sensors: [{{name: local, dark: [198.18.0.0/16], own: [203.0.113.0/24]}}]
"""


def case(name, why=""):
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


def curls(text):
    return [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]


def alike(texts):
    """The languages differ in words alone."""
    kinds = {"commands": curls, "pictures": lambda t: re.findall(r"\((pictures/\w+)-", t), "keys": lambda t: re.findall(r"^\| ", t, re.M),
             "chapters": lambda t: re.findall(r"^#+ ", t, re.M), "options": lambda t: re.findall(r"`--?[\w-]+|`/api[^`]*`|`now\?[^`]*`", t)}
    for name, fn in kinds.items():
        a, b = map(fn, texts)
        case(f"the languages have the same {name}", "" if a == b and (a or name == "options") else f"{len(a)} and {len(b)}")


def links(page, text):
    for link in sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)", text))):
        case(f"link {page} {link}", "" if (TOP / page).parent.joinpath(link).exists() else "leads nowhere")


def kept(d):
    asked = subprocess.run([PROGRAM, "--store", d.store, "console", "ask", "/findings", "from=2020-01-01", "limit=1"], capture_output=True,
                           text=True)
    return asked.returncode == 0 and json.loads(asked.stdout)["total"] > 5


def run(lines, port, finding, token):
    for line in lines:
        command = line.replace("localhost:8443", f"localhost:{port}").replace("/ID/", f"/{finding}/").replace("--max-time 60", "--max-time 2")
        done = subprocess.run(["bash", "-c", command], cwd=TMP, env={**os.environ, "TOKEN": token}, capture_output=True, timeout=60)
        live = "/live" in line
        good = done.returncode == (28 if live else 0) and (done.stdout or "-o " in line) and (not live or b"event: " in done.stdout)
        name = re.sub(r".*/api/v1", "curl ", line).strip('"').replace(":", " ")
        case(name, "" if good else f"exit {done.returncode}: {(done.stderr or done.stdout)[:200]!r}")


def main():
    texts = [(TOP / g).read_text() for g in GUIDES]
    alike(texts)
    for page, text in zip(GUIDES, texts):
        links(page, text)
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    TMP.chmod(0o755)
    subprocess.run([PROGRAM, "range", "traffic", "--profile", "demo", "-o", TMP / "demo.pcap"], check=True, capture_output=True)
    with Daemon(PROGRAM, TMP, CONFIG.format(port=port), "--replay", TMP / "demo.pcap") as d:
        if not d.ready() or not wait(lambda: kept(d), 30):
            sys.exit(f"not ok start: {d.said()[-300:]!r}")
        admin = Page(port, d.store)
        token = admin.ask("POST", "/tokens", label="guide", scope="read,write")[1]["secret"]
        finding = admin.ask("GET", "/findings", **{"from": "2020-01-01", "limit": "1"})[1]["rows"][0]["id"]
        shutil.copy(d.store / "console/cert.pem", TMP / "console.pem")
        run(curls(texts[0]), port, finding, token)


main()
