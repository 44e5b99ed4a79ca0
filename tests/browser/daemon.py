#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser, against a real daemon that replayed a made-up half hour: every page in both languages,
no complaint of the browser, no violation of WCAG 2.2 AA that axe-core finds, numbers as the command line tells them,
comments, cases, tokens and users. Pictures of the pages stay in build/browser."""
# timeout: 600
import datetime
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
sys.dont_write_bytecode = True
from daemon import Daemon, wait  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
CHROMIUM = pathlib.Path("/usr/bin/chromium")
HOSTILE = "Example <script>alert(1)</script> \u202egnp.exe"
CONFIG = """network: {{operator: self}}
metrics: {{listen: off}}
console: {{listen: "127.0.0.1:{port}"}}
sensors:
  - {{name: local, dark: [198.18.0.0/16], own: [203.0.113.0/24]}}
analysis: {{owners: [{owners}], research: [{research}]}}
"""


def missing():
    if not CHROMIUM.exists():
        return "no chromium"
    if not shutil.which("node") or not (TOP / "web/node_modules/playwright-core").is_dir():
        return "no playwright-core (npm ci in web/)"
    return None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def rfc3339(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def program(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"not ok start: sakimori {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def replayed(d):
    roles = json.loads(d.status("--json").stdout or '{"roles": []}')["roles"]
    capture = next((r for r in roles if r["name"] == "capture:local"), {"state": ""})
    return capture["state"] == "done"


def answers(d, start):
    """The command line's answers to what the pages ask."""
    span = {"from": rfc3339(start), "to": rfc3339(start + datetime.timedelta(minutes=30))}
    store, words = ("--json", "--store", d.store), ("--from", span["from"], "--to", span["to"])
    asked = program("--store", d.store, "console", "ask", "/findings", f"from={span['from']}", f"to={span['to']}", "limit=1000")
    findings = json.loads(asked)["rows"]
    for v, digits in zip(findings, re.findall(r'"samples":\[(.*?)\]', asked)):
        v["samples_ns"] = re.findall(r'"ns":(\d+)', digits)  # as text: JavaScript rounds them
    source = next(v["subject"] for v in findings if v["kind"] == "scan" and v["tool"] == "mirai")
    sources = lines(program(*store, "telescope", "sources", *words))
    report = json.loads(program("--config", d.config, *store, "report", "telescope", "--period", "day", "--at", span["from"][:10],
                                "--tz", "UTC", "--lang", "en"))
    return {
        "sources": sources, "report": report,
        **span, "summary": json.loads(program(*store, "telescope", "read", *words)),
        "flows": json.loads(program(*store, "telescope", "flows", "--summary", *words)),
        "top": {by: lines(program(*store, "telescope", "top", "--by", by, "--limit", "10", *words))
                for by in ("port", "source", "country", "as", "tool")},
        "findings": findings, "finding": next(v["id"] for v in findings if v["kind"] == "own-suspect"),
        "source": source, "of_source": next(s for s in sources if s["address"] == source),
        "roles": [r["name"] for r in json.loads(d.status("--json").stdout)["roles"]],
    }


def main():
    why = missing()
    if why:
        print(f"skip browser: {why}")
        return 0
    folder = pathlib.Path(tempfile.mkdtemp(dir=TMP))
    for path in (TMP, folder):  # the roles of the daemon are other users
        path.chmod(0o755)
    (folder / "owners.csv").write_text(f"prefix,owner,contact\n203.0.113.0/24,{HOSTILE},noc@example.net\n")
    (folder / "research.csv").write_text("prefix,organisation\n198.51.100.60/32,Example Internet Research\n")
    start = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0) - datetime.timedelta(minutes=35)
    capture = folder / "demo.pcap"
    program("range", "traffic", "--profile", "demo", "--dark", "198.18.0.0/16", "--own", "203.0.113.0/24", "--start", rfc3339(start), "-o", capture)
    port = free_port()
    config = CONFIG.format(port=port, owners=folder / "owners.csv", research=folder / "research.csv")
    with Daemon(PROGRAM, folder, config, "--replay", capture, "--speed", "450") as d:
        if not d.ready() or not wait(lambda: replayed(d), 60):
            print(f"not ok start: {d.said()[-400:]!r}")
            return 1
        words = (d.store / "first-login").read_text().split()
        case = {"base": f"https://127.0.0.1:{port}/", "user": "admin", "password": words[-1], "chosen": "a long sentence of ours",
                "day": start.strftime("%Y-%m-%d"), **answers(d, start)}
        (folder / "case.json").write_text(json.dumps(case))
        done = subprocess.run(["node", TOP / "tests/browser/pages.mjs", folder / "case.json"], timeout=540)
        code = d.end()
        print("ok ended" if code == 0 else f"not ok ended: {code}: {d.said()[-400:]!r}")
    return done.returncode


sys.exit(main())
