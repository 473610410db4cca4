"""Ingested tables, kept by what they were made from, so that a file is parsed once.

Runs on the host.  Stores bytes that the sandbox made and never reads what they mean.

::

    <home>/cache/<key[:2]>/<key>/table.parquet
                                 entry.json      size, sha256 and the checked report

An entry appears whole by one rename or not at all.  ``get`` believes nothing: sizes, hash and report
are checked again, and an entry that does not fit is deleted and counts as missing.  The bytes of a table
whose times have not changed since they were last hashed are not hashed again (see ``known``).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..errors import AnalystError, DataError, RunnerMisbehaved, StorageError
from .known import Known
from .opening import Signature
from .report import checked_report
from .staging import private_home
from .storage import private_directory, size_text, storing

CACHE: Final = "cache"
VERSION: Final = 1
MAX_ENTRY_JSON: Final = 64 * 1024 * 1024
STALE_SECONDS: Final = 60
"""What is older and nobody holds was left by a process that died; where there are no locks, what is a day old."""
HASHED_ALWAYS: Final = 32 * 1024 * 1024
"""Bytes below which a table is hashed each time, because that takes no time."""
_TABLE: Final = "table.parquet"
_ENTRY: Final = "entry.json"
_KEY: Final = re.compile(r"[0-9a-f]{64}\Z")
_TEMPORARY: Final = "tmp-"
_MAGIC: Final = b"PAR1"


@dataclass(frozen=True, slots=True)
class Entry:
    """``path`` is the Parquet file; ``report`` is checked (see ``report``)."""

    key: str
    path: Path
    size: int
    sha256: str
    report: Mapping[str, Any]


def cache_key(
    fingerprint: str, format: str, compression: str, options: Mapping[str, str | bool], ingest_version: str
) -> str:
    """The key of what these bytes become when this version of the ingest reads them so."""
    parts = [VERSION, fingerprint, format, compression, sorted(options.items()), ingest_version]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()


class Writer:
    """A new entry in the making.  ``write`` is a ``BodySink``."""

    def __init__(self, cache: Cache, key: str | None, directory: Path, max_bytes: int | None) -> None:
        self._cache = cache
        self._key = key
        self._sha256: str | None = None
        self._directory = directory
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._size = 0
        self._ends = (b"", b"")
        self._out = (directory / _TABLE).open("xb", buffering=0)
        with suppress(OSError):  # a disk without locks; then ``_held`` sees none
            fcntl.flock(self._out, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, data: bytes) -> None:
        """Append.  Raises ``StorageError``, or ``DataError`` (``data_too_large``) past the cap."""
        self._size += len(data)
        if self._max_bytes is not None and self._size > self._max_bytes:
            raise DataError(
                "data_too_large",
                f"The data would take more than {size_text(self._max_bytes)} when ingested.",
                "Raise CSVANALYST_MAX_SOURCE, or add a part of the data.",
            )
        self._digest.update(data)
        self._ends = ((self._ends[0] + data[:4])[:4], (self._ends[1] + data[-4:])[-4:])
        view = memoryview(data)
        with storing(self._directory):
            while view:
                view = view[self._out.write(view) :]

    @property
    def path(self) -> Path:
        """Where the table lies until ``commit``."""
        return self._directory / _TABLE

    def adopt(self, path: Path, sha256: str) -> None:
        """Take the file ``path``, whose hash is known, for the table; it is moved.  Raises ``StorageError``."""
        with storing(self._directory):
            self._out.close()
            path.replace(self.path)
            with self.path.open("rb") as file:
                self._size = os.fstat(file.fileno()).st_size
                start = file.read(4)
                file.seek(max(0, self._size - 4))
                self._ends = (start, file.read(4))
        self._sha256 = sha256

    def commit(self, report: Mapping[str, Any], key: str | None = None) -> Entry:
        """Keep the entry, under ``key`` unless it was given before.  When another process was first, its entry,
        which is as good, is the result.

        Raises ``RunnerMisbehaved`` (``bad_report``, ``bad_table``) or ``StorageError``.
        """
        key = key or self._key
        if key is None:
            raise ValueError("an entry needs a key")
        sha256 = self._sha256 or self._digest.hexdigest()
        checked = checked_report(report)
        if self._ends != (_MAGIC, _MAGIC) or self._size < 12:
            raise RunnerMisbehaved("bad_table", "The sandbox sent a table that is not a Parquet file.")
        record = {"version": VERSION, "size": self._size, "sha256": sha256, "report": checked}
        with storing(self._directory):
            self._out.close()
            (self._directory / _TABLE).chmod(0o444)
            (self._directory / _ENTRY).write_text(json.dumps(record), "utf-8")
        other = self._cache.adopt(key, self._directory)
        if other is None:
            self._cache.remember(self._cache.path(key), sha256)
        return other or Entry(key, self._cache.path(key), self._size, sha256, checked)

    def close(self) -> None:
        with suppress(OSError):
            self._out.close()


class Cache:
    """The cache below ``home``.  Any number of processes may use it at once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._known = Known(home)
        self.root = home / CACHE

    def get(self, key: str) -> Entry | None:
        """The whole, undamaged entry; ``None`` when there is none.  Marks it as just used."""
        directory = self._place(key)
        if not directory.is_dir():
            return None
        entry = self._read(key, directory)
        if entry is None:
            self._discard(directory)
            return None
        with suppress(OSError):
            os.utime(directory / _ENTRY)
        return entry

    @contextmanager
    def writer(self, key: str | None = None, *, max_bytes: int | None = None) -> Iterator[Writer]:
        """A writer for a new entry; without ``commit`` nothing stays.  Raises ``StorageError``."""
        if key is not None:
            self._place(key)
        root = private_directory(private_home(self._home) / CACHE)
        directory = root / f"{_TEMPORARY}{secrets.token_hex(8)}"
        with storing(root):
            directory.mkdir(0o700)
        try:
            with storing(directory):
                writer = Writer(self, key, directory, max_bytes)
            try:
                yield writer
            finally:
                writer.close()
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def adopt(self, key: str, directory: Path) -> Entry | None:
        """Move a finished directory into its place (for ``Writer``): ``None`` when that was done, or the whole
        entry that another process put there first."""
        place = self._place(key)
        with storing(place):
            place.parent.mkdir(mode=0o700, exist_ok=True)
        for _ in range(3):
            try:
                directory.rename(place)
                return None
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    with storing(place):
                        raise
            # get() deletes a damaged entry, and then ours can take its place.
            if (entry := self.get(key)) is not None:
                return entry
            with suppress(OSError):
                if not place.is_dir():
                    place.unlink()
        raise StorageError("storage_unwritable", f"{place} cannot be replaced.", "Delete it, or check the disk.")

    def prune(self, max_bytes: int, keep: frozenset[str] = frozenset(), now: float | None = None) -> int:
        """Delete the entries that were used longest ago until the rest fits: the bytes that were freed.

        Entries of ``keep`` stay.  Also deletes what crashed writers left.  Never raises.
        """
        now = time.time() if now is None else now
        entries: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for item in self.root.iterdir():
                if item.name.startswith(_TEMPORARY):
                    with suppress(OSError):
                        age = now - item.stat().st_mtime
                        if age > 24 * 3600 or (age > STALE_SECONDS and not _held(item / _TABLE)):
                            shutil.rmtree(item, ignore_errors=True)
                elif item.is_dir():
                    entries.extend(self._usage(item))
        total, freed = sum(size for _, size, _ in entries), 0
        for _, size, directory in sorted(entries):
            if total - freed <= max_bytes:
                break
            if directory.name not in keep:
                self._discard(directory)
                freed += size
        return freed

    def path(self, key: str) -> Path:
        """Where the Parquet file of that entry lies, if there is one."""
        return self._place(key) / _TABLE

    def _place(self, key: str) -> Path:
        if not _KEY.match(key):
            raise ValueError(f"{key!r} is not a cache key")
        return self.root / key[:2] / key

    def _read(self, key: str, directory: Path) -> Entry | None:
        path, record = directory / _TABLE, directory / _ENTRY
        try:
            if record.is_symlink() or path.is_symlink() or record.stat().st_size > MAX_ENTRY_JSON:
                return None
            raw = json.loads(record.read_text("utf-8"))
            size, sha256 = raw["size"], raw["sha256"]
            if raw["version"] != VERSION or path.stat().st_size != size:
                return None
            if not self._whole(path, sha256):
                return None
            return Entry(key, path, size, sha256, checked_report(raw["report"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError, AnalystError):
            return None

    def _whole(self, path: Path, sha256: str) -> bool:
        """Whether the table's bytes have that hash."""
        looks = _looks(path)
        if looks.size >= HASHED_ALWAYS and self._known.find(looks) == sha256:
            return True
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return False
        self.remember(path, sha256)
        return True

    def remember(self, path: Path, sha256: str) -> None:
        """Note that the table was seen to be whole: nobody writes to it from now on."""
        with suppress(OSError, StorageError):
            looks = _looks(path)
            if looks.size >= HASHED_ALWAYS:
                self._known.remember(looks, sha256)

    def _usage(self, group: Path) -> list[tuple[float, int, Path]]:
        found = []
        with suppress(OSError):
            for directory in group.iterdir():
                with suppress(OSError):
                    record, table = (directory / _ENTRY).stat(), (directory / _TABLE).stat()
                    found.append((record.st_mtime, record.st_size + table.st_size, directory))
                    continue
                found.append((0.0, 0, directory))
        return found

    def _discard(self, directory: Path) -> None:
        """Delete an entry so that nobody sees half of it."""
        grave = self.root / f"{_TEMPORARY}{secrets.token_hex(8)}"
        try:
            directory.rename(grave)
        except OSError:
            grave = directory
        shutil.rmtree(grave, ignore_errors=True)


def _held(table: Path) -> bool:
    """Whether a living process writes it, as far as can be told."""
    try:
        with table.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _looks(path: Path) -> Signature:
    """Without ``ctime``: sessions make and remove links to a table."""
    return replace(Signature.of(path.stat()), ctime_ns=0)
