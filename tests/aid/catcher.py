# SPDX-License-Identifier: Apache-2.0
"""Servers that take what a program sends, or misbehave as a test wants: SMTP, HTTP, syslog; loopback, any free port."""
import base64
import email
import email.policy
import socket
import ssl
import threading
import time


class Catcher:
    """A server for each connection a thread; `with` closes it. `mode` says how it behaves."""

    def __init__(self, mode="good", context=None):
        self.mode, self.context = mode, context
        self.got, self.lock, self.connections, self.closing = [], threading.Lock(), 0, False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing = True
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.guarded, args=(connection,), daemon=True).start()

    def guarded(self, connection):
        connection.settimeout(20)
        try:
            self.serve(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def hang(self):
        for _ in range(200):
            if self.closing:
                return
            time.sleep(0.05)

    def keep(self, what):
        with self.lock:
            self.got.append(what)


class Mail(Catcher):
    """good, hang, hang-data, close-data, 4xx, 5xx, no-tls, tls, flood, rcpt-550, 4xx-once"""

    def serve(self, s):
        if self.mode == "hang":
            return self.hang()
        if self.mode == "flood":
            while not self.closing:
                s.sendall(b"220-x" + b"x" * 500 + b"\r\n")
        f = s.makefile("rwb", buffering=0)
        say = lambda text: f.write(text.encode() + b"\r\n")
        say("220 catcher")
        mail = {"rcpt": [], "auth": None, "tls": False, "raw": b""}
        while line := f.readline(2000):
            word = line.strip().upper().split(b" ")[0]
            if word in (b"EHLO", b"HELO"):
                mail["ehlo"] = line.strip().decode()
                offers = ["250-catcher"]
                if self.context and not mail["tls"]:
                    offers.append("250-STARTTLS")
                if self.mode == "auth":
                    offers.append("250-AUTH PLAIN")
                say("\r\n".join(offers + ["250 OK"]))
            elif word == b"STARTTLS" and self.context:
                say("220 go on")
                s = self.context.wrap_socket(s, server_side=True)
                f = s.makefile("rwb", buffering=0)
                mail["tls"] = True
            elif word == b"AUTH":
                words = line.split()
                if len(words) < 3:
                    say("334 ")
                    words = [b"", b"", f.readline(2000).strip()]
                mail["auth"] = base64.b64decode(words[2]).split(b"\0")[1:]
                say("235 in")
            elif word == b"RCPT" and (self.mode == "5xx" or (self.mode == "rcpt-550" and b"gone@" in line)):
                say("550 no such user hush-hush")
            elif word == b"RCPT" and self.mode == "4xx" or word == b"RCPT" and self.mode == "4xx-once" and self.connections == 1:
                say("451 later")
            elif word == b"RCPT":
                mail["rcpt"].append(line.strip().decode())
                say("250 OK")
            elif word == b"DATA":
                if not self.data(s, f, say, mail):
                    return None
            elif word == b"QUIT":
                say("221 bye")
                return None
            else:
                say("250 OK")
        return None

    def data(self, s, f, say, mail):
        say("354 go on")
        if self.mode == "close-data":
            return False
        lines = []
        while (line := f.readline(2000)) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.mode == "hang-data":
            self.hang()
            return False
        mail["raw"] = b"".join(lines)
        mail["mail"] = email.message_from_bytes(mail["raw"], policy=email.policy.default)
        self.keep(dict(mail))
        say("250 taken")
        return True


class Hook(Catcher):
    """good, hang, 404, 500, 429-once, big, redirect:URL, trickle"""

    def serve(self, s):
        if self.context:
            s = self.context.wrap_socket(s, server_side=True)
        if self.mode == "hang":
            return self.hang()
        f = s.makefile("rb")
        first, headers = f.readline(4000).decode().strip(), {}
        if not first:
            return None
        while (line := f.readline(8000).decode().strip()):
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        body = f.read(int(headers.get("content-length", 0)))
        self.keep({"first": first, "headers": headers, "body": body})
        if self.mode == "big":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            self.poured = 0
            while self.poured < 1000000000:
                self.poured += s.send(b"x" * 65536)
        elif self.mode == "trickle":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(200):
                s.sendall(b"x")
                time.sleep(0.1)
        elif self.mode.startswith("redirect:"):
            s.sendall(f"HTTP/1.1 302 Found\r\nLocation: {self.mode[9:]}\r\nContent-Length: 0\r\n\r\n".encode())
        else:
            code = {"404": 404, "500": 500}.get(self.mode, 429 if self.mode == "429-once" and self.connections == 1 else 204)
            s.sendall(f"HTTP/1.1 {code} x\r\nContent-Length: 0\r\n\r\n".encode() if code != 204 else b"HTTP/1.1 204 x\r\n\r\n")
        return None


def tls_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
