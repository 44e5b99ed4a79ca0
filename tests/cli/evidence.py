#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signed evidence: what is in an archive, that openssl and sha256sum alone verify it, that nothing can be changed in it
unseen, and that hostile archives are refused."""
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
DIR = pathlib.Path(tempfile.mkdtemp())
STORE = str(DIR / "st")


def run(*words, **more):
    return subprocess.run([BIN, "--store", STORE, *map(str, words)], capture_output=True, text=True, cwd=DIR, **more)


def judge(name, good, why):
    print(f"ok {name}" if good else f"not ok {name}: {str(why).strip().splitlines()[-1:] or why}")


def pack(name, members):
    """members: (TarInfo or name, bytes)"""
    with tarfile.open(DIR / name, "w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
            if data is not None:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data or b""))
    return DIR / name


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def refused(name, path, why, *more):
    said = run("evidence", "verify", path, *more)
    judge(name, said.returncode == 1 and why in said.stdout, f"exit {said.returncode}, {said.stdout}{said.stderr}")


def make():
    run("range", "traffic", "--profile", "demo", "--seed", 3, "-o", "a.pcap", check=True)
    said = run("telescope", "events", "--dark", "198.18.0.0/16", "--sensor", "tokyo-1", "--json", "a.pcap", check=True)
    findings = [json.loads(line) for line in said.stdout.splitlines()]
    run("key", "make", check=True)
    ring = DIR / "st/packets/tokyo-1"
    ring.mkdir(parents=True)
    shutil.copy(DIR / "a.pcap", ring / "20260101T000000-0.pcap")
    return next(f for f in findings if f["kind"] == "scan" and f["packets"] > 100)


def members_of(path):
    with tarfile.open(path) as tar:
        return [(i.name, tar.extractfile(i).read()) for i in tar.getmembers()]


def contents(finding, path):
    files = dict(members_of(path))
    want = {"manifest.json", "signature.ed25519", "signer.pem", "finding.json", "packets.pcap", "gaps.json",
            "clock.json", "summary.en.txt", "summary.ja.txt"}
    judge("all-files-are-there", set(files) == want, sorted(files))
    judge("the-finding-is-the-store's", json.loads(files["finding.json"])["id"] == finding["id"], files["finding.json"])
    count = (len(files["packets.pcap"]) - 24) // (16 + 60)
    judge("its-packets-are-there", finding["packets"] == count, f"{count} of {finding['packets']}")
    judge("the-summaries-say-what-spoofable-means", b"could have been forged" in files["summary.en.txt"]
          and "詐称".encode() in files["summary.ja.txt"] and b"JST" in files["summary.ja.txt"], "no such words")


def by_hand(path, fingerprint):
    """The commands of the manual page, with openssl and sha256sum alone."""
    if not shutil.which("openssl"):
        print("skip openssl-and-sha256sum-alone: no openssl here")
        return
    x = DIR / "x"
    x.mkdir()
    with tarfile.open(path) as tar:
        tar.extractall(x)
    page = (TOP / "man/sakimori-evidence.1").read_text()
    script = page.split("where the archive was unpacked:")[1].split("indent\n")[1].split(".Ed")[0].replace("\\e", "\\")
    said = subprocess.run(["sh", "-ec", script], cwd=x, capture_output=True, text=True)
    judge("openssl-and-sha256sum-alone", said.returncode == 0 and fingerprint in said.stdout
          and said.stdout.count(": OK") == 6, said.stdout + said.stderr)
    (x / "gaps.json").write_text("x")
    said = subprocess.run(["sh", "-ec", script], cwd=x, capture_output=True, text=True)
    judge("and-they-see-a-change", said.returncode != 0 and "gaps.json: FAILED" in said.stdout, said.stdout)


def changes(path):
    good = members_of(path)
    for victim, why in [("finding.json", "finding.json was changed"), ("manifest.json", "signature"),
                        ("packets.pcap", "packets.pcap was changed"), ("signature.ed25519", "signature")]:
        changed = [(n, d[:-2] + bytes([d[-2] ^ 1]) + d[-1:] if n == victim else d) for n, d in good]
        refused(f"changed-{victim}", pack("c.tar", changed), why)
    for victim in ("manifest.json", "signature.ed25519", "signer.pem", "packets.pcap"):
        refused(f"without-{victim}", pack("c.tar", [m for m in good if m[0] != victim]), f"{victim} is missing")
    refused("with-a-file-more", pack("c.tar", good + [("more.txt", b"x")]), "more.txt is not in the manifest")
    refused("a-file-twice", pack("c.tar", good + [("gaps.json", b"")]), "gaps.json is there twice")
    judge("the-same-files-packed-anew-verify", run("evidence", "verify", pack("c.tar", good)).returncode == 0, "no")


def hostile(path):
    good = members_of(path)
    huge = tarfile.TarInfo("zz")
    huge.size = 1 << 40
    for name, member, why in [
            ("path-upwards", ("../x", b"x"), "not allowed"), ("absolute-path", ("/etc/x", b"x"), "not allowed"),
            ("symbolic-link", (special("l", tarfile.SYMTYPE, "/etc/passwd"), None), "no plain file"),
            ("hard-link", (special("l", tarfile.LNKTYPE, "gaps.json"), None), "no plain file"),
            ("device", (special("l", tarfile.CHRTYPE), None), "no plain file"),
            ("directory", (special("l", tarfile.DIRTYPE), None), "not allowed")]:
        refused(name, pack("h.tar", [member] + good), why)
    (DIR / "h.tar").write_bytes(huge.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    refused("a-huge-size", DIR / "h.tar", "larger than allowed")
    refused("thousands-of-files", pack("h.tar", [(f"f{i}", b"") for i in range(5000)]), "more than 512 files")
    subprocess.run(["gzip", "-kf", path], check=True)
    refused("a-compressed-stream", f"{path}.gz", "no archive")
    for name, data in [("an-empty-file", b""), ("noise", os.urandom(4096)), ("half", path.read_bytes()[:9000])]:
        (DIR / "h.tar").write_bytes(data)
        refused(name, DIR / "h.tar", "")


def main():
    finding = make()
    path = DIR / "e.tar"
    said = run("evidence", "export", "--tz", "Asia/Tokyo", finding["id"][:12], "-o", path)
    judge("exports", said.returncode == 0 and path.exists(), said.stderr)
    contents(finding, path)
    keys = [json.loads(line) for line in run("--json", "key", "list").stdout.splitlines()]
    fingerprint = next(k["id"] for k in keys if k["kind"] == "evidence")
    said = run("--json", "evidence", "verify", path)
    judge("verifies", said.returncode == 0 and json.loads(said.stdout)["key"] == fingerprint, said.stdout)
    (DIR / "pub.pem").write_text(run("key", "show", "evidence").stdout)
    (DIR / "other.pem").write_text(run("key", "show", "policy").stdout)
    said = run("evidence", "verify", path, "--key", "pub.pem")
    judge("verifies-with-the-key", said.returncode == 0 and "key that was given" in said.stdout, said.stdout)
    refused("another-key", path, "another key", "--key", "other.pem")
    by_hand(path, fingerprint)
    changes(path)
    hostile(path)
    run("key", "rotate", "evidence", check=True)
    judge("verifies-after-a-rotation", run("evidence", "verify", path, "--key", "pub.pem").returncode == 0, "no")
    said = run("evidence", "export", "ffffffffffff")
    judge("an-unknown-id-is-told", said.returncode == 1 and "no finding" in said.stderr, said.stderr)
    judge("and-leaves-no-file", not list(DIR.glob("evidence-*")), list(DIR.glob("evidence-*")))
    said = subprocess.run(["sqlite3", f"{STORE}/store.db", "select count(*) from audit where what='evidence export'"],
                          capture_output=True, text=True) if shutil.which("sqlite3") else None
    if said:
        judge("the-export-is-in-the-audit", said.stdout.strip() == "1", said.stdout + said.stderr)
    shutil.rmtree(DIR)


main()
