"""The private server's syslog: datagrams from /dev/log into /var/log, as Debian 12's rsyslog files them.

Run as a program: `syslogd.py DESCRIPTOR HOST`, the descriptor being the bound socket. Files are rotated once
at LIMIT bytes, so that a demo left running stays small.
"""

from __future__ import annotations

import datetime
import os
import re
import socket
import sys

LIMIT = 4_000_000
_AUTH = (4, 10)
_FRAME = re.compile(rb"<(\d{1,3})>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?(.*)", re.DOTALL)


def line(datagram: bytes, host: str, now: datetime.datetime) -> tuple[str, bytes]:
    """Which file a datagram goes to, and the line; control characters escaped as rsyslog does (#ooo)."""
    frame = _FRAME.match(datagram.rstrip(b"\0\n"))
    priority, text = (int(frame[1]), frame[2]) if frame else (13, datagram)
    text = re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", lambda found: b"#%03o" % found[0][0], text)
    name = "auth.log" if priority >> 3 in _AUTH else "syslog"
    return name, f"{now.isoformat()} {host} ".encode() + text + b"\n"


def main() -> None:
    """Write until the socket is closed or the process killed."""
    log = socket.socket(fileno=int(sys.argv[1]))
    while datagram := log.recv(65536):
        name, text = line(datagram, sys.argv[2], datetime.datetime.now().astimezone())
        path = os.path.join("/var/log", name)
        with open(path, "ab", buffering=0) as file:
            file.write(text)
            full = file.tell() > LIMIT
        if full:
            os.replace(path, path + ".1")
            with open(path, "xb"):
                pass


if __name__ == "__main__":
    main()
