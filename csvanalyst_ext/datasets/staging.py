"""The session's data directory, which the sandbox sees read-only as ``/data``.

Runs on the host.  Copies bytes and never looks at what they mean.

::

    <home>/sessions/            0700, the gate: other users of this machine stop here
        <id>.owner              who made it; locked as long as that process lives
        <id>/                   0755, mounted: the sandbox's user is another one and must get in
            incoming/           sources on their way to being ingested
            tables/             Parquet files of registered tables
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from ..errors import DataError, StorageError, UsageError
from .opening import Signature, opened, too_large
from .owners import Claim, release_dead
from .storage import private_directory, require_room, storing

SESSIONS: Final = "sessions"
LINK_LEAST: Final = 32 * 1024 * 1024
"""Bytes from which on a file is not copied to be read, where it can be."""
_RESTED_NS: Final = 100_000_000
_BLOCK: Final = 1024 * 1024
_TOLD_EVERY: Final = 16 * _BLOCK
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_OWNER: Final = ".owner"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Staged:
    """A source in the incoming directory.  ``name`` is bare; ``signature`` is the source's when it was read.
    ``sha256`` is empty for one that was linked: nothing of it was read yet."""

    name: str
    size: int
    sha256: str
    signature: Signature


class Workspace:
    """One session's data directory.  Made by ``create``; ``remove`` (or leaving a ``with``) deletes it."""

    def __init__(self, path: Path, claim: Claim) -> None:
        self.path = path
        self.incoming = path / "incoming"
        self.tables = path / "tables"
        self._claim = claim

    @classmethod
    def create(cls, home: Path, session: str) -> Self:
        """A new workspace below ``home``.

        Raises ``UsageError`` (``bad_session``, ``session_exists``) or ``StorageError``.
        """
        if not _ID.match(session):
            raise UsageError("bad_session", f"{session!r} cannot name a session.")
        sessions = private_directory(private_home(home) / SESSIONS)
        path = sessions / session
        with storing(sessions):
            try:
                claim = Claim.take(sessions / f"{session}{_OWNER}")
            except FileExistsError as error:
                raise UsageError("session_exists", f"There already is a session {session!r}.") from error
        workspace = cls(path, claim)
        try:
            workspace.restore()
        except BaseException:
            workspace.remove()
            raise
        return workspace

    @property
    def whole(self) -> bool:
        """Whether its directories are there; others may have cleaned up too much."""
        return self.incoming.is_dir() and self.tables.is_dir()

    def has_table(self, name: str) -> bool:
        return (self.tables / name).is_file()

    def restore(self) -> None:
        """Make the directories that are missing.  Raises ``StorageError``."""
        private_directory(self.path.parent)
        with storing(self.path):
            for directory in (self.path, self.incoming, self.tables):
                directory.mkdir(exist_ok=True)
                directory.chmod(0o755)

    def link_file(self, path: Path, max_bytes: int) -> Staged | None:
        """Make the regular file ``path`` itself a file of the incoming directory, without copying it.

        ``None`` where that is not possible or not wise: see ``linkable``.  Who uses it must make sure
        afterwards that it was not written to meanwhile (``Signature.same_bytes``).  Raises ``DataError`` (see
        ``opening.opened``).
        """
        with opened(path, max_bytes) as (source, before):
            if not linkable(os.fstat(source)):
                return None
            name = secrets.token_hex(16)
            try:
                directory = os.open(self.incoming, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                return None
            try:  # by the descriptor that was checked, whatever lies under the name by now
                os.link(f"/proc/self/fd/{source}", name, dst_dir_fd=directory, follow_symlinks=True)
                linked = Signature.of(os.stat(name, dir_fd=directory, follow_symlinks=False))
            except OSError:  # another disk, or a system without such links
                return None
            finally:
                os.close(directory)
        if not before.same_bytes(linked):
            self.discard(name)
            return None
        return Staged(name, before.size, "", before)

    def hash_file(self, name: str, stopped: Callable[[], bool]) -> str:
        """The SHA-256 (hex) of a file of the incoming directory; empty when ``stopped`` says so meanwhile.

        Raises ``DataError`` (``data_unreadable``).
        """
        digest, buffer = hashlib.sha256(), bytearray(_BLOCK)
        try:
            with (self.incoming / _bare(name)).open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    if stopped():
                        return ""
                    digest.update(memoryview(buffer)[:count])
        except OSError as error:
            raise DataError("data_unreadable", f"Reading failed: {error.strerror or error}.") from error
        return digest.hexdigest()

    def stage_linked(self, path: Path) -> str:
        """Make a file of this package's own (a table in the making) a file of the incoming directory: its bare name.

        Raises ``StorageError``.
        """

        def link(target: Path) -> None:
            try:
                os.link(path, target)
            except OSError:  # a file system without links
                shutil.copyfile(path, target)

        return self._write(link, None)[0]

    def stage_file(self, path: Path, max_bytes: int, copied: Callable[[int], object] = lambda _: None) -> Staged:
        """Copy the regular file ``path`` into the incoming directory while hashing it.  ``copied`` is called with
        the bytes so far.

        Raises ``DataError`` (see ``opening.opened``; also ``data_changed`` when it is written to meanwhile) or
        ``StorageError``.  Nothing is left behind then.
        """
        with opened(path, max_bytes) as (source, before):
            require_room(self.path, before.size)
            digest = hashlib.sha256()

            def copy(target: Path) -> int:
                with target.open("xb", buffering=0) as out:
                    return _copy(path, source, out.fileno(), digest.update, before.size, max_bytes, copied)

            name, size = self._write(copy, before.size)
            after = Signature.of(os.fstat(source))
        if size != before.size or after != before:
            self.discard(name)
            raise DataError(
                "data_changed",
                f"{path.name!r} was written to while it was read, so the copy may be half old and half new.",
                "Add it again when the writing is done.",
            )
        return Staged(name, size, digest.hexdigest(), before)

    def stage_written(self, write: Callable[[Path], T]) -> tuple[str, T]:
        """Let ``write`` make a new file in the incoming directory: its bare name, and what ``write`` gave."""
        return self._write(write, None)

    def discard(self, name: str) -> None:
        """Delete a file from the incoming directory; a missing one is fine."""
        with suppress(OSError):
            (self.incoming / _bare(name)).unlink()

    def link_table(self, entry: Path) -> str:
        """Make the cached Parquet file ``entry`` a table file: its bare name there.

        The name is made from the name of the entry's directory (its key), so linking twice is once.
        Raises ``StorageError``; ``cache_lost`` when the entry is gone.
        """
        name = f"{entry.parent.name}.parquet"
        target = self.tables / name
        temporary = self.tables / f".{secrets.token_hex(8)}"
        try:
            try:
                os.link(entry, temporary)
            except FileNotFoundError:
                raise
            except OSError:  # another file system, or one without links
                size = entry.stat().st_size
                require_room(self.tables, size)
                with storing(self.tables, size):
                    shutil.copyfile(entry, temporary)
            with storing(self.tables):
                temporary.chmod(0o444)
                temporary.replace(target)
        except FileNotFoundError as error:
            raise StorageError(
                "cache_lost", "A cached table was removed by another process.", "Add the data again."
            ) from error
        finally:
            with suppress(OSError):  # two links to one file: replace() leaves the old name
                temporary.unlink()
        return name

    def unlink_table(self, name: str) -> None:
        """Delete a table file; a missing one is fine."""
        with suppress(OSError):
            (self.tables / _bare(name)).unlink()

    def remove(self) -> None:
        """Delete everything.  Never raises; can be called twice; does nothing in a forked child."""
        if self._claim.ours:
            shutil.rmtree(self.path, ignore_errors=True)
            self._claim.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _write(self, write: Callable[[Path], T], needed: int | None) -> tuple[str, T]:
        name = secrets.token_hex(16)
        target = self.incoming / name
        try:
            with storing(self.incoming, needed):
                result = write(target)
                target.chmod(0o444)
        except BaseException:
            with suppress(OSError):
                target.unlink()
            raise
        return name, result


def sweep(home: Path) -> tuple[str, ...]:
    """Delete the workspaces below ``home`` whose owners are dead; the ids of those deleted.  Never raises."""
    sessions = home / SESSIONS
    removed = []
    with suppress(OSError):
        entries = [entry for entry in sessions.iterdir() if not entry.is_symlink()]
        owners = {entry.name.removesuffix(_OWNER) for entry in entries if entry.name.endswith(_OWNER)}
        # A claim is made before its directory and deleted after it: a directory alone has lost its owner.
        ids = owners | {entry.name for entry in entries if entry.is_dir()}
        for session in sorted(filter(_ID.match, ids)):
            path = sessions / session
            if release_dead(sessions / f"{session}{_OWNER}", partial(shutil.rmtree, path, ignore_errors=True)):
                removed.append(session)
    return tuple(removed)


def private_home(home: Path) -> Path:
    """``home``, made if missing.  Its mode is the person's business: every directory made in it is private."""
    with storing(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def _copy(
    path: Path,
    source: int,
    target: int,
    update: Callable[[memoryview], object],
    expected: int,
    max_bytes: int,
    told: Callable[[int], object],
) -> int:
    """Bytes copied; stops just past ``expected``, for a file that grows has changed."""
    buffer = memoryview(bytearray(_BLOCK))
    copied = 0
    while copied <= expected:
        try:
            count = os.readv(source, [buffer])
        except OSError as error:
            raise DataError("data_unreadable", f"Reading {str(path)!r} failed: {error.strerror or error}.") from error
        if not count:
            break
        copied += count
        if copied > max_bytes:
            raise too_large(path, copied, max_bytes)
        update(buffer[:count])
        written = 0
        while written < count:
            written += os.write(target, buffer[written:count])
        if copied % _TOLD_EVERY == 0:
            told(copied)
    return copied


def linkable(facts: os.stat_result) -> bool:
    """Whether the sandbox may be given the file itself: it is large enough to be worth it, the sandbox's user can
    read it and could not write it even without a read-only mount, and it has rested (a write just after the last
    one may leave no trace in its times)."""
    rested = time.time_ns() - facts.st_mtime_ns > _RESTED_NS
    readable, writable = facts.st_mode & stat.S_IROTH, facts.st_mode & stat.S_IWOTH
    return facts.st_size >= LINK_LEAST and facts.st_uid == os.geteuid() and bool(readable and not writable and rested)


def _bare(name: str) -> str:
    if not name or "/" in name or name in (".", ".."):
        raise ValueError(f"{name!r} is not a bare file name")
    return name
