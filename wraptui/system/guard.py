"""Knows how to start the process that takes a change back: one that no lost session can take with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from wraptui.system.checkpoints import remove_if_there, replace_file
from wraptui.system.machine import Machine

_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def start_apart(machine: Machine, module: str, arguments: Sequence[str], unit: str) -> str:
    """Runs `python -m module arguments` in a session of its own, and says how.

    Where systemd runs it becomes a transient unit, so that the end of the login session does not end it;
    else it is a child of init's, without terminal, with only standard streams, which lead nowhere. A program
    that was killed (SIGKILL, out of memory) is started again. Raises `OSError` when neither can be had. What
    it does after that it must tell by itself.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        machine.status("/run/systemd/system")
        systemd = machine.privileged
    except OSError:
        systemd = False
    if systemd:
        words = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--setenv=PYTHONPATH={_PACKAGES}"]
        # A daemon that it starts again must not end with it; to have taken back is no failure of its own.
        words += ["--property=KillMode=process", "--property=SuccessExitStatus=4"]
        words += ["--property=Restart=on-abnormal", "--property=RestartSec=1"]
        try:
            if machine.run([*words, *command], 10).code == 0:
                return f"unit {unit}"
        except OSError:
            pass  # the other way remains
    spawn_apart(command, {**os.environ, "PYTHONPATH": _PACKAGES})
    return "process of its own"


UNIT = "/etc/systemd/system/wraptui-recover.service"
WANTED = "/etc/systemd/system/multi-user.target.d/wraptui-recover.conf"


def at_next_boot(machine: Machine, module: str, arguments: Sequence[str]) -> str:
    """Has systemd run `python -m module arguments` once at the next boot, before anybody can come in: no
    process outlives a power cut. Says how, "" where there is no systemd. Raises `OSError`.

    As for a network service, `Before=network.target` puts it before nearly all that others can come to."""
    try:
        machine.status("/run/systemd/system")
    except OSError:
        return ""
    if not machine.privileged:
        return ""
    words = " ".join(_quoted(word) for word in (sys.executable, "-m", module, *arguments))
    unit = (
        "[Unit]\nDescription=Take back the change by wraptui that nobody confirmed in time\n"
        "After=local-fs.target\nBefore=network.target xinetd.service ssh.service sshd.service\n\n"
        f"[Service]\nType=oneshot\nEnvironment={_quoted(f'PYTHONPATH={_PACKAGES}')}\nExecStart={words}\n"
    )
    parts = WANTED.split("/")
    for depth in range(3, len(parts)):
        with suppress(FileExistsError):
            machine.make_directory("/".join(parts[:depth]), 0o755)
    wanted = f"[Unit]\nWants={UNIT.rpartition('/')[2]}\n"
    for path, text in ((UNIT, unit), (WANTED, wanted)):
        replace_file(machine, path, text.encode(), f"{path}.new", 0o644)
    return "and the next boot would take it back"


def not_at_next_boot(machine: Machine) -> None:
    """Takes back what `at_next_boot` asked for."""
    for path in (WANTED, UNIT):
        remove_if_there(machine, path)


def going_down(machine: Machine) -> bool:
    """Whether systemd is shutting the machine down: what is started now would only be ended again."""
    try:
        return machine.run(["systemctl", "is-system-running"], 5).output.strip() == b"stopping"
    except OSError:
        return False


def _quoted(word: str) -> str:
    """A word as systemd's unit files spell it."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'


def spawn_apart(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    """Runs a program in a session of its own, in /, its streams leading nowhere, again if it is killed.

    A shell forks off (this process never forks itself, which threads would make unsafe) and waits for it, as
    a child of init's; the program's words are arguments to the shell, never text of it. More than 128 is what
    a shell says of a program that a signal ended.
    """
    subprocess.run(
        ["/bin/sh", "-c", '(while "$@"; [ $? -gt 128 ]; do sleep 1; done) & exit 0', "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
        check=True,
        timeout=10,
    )
