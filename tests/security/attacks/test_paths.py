"""Files that are not what they were a moment ago.  The host alone opens and copies them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from csvanalyst_ext.datasets.staging import Workspace
from csvanalyst_ext.errors import DataError

from .ground import Canaries

SECONDS = 0.7
MOST = 1 << 30


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """``act`` again and again, in a thread."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            act()

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "home", "paths") as made:
        yield made


@pytest.mark.attack(61, "swapped again and again between the check and the opening")
def test_what_is_read_is_what_was_checked(workspace: Workspace, canaries: Canaries, tmp_path: Path) -> None:
    path, good = tmp_path / "moving.csv", b"a\n1\n"
    makes: list[Callable[[Path], None]] = [
        lambda new: new.symlink_to(canaries.file),
        os.mkfifo,
        lambda new: new.symlink_to("/dev/zero"),
        Path.mkdir,
    ]
    path.write_bytes(good)
    turn = 0

    def swap() -> None:
        nonlocal turn
        turn += 1
        new, old = tmp_path / f"new{turn}", tmp_path / f"old{turn}"
        makes[turn % len(makes)](new) if turn % 2 else new.write_bytes(good)
        path.rename(old)
        new.rename(path)

    seen: dict[str, int] = {}
    end = time.monotonic() + SECONDS
    with meanwhile(swap):
        while time.monotonic() < end:
            started = time.monotonic()
            try:
                staged = workspace.stage_file(path, MOST)
            except DataError as error:
                seen[error.code] = seen.get(error.code, 0) + 1
            else:
                assert (workspace.incoming / staged.name).read_bytes() == good
                workspace.discard(staged.name)
                seen["read"] = seen.get("read", 0) + 1
            assert time.monotonic() - started < 2, "it waited for a pipe"
    assert set(seen) <= {"read", "data_not_regular", "data_not_found", "data_changed"}, seen
    assert seen.get("data_not_regular"), "nothing was swapped"
    path.rename(tmp_path / "last")
    path.write_bytes(good)
    workspace.discard(workspace.stage_file(path, MOST).name)  # what was refused is read once it holds still
    assert list(workspace.incoming.iterdir()) == []


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written over"])
@pytest.mark.attack(61, "written to while it is read")
def test_a_file_that_changes_while_it_is_read_is_no_data(change: str, workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "moving.csv"
    path.write_bytes(b"1\n" * (32 << 20))
    with path.open("r+b", buffering=0) as file:

        def act() -> None:
            match change:
                case "grows":
                    os.pwrite(file.fileno(), b"x" * 4096, os.fstat(file.fileno()).st_size)
                case "shrinks":
                    os.ftruncate(file.fileno(), max(0, os.fstat(file.fileno()).st_size - 4096))
                case _:
                    os.pwrite(file.fileno(), os.urandom(4096), 0)

        with meanwhile(act), pytest.raises(DataError) as caught:
            workspace.stage_file(path, MOST)
    assert caught.value.code == "data_changed"
    assert list(workspace.incoming.iterdir()) == []


@pytest.mark.attack(61, "a pipe that nobody writes to, a socket, a sparse file of the largest size")
def test_nothing_that_is_no_file_is_waited_for(workspace: Workspace, tmp_path: Path) -> None:
    import socket

    os.mkfifo(tmp_path / "pipe.csv")
    with (tmp_path / "sparse.csv").open("wb") as file:
        file.truncate(8 << 40)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.csv"))
        started = time.monotonic()
        for name, code in (
            ("pipe.csv", "data_not_regular"),
            ("socket.csv", "data_not_regular"),
            ("sparse.csv", "data_too_large"),
        ):
            with pytest.raises(DataError) as caught:
                workspace.stage_file(tmp_path / name, MOST)
            assert caught.value.code == code
        assert time.monotonic() - started < 2
