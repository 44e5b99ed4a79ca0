#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/keys.md, in its order, in a fresh store; and what the files are like afterwards."""
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
DIR = pathlib.Path(tempfile.mkdtemp())
KEYS = DIR / "st/keys"


def judge(name, good, why):
    print(f"ok {name}" if good else f"not ok {name}: {str(why).strip()[-300:]!r}")


def run(*words):
    return subprocess.run([BIN, "--store", DIR / "st", *words], capture_output=True, text=True, cwd=DIR)


def listed():
    return [json.loads(line) for line in run("key", "list", "--json").stdout.splitlines()]


def sh(script):
    script = script.replace("sakimori key", f"'{BIN}' --store \"$STORE\" key")
    return subprocess.run(["sh", "-ec", script], capture_output=True, text=True, cwd=DIR,
                          env={**os.environ, "STORE": str(DIR / "st")})


def lets_in(bundle):
    """TLS with GnuTLS's files by another library: the collector asks for a certificate, the sensor has one."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(KEYS / "collect.pem", KEYS / "collect.pem")
    server.verify_mode, server.verify_flags = ssl.CERT_REQUIRED, ssl.VERIFY_CRL_CHECK_LEAF
    server.load_verify_locations(KEYS / "trust.pem")
    server.load_verify_locations(KEYS / "crl.pem")
    client = ssl.create_default_context(cafile=bundle / "ca.pem")
    client.load_cert_chain(bundle / "sensor.pem", bundle / "sensor.key")
    a, b = socket.socketpair()
    a.settimeout(10), b.settimeout(10)
    got = []

    def serve():
        try:
            with server.wrap_socket(a, server_side=True) as s:
                got.append(dict(x[0] for x in s.getpeercert()["subject"])["commonName"])
                s.send(b"hello")
        except OSError as e:
            got.append(e)

    t = threading.Thread(target=serve)
    t.start()
    try:
        with client.wrap_socket(b, server_hostname="collector.example.net") as s:
            s.recv(5)
    except OSError as e:
        got.append(e)
    t.join()
    return got[0]


def main():
    sections = re.split(r"^## ", (TOP / "docs/keys.md").read_text(), flags=re.M)
    blocks = [(s.splitlines()[0], b) for s in sections for b in re.findall(r"```sh\n(.*?)```", s, re.S)]
    for i, (title, block) in enumerate(blocks):
        if title == "Without this program" and not shutil.which("openssl"):
            print("skip without-this-program: no openssl here")
            continue
        if title == "Restoring":
            shutil.move(KEYS, DIR / "keys.copy")
        said = sh(block)
        name = re.sub(r"\W+", "-", title).lower()
        judge(f"{name}-{i}", said.returncode == 0, said.stdout + said.stderr)
        if i == 0:
            judge("a-sensor-is-let-in-by-its-name", lets_in(DIR / "tokyo-1") == "tokyo-1", lets_in(DIR / "tokyo-1"))
        if title == "Rotating":
            judge(f"let-in-after-{i}", lets_in(DIR / ("tokyo-1.new" if i == 2 else "tokyo-1")) == "tokyo-1", "refused")
        if title == "Revoking":
            judge("a-revoked-sensor-is-refused", isinstance(lets_in(DIR / "tokyo-1.new"), OSError), "let in")
    states = {(k["kind"], k["state"]) for k in listed()}
    judge("the-list-knows-all", {("evidence", "current"), ("evidence", "retired"), ("evidence", "revoked"),
                                 ("ca", "current"), ("ca", "retired"), ("sensor", "revoked")} <= states, states)
    loose = [p for p in [KEYS, *KEYS.rglob("*")] if p.stat().st_mode & 0o77]
    judge("nothing-is-open-to-others", not loose, loose)
    secrets = [p.name for p in KEYS.rglob("*.pem") if "PRIVATE" in p.read_text()]
    ca = [n for n in secrets if n.startswith("ca-")]
    judge("retired-keys-are-gone", sorted(set(secrets) - set(ca)) == sorted(
        f"{k}.pem" for k in ("ca", "collect", "console", "evidence", "policy")) and len(ca) == 1, secrets)
    shown = "".join(run("key", "show", *w).stdout for w in (["ca"], ["evidence"], ["sensor", "tokyo-1"], ["trust"]))
    judge("show-never-shows-a-private-key", "CERTIFICATE" in shown and "PRIVATE" not in shown, shown)
    judge("a-bundle-is-never-overwritten", run("key", "issue", "sensor", "x", "-o", "tokyo-1").returncode == 3, "it was")
    said = run("key", "issue", "sensor", "x", "-o", "x.tar")
    names = subprocess.run(["tar", "tf", DIR / "x.tar"], capture_output=True, text=True).stdout.split()
    judge("a-bundle-as-a-tar", said.returncode == 0 and "sensor.key" in names, said.stderr)
    judge("a-bad-name-leaves-nothing", run("key", "issue", "sensor", "../x", "-o", "y").returncode == 3
          and not (DIR / "y").exists(), "it does")
    judge("an-unknown-kind-is-usage", run("key", "rotate", "sensor").returncode == 2, "no")
    os.chmod(KEYS, 0o755)
    said = run("key", "list")
    judge("open-keys-are-refused", said.returncode == 3 and "chmod" in said.stderr, said.stderr)
    os.chmod(KEYS, 0o700)
    shutil.rmtree(DIR)


main()
