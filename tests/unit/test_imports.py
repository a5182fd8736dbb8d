"""Start-up stays light: a command loads only what it needs."""

import subprocess
import sys

import pytest

HEAVY = ("textual", "rich", "pyparsing", "netaddr", "psutil", "asyncio")


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_line_alone_loads_nothing_heavy() -> None:
    assert not modules_after("import wraptui.cli") & set(HEAVY)


@pytest.mark.parametrize(
    "module", ["explain", "services", "no_access", "check", "diff", "apply", "connections"]
)
def test_no_command_loads_textual(module: str) -> None:
    loaded = modules_after(f"import wraptui.cli.{module}")
    assert f"wraptui.cli.{module}" in loaded
    assert not loaded & {"textual", "rich"}
