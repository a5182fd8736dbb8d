"""Log files read back, through rotations, and followed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from wraptui.system import logs
from wraptui.system.logs import JOURNAL, Follower, history, places, read_back, rotated
from wraptui.system.machine import FileMachine, LocalMachine, Ran

HERE = LocalMachine()
START = "Started working: 3"


def back(paths: list[Path], *words: str, **options: object) -> logs.Passage:
    wanted = [word.encode() for word in words]
    return read_back(HERE, [str(path) for path in paths], wanted, lambda line: START in line, **options)  # type: ignore[arg-type]


def write(path: Path, *lines: str) -> Path:
    path.write_bytes("".join(line + "\n" for line in lines).encode("latin-1"))
    return path


def test_back_to_the_last_start(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log", "Adding 0", START, "Adding 1", "noise", START, "noise", "Adding 2", "x Adding 3"
    )
    assert back([log], "Adding").lines == (START, "Adding 2", "x Adding 3")
    assert back([log], "Adding").reached
    assert back([log], "noise", "Adding").lines == (START, "noise", "Adding 2", "x Adding 3")
    assert back([log]).lines == (START, "noise", "Adding 2", "x Adding 3")
    empty = back([write(tmp_path / "empty")], "Adding")
    assert empty.lines == () and not empty.reached and not empty.problems


def test_a_stop_word_alone_does_not_stop(tmp_path: Path) -> None:
    log = write(tmp_path / "log", START, "Adding 1", "Started working: 4", "Adding 2")
    assert back([log], "Adding").lines == (START, "Adding 1", "Adding 2")


def test_half_a_line_is_left_to_the_follower(tmp_path: Path) -> None:
    log = write(tmp_path / "log", START, "Adding 1")
    with log.open("ab") as file:
        file.write(b"Adding half")
    passage = back([log], "Adding")
    assert passage.lines == (START, "Adding 1")
    assert back([log], "Adding", written=False).lines[-1] == "Adding half"
    end = passage.end[str(log)]
    assert isinstance(end, int)
    follower = Follower(HERE, str(log), end)
    assert follower.read() == []
    with log.open("ab") as file:
        file.write(b" and half\nnext\n")
    assert follower.read() == ["Adding half and half", "next"]
    follower.close()


@pytest.mark.parametrize("block", [7, 16, 64, 1000])
def test_any_size_of_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(logs, "BLOCK", block)
    dice = random.Random(block)
    lines = [dice.choice(["Adding x", "noise", "a longer line of noise", "", START]) for _ in range(300)]
    log = write(tmp_path / "log", *lines)
    last = len(lines) - 1 - lines[::-1].index(START)
    expected = tuple(line for line in lines[last:] if line in ("Adding x", START))
    assert back([log], "Adding").lines == expected
    everything = [line for line in lines if "Adding" in line or "noise" in line]
    pieces = list(history(HERE, [str(log)], [b"Adding", b"noise"]))
    assert [line for piece in pieces for line in piece.lines] == everything
    assert pieces[-1].done == pieces[-1].total == log.stat().st_size


def test_through_rotated_and_packed_logs(tmp_path: Path) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.compress,
        ".xz": lzma.compress,
        ".bz2": bz2.compress,
    }
    for number, (suffix, packed) in enumerate(pack.items(), 2):
        text = f"{START if number == 4 else 'noise'}\nAdding {number}\n"
        (tmp_path / f"log.{number}{suffix}").write_bytes(packed(text.encode()))
        os.utime(tmp_path / f"log.{number}{suffix}", (1000 - number, 1000 - number))
    write(tmp_path / "log.5", START, "Adding 5")
    os.utime(tmp_path / "log.5", (10, 10))
    write(tmp_path / "log.1", "Adding 1")
    write(tmp_path / "log", "Adding 0")
    write(tmp_path / "logbook", "Adding 9")
    write(tmp_path / "log.1.save", "Adding 9")
    (tmp_path / "log.7").mkdir()
    names = rotated(HERE, str(tmp_path / "log"))
    assert [os.path.basename(name) for name in names] == [
        "log", "log.1", "log.2.gz", "log.3.xz", "log.4.bz2", "log.5"
    ]  # fmt: skip
    passage = back([Path(name) for name in names], "Adding")
    assert passage.lines == (START, "Adding 4", "Adding 3", "Adding 2", "Adding 1", "Adding 0")
    recent = back([Path(name) for name in names], "Adding", since=900.0)
    assert recent.lines == passage.lines
    recent = back([Path(name) for name in names], "Adding", since=100_000.0)
    assert recent.lines == ("Adding 1", "Adding 0") and not recent.reached


def test_dates_as_suffixes(tmp_path: Path) -> None:
    for place, name in enumerate(("log-20261122.gz", "log-20261123", "log")):
        write(tmp_path / name, "x")
        os.utime(tmp_path / name, (1000 + place, 1000 + place))
    found = rotated(HERE, str(tmp_path / "log"))
    assert [os.path.basename(name) for name in found] == ["log", "log-20261123", "log-20261122.gz"]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "log.1.gz").write_bytes(gzip.compress(b"Adding 1\n" * 1000)[:40])
    (tmp_path / "log").mkdir()
    passage = back([tmp_path / "log", tmp_path / "log.1.gz", tmp_path / "nothing"], "Adding")
    assert [problem.split(":")[0] for problem in passage.problems] == [
        str(tmp_path / "log"),
        str(tmp_path / "log.1.gz"),
    ]


def test_following_through_renames_and_truncation(tmp_path: Path) -> None:
    log = write(tmp_path / "log", "old")
    follower = Follower(HERE, str(log))
    assert follower.read() == []
    writer = log.open("ab", buffering=0)
    writer.write(b"one\ntwo\n")
    assert follower.read() == ["one", "two"]
    log.rename(tmp_path / "log.1")
    writer.write(b"to the renamed file\n")
    assert follower.read() == ["to the renamed file"]
    write(log, "new file")
    writer.write(b"still there\n")
    assert sorted(follower.read()) == ["new file", "still there"]
    log.write_bytes(b"x\n")
    assert follower.read() == ["x"]
    shutil.copy(log, tmp_path / "copy")
    log.write_bytes(b"")
    assert follower.read() == []
    log.write_bytes(b"after\n")
    assert follower.read() == ["after"]
    writer.close()
    follower.close()


def test_a_pinned_follower_stays_with_its_file(tmp_path: Path) -> None:
    log = write(tmp_path / "log", "old")
    follower = Follower(HERE, str(log), 0, pinned=True)
    assert follower.read() == ["old"]
    log.rename(tmp_path / "elsewhere")
    write(log, "new")
    with (tmp_path / "elsewhere").open("ab") as file:
        file.write(b"more\n")
    assert follower.read() == ["more"]
    follower.close()


def test_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    follower = Follower(HERE, str(tmp_path / "log"))
    assert follower.read() == [] and not follower.problem
    write(tmp_path / "log", "first")
    assert follower.read() == ["first"]
    follower.close()


def test_a_log_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    follower = Follower(HERE, str(tmp_path / "log"))
    assert follower.read() == [] and "log: " in follower.problem


def test_where_the_logs_are(tmp_path: Path) -> None:
    machine = FileMachine(str(tmp_path))
    assert not places(machine).internal and places(machine).problem
    assert places(machine, "/var/log/xinetd.log").internal == ("/var/log/xinetd.log",)
    (tmp_path / "var/log").mkdir(parents=True)
    write(tmp_path / "var/log/messages")
    assert places(machine).internal == ("/var/log/messages",)
    write(tmp_path / "var/log/syslog")
    types = [("FILE", "/var/log/a", "10"), ("SYSLOG", "daemon"), ("FILE", "/var/log/a"), ("FILE",), ()]
    found = places(machine, "/x", types)
    assert found.services == ("/var/log/a", "/var/log/syslog")
    assert found.all == ("/x", "/var/log/a", "/var/log/syslog")


class Journal(LocalMachine):
    """The machine, with journald's answers instead of journald's."""

    answers: list[Ran]
    asked: list[tuple[str, ...]]

    def run(self, command: Sequence[str], timeout: float = 10.0, input: bytes = b"") -> Ran:
        self.asked.append(tuple(command))
        return self.answers.pop(0)


def test_following_the_journal() -> None:
    machine = Journal()
    one = b'{"__CURSOR":"s=1;i=2","MESSAGE":"x"}\n'
    machine.answers = [Ran(0, one), Ran(0, b""), Ran(1, b"", b"No journal files were found.\n")]
    machine.asked = []
    follower = logs.JournalFollower(machine, since=1000.7)
    assert follower.read() == [one.decode().strip()]
    assert follower.read() == []
    assert follower.read() == [] and "No journal files were found." in follower.problem
    assert [words[-1] for words in machine.asked] == [
        "--since=@1000", "--after-cursor=s=1;i=2", "--after-cursor=s=1;i=2"
    ]  # fmt: skip
    assert follower.path == JOURNAL


def test_what_was_before_and_what_follows_meet_in_one_byte(tmp_path: Path) -> None:
    """What is written between the two readings is told once, whichever comes first."""
    log = write(tmp_path / "log", START, "Adding 1")
    end = int(back([log]).end[str(log)])
    follower = Follower(HERE, str(log), end)
    with log.open("a") as file:
        file.write("Adding 2\n")
    assert back([log], end=end).lines == (START, "Adding 1")
    assert follower.read() == ["Adding 2"]
    follower.close()


def test_a_burst_comes_in_pieces_and_a_line_without_end_costs_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST", 1000)
    monkeypatch.setattr(logs, "BLOCK", 3000)
    log = write(tmp_path / "log", *(f"line {number}" for number in range(500)))
    follower = Follower(HERE, str(log), 0)
    found: list[list[str]] = [follower.read()]
    while found[-1]:
        found.append(follower.read())
    assert [line for part in found for line in part] == [f"line {number}" for number in range(500)]
    assert max(map(len, found)) < 200
    with log.open("ab") as file:
        file.write(b"\0" * 20_000 + b"\nlast\n")
    told: list[str] = []
    for _ in range(25):
        told += follower.read()
        assert len(follower._open[0]._tail) <= 3000
    assert told[-1] == "last"
    follower.close()
