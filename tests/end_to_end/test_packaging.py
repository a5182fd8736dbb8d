"""The wheel, installed elsewhere, carries all it needs: the styles, the demo's files, the console."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.terminal import terminal
from wraptui.demo import binaries

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(CHECKOUT)]
    subprocess.run([*pip, *build], check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in names if name.startswith("wraptui/styles/") and name.endswith(".tcss")]
    assert not [name for name in names if name.startswith(("tests/", "screenshots/"))]
    where = folder / "installed"
    install = ["install", "--no-deps", "--target", str(where), str(wheel)]
    subprocess.run([*pip, *install], check=True, capture_output=True, timeout=120)
    return where


def environment(installed: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}


def test_it_is_the_installed_one_that_runs(installed: Path) -> None:
    code = "import wraptui, sys; print(wraptui.__file__)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(installed),
        cwd=installed,
        capture_output=True,
        text=True,
    )
    assert told.stdout.startswith(str(installed))


def test_its_console_opens_on_its_demo(installed: Path, real: binaries.Binaries, namespaces: None) -> None:
    command = [sys.executable, "-m", "wraptui", "demo", "--no-clients"]
    with terminal(command, 100, 30, environment(installed)) as console:
        console.wait(r"192\.0\.2\.7.*granted", 30)
        console.press("q")
        assert console.ended() == 0
