"""Whatever stops us at whatever step, the old files or the new stand, whole, and recovery says which.

Each system call that changes something is one step; writing a file has steps of its own inside."""

from __future__ import annotations

import errno
import os
import random
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from wraptui.changes.landing import NotDone, Receipt, Refused, apply, confirm, propose, recover, rollback
from wraptui.changes.recovery import NothingPending, take_back, waiting
from wraptui.policy.change.edits import add_rule
from wraptui.system.checkpoints import History
from wraptui.system.locks import Held
from wraptui.system.machine import FileMachine, Machine
from wraptui.workspace import FileChange, Workspace

ALLOW, DENY, TRAP, GONE = "/etc/hosts.allow", "/etc/hosts.deny", "/etc/xinetd.d/trap", "/etc/xinetd.d/gone"
State = dict[str, tuple[bytes, int]]
MANY = 10_000


class Stumbling(FileMachine):
    """Files on which the step `at` (and, with `lasting`, every one after it) does not go well: `failing` is
    the error number it gives, 0 kills this process instead. Disks are not waited for: what is tested here is
    what the kernel has when a process ends, not when the power does."""

    def __init__(self, root: str, at: int = MANY, failing: int = 0, lasting: bool = False) -> None:
        super().__init__(root)
        self.at, self.failing, self.lasting = at, failing, lasting
        self.steps = 0

    def step(self, *, needs_space: bool = True) -> None:
        self.steps += 1
        if self.failing == errno.ENOSPC and not needs_space:
            return
        if self.steps == self.at or (self.lasting and self.steps > self.at):
            if self.failing:
                raise OSError(self.failing, os.strerror(self.failing))
            os.kill(os.getpid(), 9)

    def create(self, path: str, data: bytes, mode: int = 0o600) -> None:
        self.step()
        descriptor = os.open(self._at(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            self.step()
            os.write(descriptor, data[: len(data) // 2])
            self.step()
            os.write(descriptor, data[len(data) // 2 :])
            self.step()
        finally:
            os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        self.step(needs_space=False)
        super().rename(old, new)

    def link(self, old: str, new: str) -> None:
        self.step()
        super().link(old, new)

    def remove(self, path: str) -> None:
        self.step(needs_space=False)
        super().remove(path)

    def make_directory(self, path: str, mode: int = 0o700) -> None:
        self.step()
        super().make_directory(path, mode)

    def remove_directory(self, path: str) -> None:
        self.step(needs_space=False)
        super().remove_directory(path)

    def sync(self, path: str) -> None:
        self.step()

    def set_owner(self, path: str, uid: int, gid: int) -> None:
        self.step()
        super().set_owner(path, uid, gid)

    def set_mode(self, path: str, mode: int) -> None:
        self.step()
        super().set_mode(path, mode)


@pytest.fixture
def place() -> Iterator[Path]:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def built(place: Path) -> Path:
    """A root with two files to change (one behind a link), one to come, one to go."""
    root = place / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "etc/xinetd.d").mkdir(parents=True)
    (root / "etc/hosts.allow").write_bytes(b"sshd: 192.0.2.0/24\n")
    (root / "etc/hosts.allow").chmod(0o640)
    (root / "etc/deny").write_bytes(b"# caf\xe9\nALL: 198.51.100.1\n")
    (root / "etc/hosts.deny").symlink_to("/etc/deny")
    (root / "etc/xinetd.d/gone").write_bytes(b"service gone\n")
    (root / "etc/xinetd.d/gone").chmod(0o400)
    return root


def changes(root: Path) -> tuple[FileChange, ...]:
    workspace = Workspace().with_file(TRAP, None)
    for path, name in ((ALLOW, "etc/hosts.allow"), (DENY, "etc/deny"), (GONE, "etc/xinetd.d/gone")):
        workspace = workspace.with_file(path, (root / name).read_bytes())
    for path in (ALLOW, DENY, TRAP):
        workspace = workspace.do("add", *add_rule(path, workspace.document(path), "ALL: 203.0.113.7"))
    return (*workspace.changes, FileChange(GONE, workspace.document(GONE), None))


def look(root: Path) -> State:
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in sorted((root / "etc").rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def bare(root: Path) -> State:
    """The files without what waits beside them."""
    return {name: value for name, value in look(root).items() if ".wraptui" not in name}


def unguarded(machine: Machine, id: str, state: str) -> str:
    return "the test watches"


Deed = Callable[[FileMachine], object]


def applying(machine: FileMachine) -> object:
    return apply(machine, propose(machine, changes(Path(machine.root))))


def proposing_with_deadline(machine: FileMachine) -> Receipt:
    return apply(machine, propose(machine, changes(Path(machine.root))), confirm_within=60, arm=unguarded)


def attempted(deed: Deed, machine: FileMachine) -> None:
    with suppress(OSError, NotDone, Held, NothingPending):
        deed(machine)


def killed(deed: Deed, machine: FileMachine) -> bool:
    """Does the deed in a child; whether it was killed on the way."""
    child = os.fork()
    if child == 0:
        try:
            attempted(deed, machine)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(9)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a crash that is no kill"
    return os.WIFSIGNALED(status)


def guarded_end(root: Path) -> None:
    """What the guard does for a change that waits or was interrupted, as soon as its time has come."""
    machine = Stumbling(str(root))
    history = History(machine)
    for checkpoint in history.unfinished():
        take_back(history, checkpoint, "the guard")


@pytest.fixture
def states(place: Path) -> tuple[State, State, int, int]:
    """Old, new, and how many steps applying takes without and with a deadline."""
    old = look(built(place))
    steps = []
    for deed in (applying, proposing_with_deadline):
        machine = Stumbling(str(built(place)))
        deed(machine)
        steps.append(machine.steps)
        if deed is proposing_with_deadline:
            confirm(FileMachine(machine.root))
        new = look(Path(machine.root))
    return old, new, steps[0], steps[1]


def stands_whole(root: Path, old: State, new: State, context: str) -> str:
    found = look(root)
    assert found in (old, new), context
    assert not list((root / "var/lib/wraptui/history").glob(".*")), context
    assert not waiting(FileMachine(str(root))), context
    return "old" if found == old else "new"


def test_killed_at_every_step_of_applying_recovery_leaves_old_or_new_and_says_which(
    place: Path, states: tuple[State, State, int, int]
) -> None:
    old, new, steps, _ = states
    ends = []
    for at in range(1, steps + 1):
        root = built(place)
        assert killed(applying, Stumbling(str(root), at)), f"step {at} was not reached"
        receipts = recover(Stumbling(str(root)))
        stood = stands_whole(root, old, new, f"killed at step {at} of {steps}")
        assert [receipt.state for receipt in receipts] in ([], ["rolled-back" if stood == "old" else "kept"])
        entry = History(FileMachine(str(root))).checkpoints()
        assert [each.state for each in entry] in ([], ["rolled-back" if stood == "old" else "kept"])
        ends.append(stood)
    # Old up to the last rename, new from then on: never back and forth.
    assert ends == sorted(ends, reverse=True) and set(ends) == {"old", "new"}


def test_killed_with_a_deadline_the_old_files_come_back(
    place: Path, states: tuple[State, State, int, int]
) -> None:
    old, _, _, steps = states
    for at in range(1, steps + 1):
        root = built(place)
        assert killed(proposing_with_deadline, Stumbling(str(root), at))
        guarded_end(root)
        recover(Stumbling(str(root)))
        assert stands_whole(root, old, old, f"killed at step {at} of {steps}") == "old"


@pytest.mark.parametrize(("deed", "wanted"), [(confirm, "new"), (rollback, "old")])
def test_killed_while_confirming_or_rolling_back_it_can_be_done_again(
    place: Path, states: tuple[State, State, int, int], deed: Deed, wanted: str
) -> None:
    old, new, _, _ = states
    for at in range(1, MANY):
        root = built(place)
        proposing_with_deadline(Stumbling(str(root)))
        if not killed(deed, Stumbling(str(root), at)):
            break
        attempted(deed, Stumbling(str(root)))
        recover(Stumbling(str(root)))
        assert stands_whole(root, old, new, f"killed at step {at} of {wanted}") == wanted
    assert at > 10


def test_killed_and_killed_again_while_recovering(place: Path, states: tuple[State, State, int, int]) -> None:
    old, new, steps, _ = states
    chance = random.Random(5)
    runs = 600 if os.environ.get("CI") else 200
    for run in range(runs):
        root = built(place)
        first = chance.randint(1, steps)
        killed(applying, Stumbling(str(root), first))
        times = [chance.randint(1, 30) for _ in range(chance.randint(1, 4))]
        for at in times:
            killed(recover, Stumbling(str(root), at))
        recover(Stumbling(str(root)))
        stands_whole(root, old, new, f"run {run}: killed at step {first}, recovering at {times}")


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from-then-on"])
@pytest.mark.parametrize(
    "failing", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS], ids=errno.errorcode.get
)
def test_a_call_that_fails_at_any_step_leaves_old_or_new(
    place: Path, states: tuple[State, State, int, int], failing: int, lasting: bool
) -> None:
    old, new, _, steps = states
    for at in range(1, steps + 1):
        root = built(place)
        machine = Stumbling(str(root), at, failing, lasting)
        try:
            receipt = proposing_with_deadline(machine)
        except (NotDone, Held) as error:
            assert not isinstance(error, Refused)
            assert "hing was " in str(error) or "try again" in str(error)
            if not lasting:
                assert bare(root) == old
        else:
            if receipt.state == "rolled-back":
                assert bare(root) == old
            elif receipt.state == "prepared":  # not even the way back could be gone
                assert lasting and failing != errno.ENOSPC and "could not be restored" in receipt.problem
            else:
                assert receipt.state == "pending" and bare(root) == new
        # Then the disk is well again, and the guard comes.
        guarded_end(root)
        recover(Stumbling(str(root)))
        assert stands_whole(root, old, old, f"{errno.errorcode[failing]} at step {at} of {steps}") == "old"


@pytest.mark.parametrize("failing", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
@pytest.mark.parametrize(("deed", "wanted"), [(confirm, "new"), (rollback, "old")])
def test_a_call_that_fails_while_confirming_or_rolling_back(
    place: Path, states: tuple[State, State, int, int], deed: Deed, wanted: str, failing: int
) -> None:
    old, new, _, _ = states
    for at in range(1, MANY):
        root = built(place)
        proposing_with_deadline(Stumbling(str(root)))
        machine = Stumbling(str(root), at, failing)
        attempted(deed, machine)
        if machine.steps < at:
            break
        if not waiting(FileMachine(str(root))):
            assert bare(root) == (new if wanted == "new" else old)
        attempted(deed, Stumbling(str(root)))
        recover(Stumbling(str(root)))
        assert stands_whole(root, old, new, f"{errno.errorcode[failing]} at step {at}") == wanted
    assert at > 10


def test_the_way_back_needs_no_space(place: Path, states: tuple[State, State, int, int]) -> None:
    """Everything that would write fails from the first step on: the old files still come back, by renames."""

    class Full(Stumbling):
        def create(self, path: str, data: bytes, mode: int = 0o600) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    old, *_ = states
    root = built(place)
    proposing_with_deadline(Stumbling(str(root)))
    full = Full(str(root))
    history = History(full)
    for checkpoint in history.unfinished():
        take_back(history, checkpoint, "the guard")
    assert bare(root) == old
