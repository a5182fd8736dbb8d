"""The private server's visitors: customers, mail readers, store machines, scanners, guessers; bounded.

Run as a program: `visitors.py SERVER4 SERVER6`. Every visitor is a loop of its own on one thread's schedule:
a few sockets each, none faster than every few seconds, so a demo left running costs next to nothing.
"""

from __future__ import annotations

import heapq
import itertools
import socket
import sys
import time
from collections.abc import Callable, Iterator

# A visitor yields the seconds to wait before its next step.
Visitor = Iterator[float]

SSH, FTP, TELNET, FINGER, POP3, ECHO, BACKUP = 22, 21, 23, 79, 110, 7, 8730
SCANNERS = (
    "203.0.113.77",
    "203.0.113.91",
    "2001:db8:bad::5",
    "203.0.113.12",
    "203.0.113.34",
)


def connect(source: str, port: int) -> socket.socket | None:
    """A connection from `source` to the server; None when it is not let in at once."""
    six = ":" in source
    visit = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    visit.settimeout(0.3)
    try:
        visit.bind((source, 0))
        visit.connect((sys.argv[2 if six else 1], port))
    except OSError:
        visit.close()
        return None
    return visit


def say(visit: socket.socket, *lines: str) -> bool:
    """Whether the server is still there after these lines; what it answers is read and forgotten."""
    try:
        for line in lines:
            visit.sendall(line.encode() + b"\r\n")
        while visit.recv(65536):
            pass
        return False
    except TimeoutError:
        return True
    except OSError:
        return False


def stay(source: str, port: int, seconds: float, first: str, again: str) -> Visitor:
    """Come, stay for a while saying `again` every few seconds, leave, and come back at once."""
    while True:
        visit = connect(source, port)
        end = time.monotonic() + seconds
        open_still = visit is not None and say(visit, *([first] if first else []))
        while visit and open_still and time.monotonic() < end:
            yield 7
            open_still = say(visit, *([again] if again else []))
        if visit:
            visit.close()
        yield 0.3 if open_still else 10


def knock(sources: tuple[str, ...], ports: tuple[int, ...], every: float) -> Visitor:
    """Touch these ports and go, one address after the other."""
    for source in itertools.cycle(sources):
        for port in ports:
            visit = connect(source, port)
            if visit:
                say(visit)
                visit.close()
            yield 1.5
        yield every


def burst(source: str, port: int, count: int, every: float) -> Visitor:
    """Open more connections at once than one source may have, then leave."""
    while True:
        visits = [connect(source, port) for _ in range(count)]
        yield 4
        for visit in visits:
            if visit:
                say(visit, "QUIT")
                visit.close()
        yield every


SCRIPT: tuple[tuple[float, Callable[[], Visitor]], ...] = (
    (0.0, lambda: stay("198.51.100.21", FTP, 290, "USER reports", "NOOP")),
    (0.1, lambda: stay("198.51.100.21", FTP, 170, "USER reports", "NOOP")),
    (0.2, lambda: stay("2001:db8:20::5", FTP, 230, "USER branch", "NOOP")),
    (0.3, lambda: stay("198.51.100.30", SSH, 600, "", "")),
    (0.4, lambda: stay("2001:db8:10::22", SSH, 900, "", "")),
    (0.5, lambda: stay("192.0.2.31", BACKUP, 120, "", "")),
    (0.6, lambda: stay("192.0.2.32", BACKUP, 95, "", "")),
    (0.7, lambda: stay("198.51.100.31", ECHO, 140, "hello", "hello")),
    (1.5, lambda: knock(SCANNERS, (TELNET, FTP, POP3), 55)),
    (7.0, lambda: knock(("203.0.113.201", "2001:db8:bad::9"), (TELNET,), 130)),
    (2.0, lambda: stay("198.51.100.30", POP3, 20, "USER anna", "STAT")),
    (3.0, lambda: knock(("203.0.113.66",), (SSH,), 11)),
    (4.0, lambda: knock(("203.0.113.150",), (FTP,), 23)),
    (5.0, lambda: burst("198.51.100.31", POP3, 3, 31)),
    (6.0, lambda: knock(("203.0.113.40", "198.51.100.99", "192.0.2.7"), (FINGER,), 17)),
    (9.0, lambda: knock(("198.51.100.99",), (POP3,), 41)),
    (40.0, lambda: burst("198.51.100.30", FINGER, 6, 170)),
)


def main() -> None:
    """Play the script for ever."""
    start = time.monotonic()
    turns = [(start + after, number, visitor()) for number, (after, visitor) in enumerate(SCRIPT)]
    heapq.heapify(turns)
    while turns:
        due, number, visitor = turns[0]
        time.sleep(max(0.0, due - time.monotonic()))
        heapq.heapreplace(turns, (time.monotonic() + next(visitor), number, visitor))


if __name__ == "__main__":
    main()
