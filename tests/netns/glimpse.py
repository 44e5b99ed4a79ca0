#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
"""From a packet to a point on the live map: packets on a veth pair of an own namespace, the whole daemon, a client of
/api/v1/live. As a benchmark: glimpse.py bench [PACKETS], see bench/console/live."""
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(TOP / "tests/aid"))
from daemon import Daemon, wait  # noqa: E402
from page import Page  # noqa: E402

PROGRAM = os.environ.get("SAKIMORI", str(TOP / "build/sakimori"))
TMP = pathlib.Path(os.environ.get("TMPDIR") or tempfile.mkdtemp())
PORT = 8443
CONFIG = """network: {operator: self}
metrics: {listen: off}
packets: {keep: off}
analysis: {geo: [none]}
console: {listen: 127.0.0.1:8443}
sensors:
  - {name: west, interface: gl1, dark: [198.18.0.0/16], ring: 24MiB, workers: 2}
  - {name: east, interface: gl3, dark: [198.19.0.0/16], ring: 24MiB}
"""


def say(name, why=""):
    print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)


# ---- packets ----

def checksum(b):
    s = sum(struct.unpack(f">{len(b) // 2}H", b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s ^ 0xffff


def packet(src, dst, dport, flags=2, sport=40000):
    """Ethernet, IPv4, TCP without a checksum of its own."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 60, 6, 0, socket.inet_aton(src), socket.inet_aton(dst))
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return bytes(12) + b"\x08\x00" + ip + struct.pack(">HHIIBBHHH", sport, dport, 7, 0, 0x50, flags, 1024, 0, 0)


class Wire:
    """One end of a veth pair; what is sent comes out at the other."""

    def __init__(self, here, there):
        subprocess.run(["ip", "link", "add", here, "type", "veth", "peer", "name", there], check=True)
        for name in (here, there):
            pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
            subprocess.run(["ip", "link", "set", name, "up"], check=True)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((here, 0))

    def send(self, p):
        self.socket.send(p)


class Watch(threading.Thread):
    """Takes down what comes from /api/v1/live."""

    def __init__(self, page):
        super().__init__(daemon=True)
        self.page, self.came, self.failed = page, [], ""
        self.start()
        wait(lambda: self.came or self.failed, 10)

    def run(self):
        try:
            for e in self.page.events():
                self.came.append(e)
        except (OSError, RuntimeError) as e:
            self.failed = str(e)

    def maps(self, since=0.0):
        return [(at, d) for at, kind, d in list(self.came) if kind == "map" and at >= since]

    def arcs(self, address):
        return [(at, a, d) for at, d in self.maps() for a in d["arcs"] if a[5] == address]


# ---- cases ----

def one_packet(west, east, watch):
    """Within a second, as what it is, without its destination."""
    begun = time.time()
    west.send(packet("203.0.113.9", "198.18.4.5", 2323))
    if not wait(lambda: watch.arcs("203.0.113.9"), 5):
        return f"no point after 5 s; {watch.failed} {watch.came[-3:]}"
    at, arc, d = watch.arcs("203.0.113.9")[0]
    if at - begun > 1:
        return f"after {at - begun:.2f} s"
    if arc[:5] != [None, None, 0, 2323, 6] or d["sensors"][arc[6]] != "west":
        return f"{arc} of {d['sensors']}"
    if d["packets"] != 1 or d["classes"] != {"tcp_syn": 1} or "198.18." in str(d):
        return str(d)
    if not d["from_ns"] <= begun * 1e9 + 1e6 or not d["to_ns"] - d["from_ns"] < 1e9:
        return f"sent at {begun}, told for {d['from_ns']} to {d['to_ns']}"
    return ""


def whole_counts(west, east, watch):
    """Every packet is counted, few are shown, quiet sensors too, no event is too large or too early."""
    begun, n = time.time(), 0
    for k in range(12000):
        west.send(packet(f"203.0.113.{k % 200}", f"198.18.{k % 256}.{k // 256}", 23, sport=k % 60000))
        n += 1
        if k % 300 == 0:
            east.send(packet("192.0.2.77", "198.19.0.1", 80, flags=0x12))
            n += 1
            time.sleep(0.05)
    wait(lambda: sum(d["packets"] for _, d in watch.maps(begun)) >= n, 5)
    maps = watch.maps(begun)
    told = sum(d["packets"] for _, d in maps)
    if told != n:
        return f"{n} sent, {told} told"
    if sum(d["classes"].get("tcp_syn_ack", 0) for _, d in maps) != 40:
        return f"{[d['classes'] for _, d in maps]}"
    if max(len(d["arcs"]) for _, d in maps) > 125:
        return f"{[len(d['arcs']) for _, d in maps]} points"
    if any(sum(d["classes"].values()) != d["packets"] for _, d in maps):
        return "classes are not the packets"
    quiet = sum(a[5] == "192.0.2.77" for _, d in maps for a in d["arcs"])
    if quiet < 30:
        return f"{quiet} of 40 packets of the quiet sensor were shown"
    seconds = maps[-1][0] - maps[0][0]
    if len(maps) > 4 * seconds + 3:
        return f"{len(maps)} events in {seconds:.1f} s"
    return ""


def nothing_comes(west, east, watch):
    time.sleep(0.6)
    begun = time.time()
    time.sleep(1.2)
    return f"{watch.maps(begun)}" if watch.maps(begun) else ""


def a_capture_dies(west, east, watch, d):
    """Another takes its place, on the map too."""
    pid = int(subprocess.run(["pgrep", "-P", str(d.p.pid), "-f", "^sakimori --role capture 0|^sakimori: capture.west"],
                             capture_output=True, text=True).stdout.split()[0])
    os.kill(pid, 9)
    for k in range(100):
        west.send(packet("203.0.113.201", "198.18.4.5", 2323))
        if wait(lambda: watch.arcs("203.0.113.201"), 0.2):
            return ""
    return "nothing of the sensor any more"


START = 1767225600  # of the file


def a_file():
    """Sixty seconds, twenty packets a second: 203.0.113.N where N is the second."""
    path = TMP / "replayed.pcap"
    with path.open("wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for k in range(1200):
            p = packet(f"203.0.113.{k // 20}", "198.18.4.5", 2323)
            f.write(struct.pack("<IIII", START + k // 20, k % 20 * 50000, len(p), len(p)) + p)
    return path


def a_replay():
    """At the speed that was asked for, in the time of the file."""
    config = CONFIG[:CONFIG.index("  - {name: east")]
    with Daemon(PROGRAM, TMP, config, "--replay", a_file(), "--speed", "4", name="replay.yaml") as d:
        if not d.ready():
            return d.said()[-300:]
        watch = Watch(Page(PORT, d.store, known=True))
        wait(lambda: len(watch.maps()) >= 12, 10)
        maps = watch.maps()
        if len(maps) < 12:
            return f"{len(maps)} events; {watch.failed}"
        for (_, a), (_, b) in zip(maps, maps[1:]):
            if a["to_ns"] != b["from_ns"]:
                return f"{a['to_ns']} is not followed by {b['from_ns']}"
        for _, e in maps:
            if not START * 10**9 <= e["from_ns"] < e["to_ns"] <= (START + 60) * 10**9:
                return f"{e['from_ns']} to {e['to_ns']} is not of the file"
            for arc in e["arcs"]:
                second = START + int(arc[5].split(".")[3])
                if not e["from_ns"] // 10**9 <= second <= e["to_ns"] // 10**9 or not 0 <= arc[7] < 250:
                    return f"{arc} from {e['from_ns']} to {e['to_ns']}"
        speed = (maps[-1][1]["to_ns"] - maps[0][1]["to_ns"]) / 1e9 / (maps[-1][0] - maps[0][0])
        rate = sum(e["packets"] for _, e in maps) / (maps[-1][1]["to_ns"] - maps[0][1]["from_ns"]) * 1e9
        return "" if 3 < speed < 5 and 17 < rate < 23 else f"{speed:.1f} times as fast, {rate:.1f} packets a second"


def processor(d, role):
    """Seconds that a role has used."""
    pid = subprocess.run(["pgrep", "-P", str(d.p.pid), "-f", f"^sakimori --role {role}"], capture_output=True,
                         text=True).stdout.split()[0]
    v = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")


def flood(west, watch, d):
    """What the map costs beside many packets."""
    burst = [packet(f"203.0.113.{k % 250}", f"198.18.{k % 256}.9", 23, sport=k) for k in range(1000)]
    begun, n, used = time.time(), 0, [processor(d, r) for r in ("console", "capture")]
    while time.time() - begun < 8:
        for p in burst:
            west.send(p)
        n += len(burst)
        time.sleep(0.02)
    took = time.time() - begun
    used = [processor(d, r) - u for r, u in zip(("console", "capture"), used)]
    time.sleep(1)
    maps = watch.maps(begun)
    print(f"{n / took:.0f} packets a second: {sum(e['packets'] for _, e in maps)} of {n} told in {len(maps)} events, "
          f"{sum(len(e['arcs']) for _, e in maps) / took:.0f} points a second; console {used[0] / took * 100:.1f} %, "
          f"capture {used[1] / took * 100:.1f} % of a core")


def bench(west, watch, d):
    n = int(sys.argv[sys.argv.index("bench") + 1]) if sys.argv[-1] != "bench" else 200
    took = []
    for k in range(n):
        address = f"203.0.{113 if k < 250 else 114}.{k % 250 + 1}"
        begun = time.time()
        west.send(packet(address, "198.18.4.5", 2323))
        if wait(lambda: watch.arcs(address), 5):
            took.append(watch.arcs(address)[0][0] - begun)
        time.sleep((k * 37 % 101) / 1000)
    took.sort()
    if len(took) < n:
        print(f"{n - len(took)} of {n} packets did not come")
    print(f"packet to event: {len(took)} packets, median {took[len(took) // 2] * 1000:.0f} ms, "
          f"p99 {took[len(took) * 99 // 100] * 1000:.0f} ms, most {took[-1] * 1000:.0f} ms (target: 1000 ms)")


def inside():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    west, east = Wire("gl0", "gl1"), Wire("gl2", "gl3")
    with Daemon(PROGRAM, TMP, CONFIG) as d:
        if not d.ready():
            say("glimpse", d.said()[-300:])
            return
        watch = Watch(Page(PORT, d.store))
        if "bench" in sys.argv:
            bench(west, watch, d)
            flood(west, watch, d)
            return
        for case in (one_packet, whole_counts, nothing_comes, a_capture_dies):
            try:
                say("glimpse-" + case.__name__.replace("_", "-"),
                    case(west, east, watch, *([d] if case == a_capture_dies else [])))
            except Exception as e:
                say("glimpse-" + case.__name__.replace("_", "-"), f"{type(e).__name__} {e}")
        say("glimpse-daemon-lives", "" if d.p.poll() is None else d.said()[-300:])
    say("glimpse-a-replay", a_replay())


def main():
    if "--inside" in sys.argv:
        inside()
    elif os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
        print("skip glimpse: needs root and network namespaces")
    else:
        subprocess.run(["unshare", "-n", "--kill-child", sys.executable, __file__, "--inside", *sys.argv[1:]])


main()
