# SPDX-License-Identifier: Apache-2.0
"""A browser for tests, without a page: logs in at the console of a daemon, asks the API, listens to the events."""
import http.client
import json
import pathlib
import ssl
import time
import urllib.parse


class Page:
    """`Page(port, store)` logs in as the first user and sets a password of his own; `known`: he has one already."""

    PASSWORD = "correct horse battery staple 9"

    def __init__(self, port, store=None, host="127.0.0.1", known=False):
        self.port, self.host, self.cookie, self.csrf = port, host, "", ""
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        if known:
            self.must("/login", user="admin", password=self.PASSWORD)
        elif store:
            self.first_login(pathlib.Path(store))

    def connect(self, timeout=20):
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout)

    def headers(self):
        h = {"Origin": f"https://{self.host}:{self.port}", "Sec-Fetch-Site": "same-origin"}
        if self.cookie:
            h["Cookie"] = self.cookie
        if self.csrf:
            h["X-CSRF-Token"] = self.csrf
        return h

    def ask(self, method, path, **form):
        """Status and what came: JSON when it is, else octets."""
        c = self.connect()
        h = self.headers()
        body = None
        if method == "POST":
            h["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(form)
        elif form:
            path += "?" + urllib.parse.urlencode(form)
        c.request(method, "/api/v1" + path, body, h)
        r = c.getresponse()
        data = r.read()
        for k, v in r.getheaders():
            if k.lower() == "set-cookie":
                self.cookie = v.split(";")[0]
        c.close()
        try:
            data = json.loads(data)
        except ValueError:
            pass
        if isinstance(data, dict) and data.get("csrf"):
            self.csrf = data["csrf"]
        return r.status, data

    def first_login(self, store):
        path = store / "first-login"
        end = time.monotonic() + 20
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.05)
        password = path.read_text().split()[-1]
        self.must("/login", user="admin", password=password)
        self.must("/password", old=password, new=self.PASSWORD)

    def must(self, path, **form):
        status, answer = self.ask("POST", path, **form)
        if status != 200:
            raise RuntimeError(f"{path}: {status} {answer}")

    def events(self, timeout=60):
        """Yields (time it came, event, data) of /api/v1/live, until the connection ends or nothing comes for long."""
        c = self.connect(timeout)
        c.request("GET", "/api/v1/live", headers={**self.headers(), "Accept": "text/event-stream"})
        r = c.getresponse()
        if r.status != 200:
            raise RuntimeError(f"/live: {r.status} {r.read()}")
        yield time.time(), "open", {}
        event, data = "message", []
        while line := r.readline():
            line = line.decode().rstrip("\n")
            if line.startswith("event:"):
                event = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].strip())
            elif not line:
                if data:
                    yield time.time(), event, json.loads("\n".join(data))
                event, data = "message", []
        c.close()
