"""Knows the newest change in a private server's history, and how to let its deadline come at once."""

from __future__ import annotations

import json
import time
from pathlib import Path

from wraptui.demo.session import Session


def state(server: Session) -> str:
    """How it stands: pending, kept, rolled-back, ...; "" when there is none."""
    try:
        return str(json.loads(_recorded(server).read_text())["state"])
    except (FileNotFoundError, ValueError):
        return ""


def let_the_time_pass(server: Session) -> None:
    """Its deadline is now: the guard reads it again and again."""
    path = _recorded(server)
    new = path.with_name("later")
    new.write_text(json.dumps(json.loads(path.read_text()) | {"deadline": time.time()}))
    new.replace(path)


def _recorded(server: Session) -> Path:
    return max(Path(server.path("/var/lib/wraptui/history")).glob("[!.]*")) / "state.json"
