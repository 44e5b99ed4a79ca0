# SPDX-License-Identifier: Apache-2.0
"""A daemon for a test: starts `sakimori run`, waits until it is ready, ends it by its own number whatever happens."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time


class Daemon:
    """`with Daemon(program, folder, config) as d:`; d.store, d.said(), d.p."""

    def __init__(self, program, folder, config, *words, env=None, prefix=(), name="own.yaml", pass_fds=()):
        self.program, self.folder, self.words = program, pathlib.Path(folder), words
        self.store, self.prefix, self.pass_fds = self.folder / "store", prefix, pass_fds
        self.env = dict(os.environ, **(env or {}))
        self.config = self.folder / name
        # Daemons of several tests would fight for its port.
        self.config.write_text(config if "console:" in config else config.rstrip("\n") + "\nconsole: {listen: off}\n")
        self.log = None
        self.p = None

    def start(self):
        self.log = tempfile.NamedTemporaryFile(dir=self.folder, prefix="log.", delete=False)
        self.p = subprocess.Popen([*self.prefix, self.program, "run", "--config", self.config, "--store", self.store,
                                   *self.words], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                  env=self.env, pass_fds=self.pass_fds)

    def said(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def ready(self, seconds=20):
        return wait(lambda: "ready:" in self.said() or self.p.poll() is not None, seconds) and self.p.poll() is None

    def end(self, how=signal.SIGTERM, seconds=40):
        """Its exit code; it is killed when it doesn't end."""
        if self.p.poll() is None:
            self.p.send_signal(how)
        try:
            return self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return self.p.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *what):
        self.end()
        self.log.close()

    def status(self, *words):
        return subprocess.run([self.program, "run", "--status", "--store", self.store, *words], capture_output=True,
                              text=True, timeout=30)


def wait(what, seconds=10):
    """Until what() is true; False when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return bool(what())
