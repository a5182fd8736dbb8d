"""A guest in the private server that does what it is told, one JSON line at a time (see demo/session.py).

Run as a program: `guest.py SERVER4 SERVER6`, inside. `{"port": N, "source": A}` connects, `say` talks on an
open visit, `leave` ends it.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

SILENCE = 0.05


def come(order: dict[str, Any]) -> socket.socket:
    """A connection to the server, by TCP, or by UDP where the order says so. Raises OSError."""
    source = str(order["source"])
    kind = socket.SOCK_DGRAM if order.get("udp") else socket.SOCK_STREAM
    visit = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, kind)
    visit.settimeout(float(order.get("wait", 2)))
    visit.bind((source, 0))
    visit.connect((sys.argv[2 if ":" in source else 1], int(order["port"])))
    return visit


def hear(visit: socket.socket, wait: float) -> tuple[bytes, bool]:
    """What the server says until it is silent or gone, and whether it is gone."""
    heard = b""
    visit.settimeout(wait)
    try:
        while said := visit.recv(65536):
            heard += said
            visit.settimeout(SILENCE)
    except TimeoutError:
        return heard, False
    except OSError:
        pass
    return heard, True


def obey(order: dict[str, Any], visits: dict[int, socket.socket]) -> dict[str, Any]:
    """Do what the order says; the answer has the visit's number, what was heard, and whether it is over."""
    number = int(order.get("visit", len(visits) + 1))
    try:
        if "port" in order:
            visits[number] = come(order)
        if "say" in order:
            visits[number].sendall(order["say"].encode("latin-1"))
        heard, gone = hear(visits[number], float(order.get("wait", 2)))
        problem = ""
    except OSError as error:
        heard, gone, problem = b"", True, error.strerror or str(error)
    if order.get("leave") and number in visits:
        visits[number].close()
    local = visits[number].getsockname()[1] if number in visits and not order.get("leave") else 0
    return {
        "visit": number,
        "heard": heard.decode("latin-1"),
        "gone": gone,
        "problem": problem,
        "port": local,
    }


def main() -> None:
    """Obey until the orders end."""
    visits: dict[int, socket.socket] = {}
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line), visits)), flush=True)


if __name__ == "__main__":
    main()
