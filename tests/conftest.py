"""Knows what tests run on: the real binaries, private namespaces, a private server, and how many examples."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from wraptui.demo import binaries, session

settings.register_profile("dev", max_examples=25, deadline=None, database=None)
settings.register_profile("ci", max_examples=100, deadline=None, database=None, derandomize=True)
settings.register_profile("deep", max_examples=3000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

_TRY_NAMESPACES = "from wraptui.demo import namespaces; namespaces.own_processes()"


def lacking(reason: str) -> None:
    """This test cannot run here: skipped on somebody's machine, a failure where CI must have everything."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def real() -> binaries.Binaries:
    """The real xinetd, libwrap and tcpdmatch; unpacked into the user's cache if they are not installed."""
    try:
        return binaries.find()
    except binaries.BinariesMissing as error:
        lacking(str(error))
        raise


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Private namespaces can be had here."""
    tried = subprocess.run([sys.executable, "-c", _TRY_NAMESPACES], capture_output=True, text=True)
    if tried.returncode:
        lacking(tried.stderr.strip().splitlines()[-1])


@pytest.fixture
def demo_server(real: binaries.Binaries, namespaces: None) -> Iterator[session.Session]:
    """A private server of the test's own, with nobody there but the operator; gone after the test."""
    with session.started() as server:
        yield server


@pytest.fixture(scope="session")
def filter_tools(real: binaries.Binaries) -> binaries.Binaries:
    """The real nft and iptables beside the real daemons."""
    try:
        return binaries.find(packages=("xinetd", "tcpd", "nftables", "iptables"))
    except binaries.BinariesMissing as error:
        lacking(str(error))
        raise


@pytest.fixture
def filtering_server(filter_tools: binaries.Binaries, namespaces: None) -> Iterator[session.Session]:
    """A private server of the test's own whose packet filter the real nft and iptables reach."""
    with session.started() as started:
        started.environment["LD_LIBRARY_PATH"] = filter_tools.environment().get("LD_LIBRARY_PATH", "")
        if started.run("nft", "list", "ruleset").returncode:
            lacking("the kernel gives no nf_tables to a private network namespace")
        yield started


@pytest.fixture
def wraptui() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `wraptui WORDS...` on this machine, to its end."""

    def run(*words: str, input: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wraptui", *words]
        return subprocess.run(command, input=input, capture_output=True, encoding="latin-1", timeout=timeout)

    return run
