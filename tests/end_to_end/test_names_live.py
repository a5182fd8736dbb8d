"""Host names as the real libwrap finds them, asked for beside ours where only /etc/hosts answers."""

from __future__ import annotations

import json
import sys

from wraptui.demo.binaries import Binaries
from wraptui.demo.session import Session

HOSTS = b"""
203.0.113.1	plain.example.net
203.0.113.2	real.example.net alias.example.net
203.0.113.3	alias.example.net
203.0.113.4	twice.example.net
203.0.113.5	twice.example.net
203.0.113.6	10.0.0.1
203.0.113.7	1.2
203.0.113.8	localhost
203.0.113.9	UPPER.Example.NET
203.0.113.10	0x7f.1
203.0.113.11	bad_label.example.net
203.0.113.12	-
2001:db8::1	six.example.net
2001:db8::2	plain.example.net
2001:db8::3	fe80::1
"""

ASK = """
import ctypes, json, socket, struct, sys
from wraptui.system.names import looked_up

class Host(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 128), ("address", ctypes.c_char * 128),
                ("socket", ctypes.c_void_p), ("unit", ctypes.c_void_p), ("request", ctypes.c_void_p)]

library = ctypes.CDLL(sys.argv[1])
answers = {}
for address in sys.argv[2:]:
    if ":" in address:
        packed = socket.inet_pton(socket.AF_INET6, address)
        ends = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, packed, 0)
    else:
        ends = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_pton(socket.AF_INET, address))
    buffer = ctypes.create_string_buffer(ends.ljust(128, b"\\0"))
    request = ctypes.create_string_buffer(4096)
    host = Host(b"", address.encode(), ctypes.cast(buffer, ctypes.c_void_p), None,
                ctypes.cast(request, ctypes.c_void_p))
    library.sock_hostname(ctypes.byref(host))
    answers[address] = [host.name.decode("latin-1") or "unknown", *looked_up(address)]
print(json.dumps(answers))
"""


def test_names_are_those_that_libwrap_finds(demo_server: Session, real: Binaries) -> None:
    demo_server.write("/etc/hosts", demo_server.read("/etc/hosts") + HOSTS)
    addresses = [line.split()[0] for line in HOSTS.decode().splitlines() if line]
    addresses += ["198.51.100.30", "192.0.2.250", "2001:db8:10::22", "2001:db8::99", "127.0.0.1", "::1"]
    addresses += ["::ffff:203.0.113.1", "::ffff:203.0.113.3"]
    told = demo_server.run(sys.executable, "-c", ASK, real.libwrap, *addresses)
    assert told.returncode == 0, told.stderr
    answers = json.loads(told.stdout)
    assert {address: ours for address, (_, ours, _) in answers.items()} == {
        address: theirs for address, (theirs, _, _) in answers.items()
    }
    kinds = {theirs for theirs, _, _ in answers.values()}
    assert {"plain.example.net", "paranoid", "unknown", "anna.example.net"} <= kinds
    warned = [f"warning: {warning}" for _, _, warnings in answers.values() for warning in warnings]
    assert {"host name/name mismatch", "host name/address mismatch"} <= {
        line.split(": ")[1] for line in warned
    }
    for line in warned:
        demo_server.wait_for(line)
