"""What can happen to the disk under the home: full, read-only, somebody else's."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from csvanalyst_ext.errors import StorageError

from .conftest import Fault
from .stage import RIGHT, Stage, value_of

MIB = 1024 * 1024
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


class Disk:
    """A file system of 48 MB; staging leaves 16 of them free."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(path)], check=False)
        if mounted.returncode:
            pytest.skip("mounting is not allowed here")

    def fill(self, leave: int) -> None:
        """Leave so many bytes free."""
        facts = os.statvfs(self.path)
        with (self.path / "filler").open("wb") as file, contextlib.suppress(OSError):
            for _ in range(max(0, facts.f_bavail * facts.f_frsize - leave) // 4096):
                file.write(b"\0" * 4096)
                file.flush()

    def free(self) -> None:
        (self.path / "filler").unlink()

    def read_only(self, yes: bool) -> None:
        """By a second mount over it: files that are open for writing would forbid to change the first."""
        path = str(self.path)
        commands = [["mount", "--bind", path, path], ["mount", "-o", "remount,bind,ro", path]]
        for command in commands if yes else [["umount", path]]:
            subprocess.run(command, check=True)

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "small")
    yield made
    made.close()


def more(stage: Stage, rows: int) -> Path:
    """Another file; what it becomes is about as large as it is."""
    path = stage.root / "more.csv"
    path.write_text("x\n" + "".join(f"{i * 2654435761 % 4294967291}\n" for i in range(rows)))
    return path


def test_a_disk_that_is_full_for_the_copy_of_a_source(fault: Fault, disk: Disk) -> None:
    with fault("disk full (ENOSPC) in staging", home=disk.path / "home") as stage:
        disk.fill(17 * MIB)
        with pytest.raises(StorageError) as caught:
            stage.add(more(stage, 400_000))
        stage.sees_error(caught.value, "disk_full")
        disk.free()


def test_a_disk_that_fills_while_a_table_is_kept(fault: Fault, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    with fault("disk full (ENOSPC) in the cache", home=disk.path / "home") as stage:
        writer = stage.session._shelf._intake._cache.writer
        filled = False

        def fills(*arguments: object, **options: object) -> object:
            nonlocal filled
            if not filled:
                disk.fill(4096)
                filled = True
            return writer(*arguments, **options)

        monkeypatch.setattr(stage.session._shelf._intake._cache, "writer", fills)
        with pytest.raises(StorageError) as caught:
            stage.add(more(stage, 200_000))
        stage.sees_error(caught.value, "disk_full")
        disk.free()


def test_a_disk_that_is_full_for_a_capsule(fault: Fault, disk: Disk) -> None:
    with fault("disk full (ENOSPC) for the capsule", home=disk.path / "home") as stage:
        disk.fill(0)
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert value_of(run.raise_for_status()) == RIGHT
        assert run.capsule is None
        assert any("not kept" in note for note in run.notes)
        stage.sees("the answer, with a note that the run was not kept")
        disk.free()
        assert stage.ask("SQL: SELECT 1").capsule is not None


def test_a_disk_that_is_full_when_a_sandbox_starts(fault: Fault, disk: Disk) -> None:
    with fault("disk full (ENOSPC) when a sandbox starts", home=disk.path / "home") as stage:
        stage.do(stage.session._executor.close())
        disk.fill(0)
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        if run.error is None:
            assert value_of(run) == RIGHT
            stage.sees("the answer, with a note that the run was not kept")
        else:
            stage.sees_error(run.error, "disk_full", "storage_unwritable")
        disk.free()


def test_a_home_that_becomes_read_only(fault: Fault, disk: Disk) -> None:
    with fault("home becomes read-only", home=disk.path / "home") as stage:
        disk.read_only(True)
        run = stage.ask("SQL: SELECT sum(distance) FROM trips")
        assert value_of(run.raise_for_status()) == RIGHT
        assert any("not kept" in note for note in run.notes)
        with pytest.raises(StorageError) as caught:
            stage.add(more(stage, 10))
        stage.sees_error(caught.value, "storage_unwritable")
        disk.read_only(False)


def test_a_home_that_is_read_only_from_the_start(fault: Fault, disk: Disk) -> None:
    with fault("home is read-only from the start", home=disk.path / "home") as stage:
        stage.close_session()
        disk.read_only(True)
        with pytest.raises(StorageError) as caught:
            stage.open()
        stage.sees_error(caught.value, "storage_unwritable")
        disk.read_only(False)
        stage.open()


def test_a_cache_that_is_somebody_elses(fault: Fault) -> None:
    with fault("permission lost on the cache (another owner)") as stage:
        cache = stage.home / "cache"
        os.chown(cache, 12345, 12345)
        with pytest.raises(StorageError) as caught:
            stage.add(more(stage, 10))
        stage.sees_error(caught.value, "storage_unsafe")
        os.chown(cache, 0, 0)


def test_a_cache_that_is_no_directory(fault: Fault) -> None:
    with fault("a file in the cache's place") as stage:
        cache, aside = stage.home / "cache", stage.root / "aside"
        cache.rename(aside)
        cache.write_text("")
        with pytest.raises(StorageError) as caught:
            stage.add(more(stage, 10))
        stage.sees_error(caught.value, "storage_unwritable", "storage_unsafe")
        cache.unlink()
        aside.rename(cache)
