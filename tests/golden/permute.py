# SPDX-License-Identifier: Apache-2.0
"""
Rewrites a capture with every IPv4 address exchanged for another (one to one) and every time moved, so that a test can see whether a
conclusion hangs on an address or a date. Fields that carry an address by design follow it: Masscan's IP ID, Mirai's sequence number,
the packet an ICMP error quotes, the A records of DNS answers.
"""
import ipaddress, random, struct


def records(blob):
    """(linktype, ns, original length, bytes) of a pcap or pcapng capture."""
    magic = struct.unpack("<I", blob[:4])[0]
    if magic == 0x0A0D0D0A:
        yield from pcapng(blob)
        return
    order = "<" if magic in (0xA1B2C3D4, 0xA1B23C4D) else ">"
    unit = 1 if struct.unpack(order + "I", blob[:4])[0] == 0xA1B23C4D else 1000
    link = struct.unpack(order + "I", blob[20:24])[0] & 0xFFFF
    at = 24
    while at + 16 <= len(blob):
        s, f, caplen, length = struct.unpack(order + "4I", blob[at:at + 16])
        yield link, s * 10**9 + f * unit, length, blob[at + 16:at + 16 + caplen]
        at += 16 + caplen


def pcapng(blob):
    at, order, links, resolutions = 0, "<", [], []
    while at + 12 <= len(blob):
        if blob[at:at + 4] == b"\n\r\r\n":
            order = "<" if blob[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links, resolutions = [], []
        kind, size = struct.unpack(order + "II", blob[at:at + 8])
        body = blob[at + 8:at + size - 4]
        if kind == 1:
            links.append(struct.unpack(order + "H", body[:2])[0])
            resolutions.append(resolution(body[8:], order))
        elif kind == 6:
            i, high, low, caplen, length = struct.unpack(order + "5I", body[:20])
            yield links[i], (high << 32 | low) * 10**9 // resolutions[i], length, body[20:20 + caplen]
        at += size


def resolution(options, order):
    while len(options) >= 4:
        code, size = struct.unpack(order + "HH", options[:4])
        if code == 9:
            v = options[4]
            return 2 ** (v & 127) if v & 128 else 10 ** v
        options = options[4 + (size + 3 & ~3):]
    return 10**6


class Mapping:
    """Keyed by the first appearance: a random address of the same kind (multicast, broadcast and zero stay)."""

    def __init__(self, seed):
        self.random, self.map, self.used = random.Random(seed), {}, set()

    def number(self, a):
        if a >> 28 >= 14 or a == 0 or (a & 0xFF) == 0xFF:
            return a
        while a not in self.map:
            b = self.random.randrange(1 << 24, 223 << 24)
            if b >> 24 != 127 and (b & 0xFF) not in (0, 0xFF) and b not in self.used:
                self.map[a] = b
                self.used.add(b)
        return self.map[a]

    def __call__(self, text):
        try:
            return str(ipaddress.IPv4Address(self.number(int(ipaddress.IPv4Address(text)))))
        except ValueError:
            return text


def move_ip(ip, m):
    if len(ip) < 20 or ip[0] >> 4 != 4:
        return ip
    header = (ip[0] & 15) * 4
    old = struct.unpack(">I", ip[16:20])[0]
    src, dst = m.number(struct.unpack(">I", ip[12:16])[0]), m.number(old)
    out = bytearray(ip)
    out[12:20] = struct.pack(">II", src, dst)
    first = struct.unpack(">H", ip[6:8])[0] & 0x1FFF == 0
    if first and ip[9] in (6, 17) and len(ip) >= header + 8:
        t = ip[header:]
        seq = struct.unpack(">I", t[4:8])[0] if ip[9] == 6 else 0
        dport = struct.unpack(">H", t[2:4])[0]
        if struct.unpack(">H", ip[4:6])[0] == (old ^ dport ^ seq) & 0xFFFF:
            out[4:6] = struct.pack(">H", (dst ^ dport ^ seq) & 0xFFFF)
        elif ip[9] == 6 and seq == old:
            out[header + 4:header + 8] = struct.pack(">I", dst)
    if first and ip[9] == 1 and len(ip) >= header + 28 and ip[header] in (3, 4, 5, 11, 12):
        out[header + 8:] = move_ip(bytes(ip[header + 8:]), m)
    if first and ip[9] == 17 and len(ip) > header + 20 and 53 in struct.unpack(">HH", ip[header:header + 4]):
        out[header + 8:] = move_dns(bytes(out[header + 8:]), m)
    return bytes(out)


def move_dns(message, m):
    """A records anywhere in the message: type A, class IN, some TTL, length 4."""
    out, at = bytearray(message), 0
    while (at := message.find(b"\x00\x01\x00\x01", at)) >= 0:
        if message[at + 8:at + 10] == b"\x00\x04" and at + 14 <= len(message):
            out[at + 10:at + 14] = struct.pack(">I", m.number(struct.unpack(">I", message[at + 10:at + 14])[0]))
        at += 1
    return bytes(out)


def move_frame(link, frame, m):
    at = 12
    while link == 1 and frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00"):
        at += 4
    if link == 1 and frame[at:at + 2] == b"\x08\x00":
        return frame[:at + 2] + move_ip(frame[at + 2:], m)
    if link in (101, 228, 12, 14):
        return move_ip(frame, m)
    if link == 113 and frame[14:16] == b"\x08\x00":
        return frame[:16] + move_ip(frame[16:], m)
    return frame


def rewrite(source, target, seed, shift_s):
    with open(source, "rb") as f:
        blob = f.read()
    m, link = Mapping(seed), 1
    out = []
    for link, ns, length, frame in records(blob):
        frame = move_frame(link, frame, m)
        s, rest = divmod(ns + shift_s * 10**9, 10**9)
        out.append(struct.pack("<4I", s & 0xFFFFFFFF, rest, len(frame), length) + frame)
    with open(target, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link) + b"".join(out))
    return m
