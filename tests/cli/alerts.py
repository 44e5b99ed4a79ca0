#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""Alerts reach a mail server, a webhook and a log daemon as they should, and nothing these do in return does harm."""
import hashlib
import hmac
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests/aid"))
import catcher  # noqa: E402

BUILD = os.environ.get("BUILD_ASAN", str(TOP / "build-asan"))
DRIVE = BUILD + "/tests/alertdrive"


def drive(*words, extra_environment=None):
    """(marks, counts, all output, seconds)"""
    begin = time.monotonic()
    environment = dict(os.environ, **(extra_environment or {}))
    done = subprocess.run([DRIVE, *words], capture_output=True, text=True, timeout=60, env=environment, errors="replace")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or not lines:
        return [], {}, done.stdout + done.stderr, time.monotonic() - begin
    return lines[:-1], lines[-1], done.stdout + done.stderr, time.monotonic() - begin


def mail(port, *more, name="desk", tls="off"):
    return [f"name={name}", "type=mail", f"url=smtp://127.0.0.1:{port}", f"tls={tls}", "to=noc@example.net", *more]


def hook(port, *more, name="hook"):
    return [f"name={name}", "type=webhook", f"url=http://127.0.0.1:{port}/in?secret=hush-hush", *more]


SHORT = ["timeout_ms=1500", "backoff_ms=300", "retry_ms=900", "findings=1"]
cases = []


def case(function):
    cases.append(function)
    return function


def need(condition, why):
    if not condition:
        raise AssertionError(why)


@case
def mail_arrives():
    with catcher.Mail() as m:
        marks, counts, out, _ = drive("findings=1", "detail=owner x", *mail(m.port))
        need(counts.get("sent") == 1 and len(m.got) == 1, out)
        got = m.got[0]["mail"]
        need(got["Auto-Submitted"] == "auto-generated", got.as_string())
        need(got["Subject"] == "[sakimori] high: own address 192.0.2.1 may be infected", got["Subject"])
        need("can be forged" in got.get_content(), got.get_content())
        need(got["Message-ID"] == f"<{marks[0]['subject']}.store-1@example.net>", got["Message-ID"])
        need(got["Date"].datetime.tzinfo is not None, "no date")
        need(m.got[0]["ehlo"] == "EHLO guard.example.net", m.got[0]["ehlo"])
        need(marks[0]["state"] == "sent", str(marks))


@case
def mail_in_japanese():
    with catcher.Mail() as m:
        drive("findings=1", "language=ja", *mail(m.port))
        got = m.got[0]["mail"]
        need(got["Subject"] == "[sakimori] 高: 自網の 192.0.2.1 に感染の疑い", got["Subject"])
        need("詐称" in got.get_content(), got.get_content())


@case
def headers_cant_be_planted():
    with catcher.Mail() as m, catcher.Hook() as h:
        drive("findings=1", "subject=x\r\nBcc: v@example.net\r\n\r\n.\r\nMAIL FROM:<v@example.net>", "detail=a\n.\nQUIT\r\n",
              *mail(m.port), *hook(h.port))
        need(len(m.got) == 1 and m.got[0]["rcpt"] == ["RCPT TO:<noc@example.net>"], str(m.got))
        got = m.got[0]["mail"]
        need("Bcc" not in got and "\\x0d\\x0aBcc" in got["Subject"], got["Subject"])
        need("a\\x0a.\\x0aQUIT" in got.get_content(), got.get_content())
        need(json.loads(h.got[0]["body"])["detail"] == "a\n.\nQUIT\r\n", "detail")


@case
def webhook_arrives():
    with catcher.Hook() as h:
        _, counts, out, _ = drive("findings=1", *hook(h.port, "token=tok-123", "hmac=key-456"))
        need(counts.get("sent") == 1, out)
        got = h.got[0]
        body = json.loads(got["body"])
        for key in ("version type message title event kind id subject severity tenant confidence spoofable sensor tool detail "
                    "packets first last at text url").split():
            need(key in body, key)
        need(body["version"] == 1 and body["kind"] == "own-suspect" and body["spoofable"] is True, str(body))
        need(got["headers"]["authorization"] == "Bearer tok-123", str(got["headers"]))
        signed = got["headers"]["x-sakimori-timestamp"].encode() + b"." + got["body"]
        want = "sha256=" + hmac.new(b"key-456", signed, hashlib.sha256).hexdigest()
        need(got["headers"]["x-sakimori-signature"] == want, "signature")
        need(got["headers"]["content-type"] == "application/json" and got["first"].startswith("POST /in?secret"), got["first"])


