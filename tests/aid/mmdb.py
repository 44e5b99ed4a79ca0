# SPDX-License-Identifier: Apache-2.0
"""A small MMDB file (MaxMind DB 2.0) for tests: {prefix: country} or {prefix: {field: text, float or int}}, flat records
as ip-location-db has them."""
import ipaddress
import struct


def _text(value):
    raw = value.encode()
    return bytes([2 << 5 | len(raw)]) + raw if len(raw) < 29 else bytes([2 << 5 | 29, len(raw) - 29]) + raw


def _map(pairs):
    return bytes([7 << 5 | len(pairs)]) + b"".join(_text(k) + v for k, v in pairs)


def _number(kind, value, width):
    head = bytes([kind << 5 | width]) if kind < 8 else bytes([width, kind - 7])
    return head + value.to_bytes(width, "big")


def _value(value):
    if isinstance(value, float):
        return bytes([3 << 5 | 8]) + struct.pack(">d", value)
    return _text(value) if isinstance(value, str) else _number(6, value, 4)


def write(path, countries):
    nodes = [[None, None]]
    data, places = b"", {}
    for prefix, country in countries.items():
        net = ipaddress.ip_network(prefix)
        fields = country if isinstance(country, dict) else {"country_code": country}
        country = str(fields)
        if country not in places:
            places[country] = len(data)
            data += _map([(k, _value(v)) for k, v in fields.items()])
        at = 0
        for depth in range(net.prefixlen):
            bit = int(net.network_address) >> (31 - depth) & 1
            if depth == net.prefixlen - 1:
                nodes[at][bit] = ("data", places[country])
            else:
                if nodes[at][bit] is None:
                    nodes.append([None, None])
                    nodes[at][bit] = len(nodes) - 1
                at = nodes[at][bit]
    n = len(nodes)

    def record(v):
        value = n if v is None else n + 16 + v[1] if isinstance(v, tuple) else v
        return value.to_bytes(3, "big")
    tree = b"".join(record(a) + record(b) for a, b in nodes)
    about = _map([("node_count", _number(6, n, 4)), ("record_size", _number(5, 24, 2)), ("ip_version", _number(5, 4, 2)),
                  ("database_type", _text("Test-Country")), ("languages", struct.pack("BB", 0, 4)),
                  ("binary_format_major_version", _number(5, 2, 2)), ("binary_format_minor_version", _number(5, 0, 2)),
                  ("build_epoch", _number(9, 1700000000, 8)), ("description", _map([("en", _text("a test"))]))])
    with open(path, "wb") as out:
        out.write(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + about)
