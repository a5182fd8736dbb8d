"""Knows the host names of addresses, looked up as libwrap does it, and without keeping anybody waiting."""

from __future__ import annotations

import queue
import socket
import threading
import time
from ipaddress import IPv6Address, ip_address

UNKNOWN, PARANOID = "unknown", "paranoid"
LENGTH = 127  # libwrap cuts names there
KEEP = 300.0  # seconds that an answer is believed
WAITING = 1000  # addresses that may wait for an answer


def look_up(address: str) -> str:
    """The name that libwrap gives a client (byte text): the reverse name, if it leads back to the address and
    is the host's canonical name; `unknown` without a reverse name, `paranoid` when it does not lead back.

    Takes as long as the name server takes."""
    return looked_up(address)[0]


def looked_up(address: str) -> tuple[str, tuple[str, ...]]:
    """The name as `look_up` gives it, and what libwrap warns of meanwhile, in its words (byte text).

    Verified against libwrap 7.6.q (`sock_hostname`)."""
    try:
        client = ip_address(address)
    except ValueError:
        return UNKNOWN, ()
    if isinstance(client, IPv6Address) and client.ipv4_mapped:
        client = client.ipv4_mapped  # as libwrap simplifies it
    try:
        found = socket.getnameinfo((str(client), 0), socket.NI_NAMEREQD)[0].encode("utf-8", "surrogateescape")
    except (OSError, UnicodeError):
        return UNKNOWN, ()
    name, family = (
        found.decode("latin-1")[:LENGTH],
        socket.AF_INET6 if client.version == 6 else socket.AF_INET,
    )
    try:
        socket.getaddrinfo(found, None, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        return PARANOID, (f"host name/name mismatch: reverse lookup results in non-FQDN {name}",)
    except (OSError, UnicodeError):
        pass
    try:
        answers = socket.getaddrinfo(found, None, family, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    except (OSError, UnicodeError):
        return PARANOID, (f"can't verify hostname: getaddrinfo({name}, {family.name}) failed",)
    official = answers[0][3].encode("utf-8", "surrogateescape") if answers else b""
    shown = official.decode("latin-1")[:LENGTH]
    if official.lower() != found.lower() and found.lower() != b"localhost":
        return PARANOID, (f"host name/name mismatch: {name} != {shown}",)
    if any(_same(str(answer[4][0]), client.packed) for answer in answers):
        return name, ()
    return PARANOID, (f"host name/address mismatch: {client} != {shown}",)


def _same(text: str, packed: bytes) -> bool:
    try:
        return ip_address(text.partition("%")[0]).packed == packed
    except ValueError:
        return False


class Names:
    """Names that are asked for one after the other in a thread of their own, and kept for a while."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}
        self._asked: set[str] = set()
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def get(self, address: str) -> str:
        """The name, as `look_up` gives it; "" while it is not known yet. An old answer is given on while it
        is asked for again."""
        with self._lock:
            name, when = self._known.get(address, ("", -KEEP))
            if time.monotonic() - when >= KEEP and address not in self._asked and len(self._asked) < WAITING:
                self._asked.add(address)
                self._queue.put(address)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._answer, name="names", daemon=True)
                    self._thread.start()
            return name

    def _answer(self) -> None:
        while True:
            address = self._queue.get()
            name = look_up(address)
            with self._lock:
                if len(self._known) > 10 * WAITING:
                    self._known.clear()
                self._known[address] = (name, time.monotonic())
                self._asked.discard(address)