@case
def webhook_with_text_alone():
    with catcher.Hook() as h:
        drive("findings=1", *hook(h.port, "text_only=1"))
        body = json.loads(h.got[0]["body"])
        need(list(body) == ["text"] and "192.0.2.1" in body["text"], str(body))


@case
def a_proxy_in_the_environment_is_not_asked():
    with catcher.Hook() as h, catcher.Hook() as proxy:
        where = f"http://127.0.0.1:{proxy.port}"
        drive("findings=1", *hook(h.port), extra_environment={"http_proxy": where, "ALL_PROXY": where})
        need(len(h.got) == 1 and not proxy.connections, "went by the proxy")


@case
def syslog_arrives():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        s.bind(folder + "/log")
        u.bind(("127.0.0.1", 0))
        s.settimeout(5)
        u.settimeout(5)
        drive("findings=1", "subject=x\n<0>1 forged", "name=log", "type=syslog", f"url={folder}/log",
              "name=udp", "type=syslog", f"url=udp://127.0.0.1:{u.getsockname()[1]}")
        for line in (s.recv(4096), u.recv(4096)):
            need(line.startswith(b"<82>1 20") and b" guard.example.net sakimori - new [sakimori@32473 id=" in line, repr(line))
            need(b"\n" not in line and b"x\\x0a<0>1 forged" in line, repr(line))


@case
def a_log_daemon_that_comes_back_is_found():
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.Popen([DRIVE, "findings=1", "backoff_ms=200", "name=log", "type=syslog", f"url={folder}/log"],
                             stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(folder + "/log")
            s.settimeout(5)
            need(s.recv(4096).startswith(b"<82>1"), "nothing came")
        need('"state":"sent"' in p.communicate(timeout=10)[0], "not marked")


def bad_relay(mode, retried, why):
    with catcher.Mail(mode) as m, catcher.Hook() as h:
        marks, counts, out, seconds = drive("timeout_ms=700", "backoff_ms=200", "retry_ms=1500", "findings=2", *mail(m.port),
                                            *hook(h.port))
        states = [(k["channel"], k["state"], k["event"]) for k in marks]
        need(states[:2] == [("hook", "sent", "new")] * 2 or not retried, f"{mode}: the webhook waited: {states}")
        need(states.count(("desk", "failed", "new")) == 2, f"{mode}: {states}")
        need(("hook", "sent", "notice") in states, f"{mode}: nobody was told: {states}")
        need(bool(counts["retried"]) == retried and counts["waiting"] == 0, f"{mode}: {counts}")
        need(why in out and "hush" not in out, f"{mode}: {out}")
        need(any(b"delivery-failed" in g["body"] for g in h.got), f"{mode}: no notice")
        need(seconds < 15, f"{mode}: {seconds} s")


@case
def relay_that_hangs():
    bad_relay("hang", True, "Timeout was reached")


@case
def relay_that_hangs_after_data():
    bad_relay("hang-data", True, "Timeout was reached")


@case
def relay_that_closes_in_data():
    bad_relay("close-data", True, "(status 354)")


@case
def relay_that_says_later():
    bad_relay("4xx", True, "(status 451)")


@case
def relay_that_refuses():
    bad_relay("5xx", False, "(status 550)")


@case
def relay_that_floods():
    bad_relay("flood", True, "answer too long")


@case
def relay_that_is_away():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with catcher.Hook() as h:
        _, counts, out, _ = drive(*SHORT, *mail(port), *hook(h.port))
        need(counts["failed"] == 1 and counts["sent"] == 2 and "connect" in out, out)


@case
def relay_that_says_later_once():
    with catcher.Mail("4xx-once") as m:
        marks, counts, out, _ = drive("backoff_ms=200", "findings=1", *mail(m.port))
        need(counts["retried"] == 1 and counts["sent"] == 1 and len(m.got) == 1, out)


@case
def one_mailbox_that_is_gone_silences_nobody():
    with catcher.Mail("rcpt-550") as m:
        _, counts, out, _ = drive("findings=1", *mail(m.port, "to=gone@example.net"))
        need(counts["sent"] == 1 and m.got[0]["rcpt"] == ["RCPT TO:<noc@example.net>"], out)


def certificate(folder):
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                           folder + "/key.pem", "-out", folder + "/cert.pem", "-days", "2", "-subj", "/CN=localhost",
                           "-addext", "subjectAltName=IP:127.0.0.1"], capture_output=True, check=False)
    need(done.returncode == 0, "openssl: " + done.stderr.decode()[-200:])
    return catcher.tls_context(folder + "/cert.pem", folder + "/key.pem")


