"""Staging copies a regular file once, whole or not at all, into a directory that only the sandbox's user reaches."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from csvanalyst_ext.datasets import opening, staging, storage
from csvanalyst_ext.datasets.opening import opened
from csvanalyst_ext.datasets.staging import Workspace
from csvanalyst_ext.errors import DataError, StorageError, UsageError

MIB = 1024 * 1024
LIMIT = 64 * MIB
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user or to mount a disk")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "home", "s1") as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_bytes(b"day,amount\n1,2\n")
    return path


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises((DataError, StorageError, UsageError)) as caught:
        action()
    return caught.value.code


def incoming(workspace: Workspace) -> list[str]:
    return [path.name for path in workspace.incoming.iterdir()]


# --- what is copied -------------------------------------------------------------------------------


def test_a_file_is_copied_with_its_hash_and_size(workspace: Workspace, source: Path) -> None:
    staged = workspace.stage_file(source, LIMIT)
    assert (workspace.incoming / staged.name).read_bytes() == source.read_bytes()
    assert staged.size == len(source.read_bytes())
    assert staged.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_a_file_of_several_blocks_arrives_whole(workspace: Workspace, tmp_path: Path) -> None:
    content = os.urandom(3 * MIB + 17)
    (tmp_path / "big.bin").write_bytes(content)
    staged = workspace.stage_file(tmp_path / "big.bin", LIMIT)
    assert (workspace.incoming / staged.name).read_bytes() == content
    assert staged.sha256 == hashlib.sha256(content).hexdigest()


def test_an_empty_file_is_a_file(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    assert workspace.stage_file(tmp_path / "empty.csv", LIMIT).size == 0


def test_the_staged_name_owes_nothing_to_the_name_of_the_source(workspace: Workspace, tmp_path: Path) -> None:
    hostile = tmp_path / "a'; DROP\n*.csv"
    hostile.write_bytes(b"x\n1\n")
    name = workspace.stage_file(hostile, LIMIT).name
    assert name.isalnum()
    assert name.isascii()


def test_a_link_in_the_directories_above_is_followed(workspace: Workspace, source: Path, tmp_path: Path) -> None:
    (tmp_path / "shortcut").symlink_to(tmp_path, target_is_directory=True)
    assert workspace.stage_file(tmp_path / "shortcut" / "sales.csv", LIMIT).size == 15


# --- what is refused ------------------------------------------------------------------------------


def test_a_symbolic_link_is_refused_and_its_target_named(workspace: Workspace, source: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(source)
    with pytest.raises(DataError) as caught:
        workspace.stage_file(link, LIMIT)
    assert caught.value.code == "data_not_regular"
    assert str(source) in caught.value.hint


def test_a_link_to_nothing_is_refused_as_a_link(workspace: Workspace, tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "gone")
    assert code_of(lambda: workspace.stage_file(link, LIMIT)) == "data_not_regular"


def test_a_named_pipe_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert code_of(lambda: workspace.stage_file(tmp_path / "pipe.csv", LIMIT)) == "data_not_regular"


def test_a_file_that_becomes_a_pipe_after_the_first_look_does_not_block(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    regular = source.lstat()
    monkeypatch.setattr(opening, "_lstat", lambda path: regular)
    with pytest.raises(DataError) as caught, opened(tmp_path / "pipe.csv", LIMIT):
        pass
    assert caught.value.code == "data_not_regular"


def test_a_file_that_becomes_a_link_after_the_first_look_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link.csv").symlink_to(source)
    regular = source.lstat()
    monkeypatch.setattr(opening, "_lstat", lambda path: regular)
    with pytest.raises(DataError) as caught, opened(tmp_path / "link.csv", LIMIT):
        pass
    assert caught.value.code == "data_not_regular"


def test_a_directory_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    assert code_of(lambda: workspace.stage_file(tmp_path, LIMIT)) == "data_not_regular"


def test_a_device_is_refused(workspace: Workspace) -> None:
    assert code_of(lambda: workspace.stage_file(Path("/dev/zero"), LIMIT)) == "data_not_regular"


def test_a_socket_is_refused(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the address of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.csv")
        assert code_of(lambda: workspace.stage_file(tmp_path / "s.csv", LIMIT)) == "data_not_regular"


@pytest.mark.parametrize("path", ["/proc/self/mem", "/proc/self/environ", "/proc/cpuinfo", "/sys/kernel/mm/ksm/run"])
def test_files_that_the_kernel_makes_up_are_refused(workspace: Workspace, path: str) -> None:
    if not Path(path).exists():
        pytest.skip(f"this system has no {path}")
    assert code_of(lambda: workspace.stage_file(Path(path), LIMIT)) == "data_not_regular"


def test_a_missing_file_is_not_found(workspace: Workspace, tmp_path: Path) -> None:
    assert code_of(lambda: workspace.stage_file(tmp_path / "no.csv", LIMIT)) == "data_not_found"
    assert code_of(lambda: workspace.stage_file(tmp_path / "no" / "no.csv", LIMIT)) == "data_not_found"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_unreadable(workspace: Workspace, source: Path) -> None:
    source.chmod(0)
    assert code_of(lambda: workspace.stage_file(source, LIMIT)) == "data_unreadable"


# --- sizes ----------------------------------------------------------------------------------------


def test_a_sparse_file_of_ten_terabytes_is_refused_by_its_size(workspace: Workspace, tmp_path: Path) -> None:
    huge = tmp_path / "huge.csv"
    try:
        with huge.open("wb") as file:
            file.truncate(10 * 1000**4)
    except OSError:
        pytest.skip("this file system holds no file of that size")
    with pytest.raises(DataError, match=r"10\.0 TB") as caught:
        workspace.stage_file(huge, LIMIT)
    assert caught.value.code == "data_too_large"
    assert incoming(workspace) == []


def test_the_largest_size_that_is_allowed_is_allowed(workspace: Workspace, source: Path) -> None:
    assert workspace.stage_file(source, 15).size == 15
    assert code_of(lambda: workspace.stage_file(source, 14)) == "data_too_large"


def test_room_is_forecast_before_any_byte_is_copied(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda path: SimpleNamespace(free=MIB))
    monkeypatch.setattr(staging.os, "readv", lambda *arguments: pytest.fail("the source was read"))
    with pytest.raises(StorageError) as caught:
        workspace.stage_file(source, LIMIT)
    assert caught.value.code == "disk_full"
    assert caught.value.details == {"free": MIB, "needed": 15 + storage.RESERVE}
    assert incoming(workspace) == []


# --- changes under way ----------------------------------------------------------------------------


def test_a_file_swapped_after_it_was_opened_does_not_matter(source: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_bytes(b"secret\n")
    with opened(source, LIMIT) as (descriptor, _):
        (tmp_path / "other.csv").replace(source)
        assert os.read(descriptor, 100) == b"day,amount\n1,2\n"


@pytest.mark.parametrize("change", ["grows", "shrinks", "is overwritten"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    change: str, workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = os.readv

    def changing(descriptor: int, buffers: list[memoryview]) -> int:
        count = read(descriptor, buffers)
        if change == "grows":
            with source.open("ab") as file:
                file.write(b"3,4\n")
        elif change == "shrinks":
            os.truncate(source, 3)
        else:
            source.write_bytes(b"DAY,AMOUNT\n9,9\n")
            os.utime(source, ns=(1, 1))
        return count

    monkeypatch.setattr(staging.os, "readv", changing)
    assert code_of(lambda: workspace.stage_file(source, LIMIT)) == "data_changed"
    assert incoming(workspace) == []


def test_an_interrupt_leaves_nothing_behind(
    workspace: Workspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(descriptor: int, buffers: list[memoryview]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(staging.os, "readv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        workspace.stage_file(source, LIMIT)
    assert incoming(workspace) == []


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 20 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system does not let the tests mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@as_root
def test_a_full_disk_while_copying_is_one_clear_error_and_leaves_nothing(
    tiny_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = tmp_path / "big.csv"
    big.write_bytes(bytes(30 * MIB))
    # The disk fills up between the forecast and the copy.
    monkeypatch.setattr(staging, "require_room", lambda place, needed: None)
    with Workspace.create(tiny_disk / "home", "s1") as workspace:
        with pytest.raises(StorageError) as caught:
            workspace.stage_file(big, LIMIT)
        assert caught.value.code == "disk_full"
        assert incoming(workspace) == []
        big.write_bytes(b"a\n1\n")
        assert workspace.stage_file(big, LIMIT).size == 4


@as_root
def test_a_nearly_full_disk_is_refused_with_its_numbers(tiny_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "big.csv").write_bytes(bytes(10 * MIB))
    refused = pytest.raises(StorageError, match=r"MB are free and 27\.3 MB are needed")
    with Workspace.create(tiny_disk / "home", "s1") as workspace, refused:
        workspace.stage_file(tmp_path / "big.csv", LIMIT)


@as_root
def test_a_cached_table_on_another_disk_is_copied(tiny_disk: Path, workspace: Workspace) -> None:
    entry = tiny_disk / "k1" / "table.parquet"
    entry.parent.mkdir()
    entry.write_bytes(b"PAR1")
    assert (workspace.tables / workspace.link_table(entry)).read_bytes() == b"PAR1"


# --- who can read it ------------------------------------------------------------------------------


def test_modes_let_the_sandbox_in_and_keep_other_users_out(workspace: Workspace, source: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    staged = workspace.stage_file(source, LIMIT)
    assert mode(workspace.path.parent) == 0o700
    assert [mode(path) for path in (workspace.path, workspace.incoming, workspace.tables)] == [0o755] * 3
    assert mode(workspace.incoming / staged.name) == 0o444


def test_a_sessions_directory_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "home" / "sessions").mkdir(parents=True)
    (tmp_path / "home" / "sessions").chmod(0o755)
    with Workspace.create(tmp_path / "home", "s1"):
        assert stat.S_IMODE((tmp_path / "home" / "sessions").stat().st_mode) == 0o700


def test_modes_do_not_depend_on_the_umask(tmp_path: Path, source: Path) -> None:
    before = os.umask(0o077)
    try:
        with Workspace.create(tmp_path / "home", "s1") as workspace:
            staged = workspace.stage_file(source, LIMIT)
            assert stat.S_IMODE(workspace.tables.stat().st_mode) == 0o755
            assert stat.S_IMODE((workspace.incoming / staged.name).stat().st_mode) == 0o444
    finally:
        os.umask(before)


@as_root
def test_another_user_reads_through_the_mount_but_not_from_outside(workspace: Workspace, source: Path) -> None:
    staged = workspace.stage_file(source, LIMIT)
    inside = os.open(workspace.path, os.O_PATH | os.O_DIRECTORY)  # stands for the mount
    try:
        outside = subprocess.run(
            ["cat", str(workspace.incoming / staged.name)], cwd="/", user=54321, group=54321, capture_output=True
        )
        through = subprocess.run(
            ["cat", f"incoming/{staged.name}"],
            user=54321,
            group=54321,
            capture_output=True,
            preexec_fn=lambda: os.fchdir(inside),
        )
    finally:
        os.close(inside)
    assert outside.returncode != 0
    assert through.stdout == b"day,amount\n1,2\n"


@as_root
def test_a_directory_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "home" / "sessions").mkdir(parents=True)
    os.chown(tmp_path / "home" / "sessions", 54321, 54321)
    assert code_of(lambda: Workspace.create(tmp_path / "home", "s1")) == "storage_unsafe"


def test_a_sessions_directory_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "home" / "sessions").symlink_to(tmp_path / "elsewhere")
    assert code_of(lambda: Workspace.create(tmp_path / "home", "s1")) == "storage_unsafe"


# --- tables and the end ---------------------------------------------------------------------------


def test_a_cached_table_is_linked_not_copied_and_linking_again_is_the_same(
    workspace: Workspace, tmp_path: Path
) -> None:
    entry = tmp_path / "home" / "k1" / "table.parquet"
    entry.parent.mkdir()
    entry.write_bytes(b"PAR1")
    name = workspace.link_table(entry)
    assert name == "k1.parquet"
    assert workspace.link_table(entry) == name
    assert (workspace.tables / name).stat().st_ino == entry.stat().st_ino
    assert stat.S_IMODE((workspace.tables / name).stat().st_mode) == 0o444
    assert [path.name for path in workspace.tables.iterdir()] == [name]


def test_a_cache_entry_that_is_gone_says_so(workspace: Workspace, tmp_path: Path) -> None:
    assert code_of(lambda: workspace.link_table(tmp_path / "k1" / "table.parquet")) == "cache_lost"


def test_files_can_be_let_go(workspace: Workspace, source: Path, tmp_path: Path) -> None:
    staged = workspace.stage_file(source, LIMIT)
    workspace.discard(staged.name)
    workspace.discard(staged.name)
    assert incoming(workspace) == []
    entry = tmp_path / "k1" / "table.parquet"
    entry.parent.mkdir()
    entry.write_bytes(b"PAR1")
    workspace.unlink_table(workspace.link_table(entry))
    assert list(workspace.tables.iterdir()) == []
    assert entry.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../s1", "a/b"])
def test_only_bare_names_are_let_go(workspace: Workspace, name: str) -> None:
    with pytest.raises(ValueError, match="bare"):
        workspace.discard(name)


def test_a_writer_of_an_incoming_file_that_fails_leaves_nothing(workspace: Workspace) -> None:
    def failing(path: Path) -> None:
        path.write_bytes(b"half")
        raise DataError("x", "x")

    assert code_of(lambda: workspace.stage_written(failing)) == "x"
    assert incoming(workspace) == []
    name, size = workspace.stage_written(lambda path: path.write_bytes(b"whole"))
    assert ((workspace.incoming / name).read_bytes(), size) == (b"whole", 5)


def test_removing_deletes_everything_and_can_be_done_twice(tmp_path: Path, source: Path) -> None:
    workspace = Workspace.create(tmp_path / "home", "s1")
    workspace.stage_file(source, LIMIT)
    workspace.remove()
    workspace.remove()
    assert list((tmp_path / "home" / "sessions").iterdir()) == []


def test_a_session_id_is_used_once_at_a_time(workspace: Workspace, tmp_path: Path) -> None:
    assert code_of(lambda: Workspace.create(tmp_path / "home", "s1")) == "session_exists"


@pytest.mark.parametrize("session", ["", "../x", "a/b", ".hidden", "x" * 65, "a b", "a\n"])
def test_a_session_id_cannot_leave_its_directory(tmp_path: Path, session: str) -> None:
    assert code_of(lambda: Workspace.create(tmp_path, session)) == "bad_session"


def test_a_home_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code_of(lambda: Workspace.create(tmp_path / "file" / "home", "s1")) == "storage_unwritable"
