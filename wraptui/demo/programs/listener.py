"""A standalone daemon that asks the real libwrap about each client, as sshd does.

Run as a program: `listener.py DAEMON PORT LIBWRAP`. A client that hosts.allow and hosts.deny let in is
greeted and held until it leaves; libwrap itself logs the others to syslog (`refused connect from ...`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import syslog

_RQ_FILE, _RQ_DAEMON = 1, 2  # tcpd.h
_REQUEST_SIZE = 65536  # more than struct request_info on any platform
MOST = 64


def main() -> None:
    """Serve for ever; one child for each client, at most MOST at once."""
    daemon, port, library = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    libwrap = ctypes.CDLL(library)
    ctypes.c_int.in_dll(libwrap, "allow_severity").value = syslog.LOG_AUTH | syslog.LOG_INFO
    ctypes.c_int.in_dll(libwrap, "deny_severity").value = syslog.LOG_AUTH | syslog.LOG_INFO
    syslog.openlog(daemon, syslog.LOG_PID, syslog.LOG_AUTH)
    children: set[int] = set()
    signal.signal(signal.SIGCHLD, lambda *_: children.difference_update(_ended(children)))
    listening = _listen(port)
    syslog.syslog(syslog.LOG_INFO, f"Server listening on {listening.getsockname()[0]} port {port}.")
    while True:
        client, address = listening.accept()
        child = 0 if len(children) >= MOST else os.fork()
        if child:
            children.add(child)
        elif len(children) < MOST:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            _serve(libwrap, daemon, client, address)
            os._exit(0)
        client.close()


def _listen(port: int) -> socket.socket:
    """Two families on one socket where there is IPv6."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("0.0.0.0", port))  # noqa: S104 - of a private namespace


def _ended(children: set[int]) -> set[int]:
    return {child for child in children if os.waitpid(child, os.WNOHANG)[0]}


def _serve(libwrap: ctypes.CDLL, daemon: str, client: socket.socket, address: tuple[str, int]) -> None:
    request = ctypes.create_string_buffer(_REQUEST_SIZE)
    name = ctypes.create_string_buffer(daemon.encode())
    libwrap.request_init(request, _RQ_DAEMON, name, _RQ_FILE, client.fileno(), 0)
    libwrap.sock_host(request)
    if not libwrap.hosts_access(request):
        libwrap.refuse(request)  # logs, and does not return
    syslog.syslog(
        syslog.LOG_INFO, f"Connection from {address[0]} port {address[1]} on port {client.getsockname()[1]}"
    )
    client.sendall(b"SSH-2.0-wraptui_demo\r\n")
    while client.recv(4096):
        pass
    syslog.syslog(syslog.LOG_INFO, f"Connection closed by {address[0]} port {address[1]}")


if __name__ == "__main__":
    main()