@case
def tls_that_is_not_offered():
    with catcher.Mail() as m:
        marks, counts, out, _ = drive(*SHORT, *mail(m.port, "user=u", "password=hush-hush", tls="required"))
        need(counts["failed"] == 1 and not m.got and "SSL" in out and "hush" not in out, out)
        marks, counts, out, _ = drive(*SHORT, *mail(m.port, tls="try"))
        need(counts["sent"] == 1, out)


@case
def starttls():
    with tempfile.TemporaryDirectory() as folder:
        context = certificate(folder)
        with catcher.Mail("auth", context) as m:
            _, counts, out, _ = drive(*SHORT, *mail(m.port, "user=u", "password=hush-hush", f"ca={folder}/cert.pem", tls="required"))
            need(counts["sent"] == 1 and m.got[0]["tls"] and m.got[0]["auth"] == [b"u", b"hush-hush"], out + str(m.got))
            need("hush" not in out, out)
            # Nobody vouches for it.
            _, counts, out, _ = drive(*SHORT, *mail(m.port, tls="required"))
            need(counts["failed"] == 1 and len(m.got) == 1, out)


@case
def webhook_over_tls():
    with tempfile.TemporaryDirectory() as folder:
        context = certificate(folder)
        with catcher.Hook("good", context) as h:
            url = f"url=https://127.0.0.1:{h.port}/"
            _, counts, out, _ = drive(*SHORT, "name=h", "type=webhook", url, f"ca={folder}/cert.pem")
            need(counts["sent"] == 1, out)
            _, counts, out, _ = drive(*SHORT, "name=h", "type=webhook", url)
            need(counts["failed"] == 1 and len(h.got) == 1, out)


@case
def webhook_that_refuses_or_fails():
    for mode, retried in (("404", 0), ("500", 3)):
        with catcher.Hook(mode) as h:
            _, counts, out, _ = drive(*SHORT, *hook(h.port))
            need(counts["failed"] == 1 and bool(counts["retried"]) == bool(retried) and "hush" not in out, mode + out)
    with catcher.Hook("429-once") as h:
        _, counts, out, _ = drive(*SHORT, *hook(h.port))
        need(counts["sent"] == 1 and counts["retried"] == 1, out)


@case
def webhook_that_answers_a_gigabyte():
    with catcher.Hook("big") as h:
        _, counts, out, seconds = drive(*SHORT, *hook(h.port))
        # It said 200: told, and not told again.
        need(counts["sent"] == 1 and counts["oversize"] == 1 and seconds < 5 and len(h.got) == 1, out)
        need(h.poured < 50000000, f"{h.poured} octets were taken")


@case
def webhook_that_trickles():
    with catcher.Hook("trickle") as h:
        _, counts, out, seconds = drive(*SHORT, *hook(h.port))
        need(counts["waiting"] == 0 and seconds < 10, out)


@case
def redirects_are_not_followed():
    with catcher.Hook() as other:
        for to in ("file:///etc/passwd", f"http://127.0.0.1:{other.port}/", "gopher://127.0.0.1:1/x"):
            with catcher.Hook("redirect:" + to) as h:
                _, counts, out, _ = drive(*SHORT, *hook(h.port, "token=hush-hush"))
                need(counts["failed"] == 1 and counts["retried"] == 0 and "redirects (302)" in out and "hush" not in out, out)
        need(other.connections == 0, "followed")


@case
def heartbeat():
    with catcher.Hook() as h:
        _, counts, out, _ = drive("seconds=3", f"heartbeat=http://127.0.0.1:{h.port}/beat", "beat_token=tok")
        need(2 <= counts["heartbeats"] <= 4 and h.got[0]["first"].startswith("GET /beat"), out)
        need(h.got[0]["headers"]["authorization"] == "Bearer tok", str(h.got[0]))
    with catcher.Hook("500") as h, catcher.Mail() as m:
        _, counts, out, _ = drive("seconds=5", f"heartbeat=http://127.0.0.1:{h.port}/beat", *mail(m.port))
        need(counts["heartbeats_failed"] >= 3 and len(m.got) == 1, out)
        need("heartbeat" in m.got[0]["mail"]["Subject"], m.got[0]["mail"]["Subject"])


@case
def a_test_message_is_tried_once():
    with catcher.Mail("4xx") as m, catcher.Hook() as h:
        marks, counts, out, _ = drive("test=1", *mail(m.port), *hook(h.port))
        need(sorted((k["channel"], k["state"]) for k in marks) == [("desk", "failed"), ("hook", "sent")], out)
        need(counts["retried"] == 0, out)


PROGRAM = os.environ.get("SAKIMORI_ASAN", BUILD + "/sakimori")


def program(folder, config, *words, environment=None):
    path = pathlib.Path(folder) / "sakimori.yaml"
    path.write_text("network: {operator: self}\n" + config)
    return subprocess.run([PROGRAM, "--config", str(path), *words], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **(environment or {})))


@case
def the_command_tests_channels():
    with tempfile.TemporaryDirectory() as folder, catcher.Mail() as m, catcher.Hook("404") as h:
        config = ("alerts:\n  channels:\n"
                  f"  - {{type: mail, name: desk, server: 'smtp://127.0.0.1:{m.port}', starttls: 'off', from: s@example.net, to: [noc@example.net]}}\n"
                  f"  - {{type: webhook, name: hook, url: 'http://127.0.0.1:{h.port}/', token: {{env: ALERT_TOKEN}}}}\n")
        secret = {"ALERT_TOKEN": "hush-hush"}
        done = program(folder, config, "alert", "test", "--channel", "desk", environment=secret)
        need(done.returncode == 0 and done.stdout == "desk: sent\n" and len(m.got) == 1, str(done))
        done = program(folder, config, "alert", "test", "--json", environment=secret)
        need(done.returncode == 3 and '"state":"failed"' in done.stdout and "hush" not in done.stdout + done.stderr, str(done))
        need(h.got[0]["headers"]["authorization"] == "Bearer hush-hush", str(h.got))
        done = program(folder, config, "alert", "test", "--channel", "nobody", environment=secret)
        need(done.returncode == 2, str(done))
        done = program(folder, config, "alert", "test")
        need(done.returncode == 3 and "hook" in done.stderr, str(done))
        done = program(folder, config, "alert", "list")
        need(done.stdout.splitlines() == ["channel desk: mail", "channel hook: webhook"], str(done))


@case
def the_command_explains_the_rules():
    with tempfile.TemporaryDirectory() as folder:
        config = ("alerts:\n  channels:\n  - {type: syslog, name: log, address: /nowhere/log}\n"
                  "  rules:\n  - {name: all, min-severity: medium, min-confidence: 0, rate: 1 per hour}\n")
        for words in (["range", "traffic", "--output", folder + "/dark.pcap"],
                      ["--store", folder + "/store", "telescope", "events", "--dark", "198.18.0.0/16", "--own", "203.0.113.0/24",
                       folder + "/dark.pcap"]):
            done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120)
            need(done.returncode == 0, str(done.stderr))
        done = program(folder, config, "--store", folder + "/store", "alert", "explain", "--json")
        need(done.returncode == 0, str(done))
        told = [json.loads(line) for line in done.stdout.splitlines()]
        need(told and {k["channel"] for k in told} == {"log"}, done.stdout)
        need(any("more alerts" in k["title"] and k["subjects"] > 1 for k in told), done.stdout)
        need(sum(k["subjects"] for k in told) == int(done.stderr.split()[2]), done.stderr)
        done = program(folder, config, "--store", folder + "/store", "alert", "explain", "--from", "2030-01-01")
        need(done.returncode == 0 and done.stdout == "", str(done))


def main():
    if not os.path.exists(DRIVE):
        print(f"not ok alerts: no {DRIVE}")
        return
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    for function in cases:
        name = function.__name__.replace("_", " ")
        if pattern not in name:
            continue
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as e:  # whatever goes wrong is this case's failure
            why = " ".join(repr(e).split())[:600]
            print(f"not ok {name}: {why}", flush=True)


main()
