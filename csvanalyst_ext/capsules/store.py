"""Run capsules: everything that happened for one question, in one directory, written at once.

Runs on the host.  It takes plain mappings, Arrow tables and bytes, and knows nothing of agents.

::

    <home>/capsules/20260131-142233-3fa9c1/
        capsule.json      the record, with the SHA-256 and size of every other file
        messages.json     what was said to the model and what it said, in the OpenAI format
        result-1.arrow    tables, in the order of the steps (Arrow IPC file, uncompressed)
        figure-1.png      figures, likewise

A capsule is complete or absent: it is written to a hidden directory beside the others, flushed to
the disk, and renamed.  It is readable by its owner only, since it holds data.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..datasets.storage import private_directory, storing
from ..errors import DataError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT: Final = 1
RECORD: Final = "capsule.json"
MESSAGES: Final = "messages.json"
_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,62}")
_TEMPORARY: Final = re.compile(r"\.(?:writing|removing)-(\d+)-.+")
ALWAYS_KEPT: Final = 20
"""Runs that stay whatever their age and size: a clock that jumped must not cost the last ones."""


def new_id(now: dt.datetime | None = None) -> str:
    """``YYYYMMDD-HHMMSS-xxxxxx``: the time of the question, in UTC.  Of the six hexadecimal digits the first four are
    the part of the second, so that names sort by time, and two are random."""
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond * 2**16 // 10**6:04x}{secrets.token_hex(1)}"


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of ``Store.list``."""

    id: str
    path: Path
    question: str
    mode: str
    model: str
    status: str
    rows: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: no older than ``days``, no more than ``runs``, no more than ``size`` bytes in all."""

    days: float
    runs: int
    size: int


@dataclass(frozen=True, slots=True)
class Capsule:
    """A capsule whose files have all been checked against their hashes."""

    id: str
    path: Path
    record: Mapping[str, Any]

    def messages(self) -> list[dict[str, Any]]:
        loaded: list[dict[str, Any]] = json.loads((self.path / MESSAGES).read_bytes())
        return loaded

    def table(self, name: str) -> pa.Table:
        """The table of the file ``name``, such as ``result-1.arrow``.  Raises ``DataError`` (``capsule_damaged``)."""
        import pyarrow as pa

        if name not in self.record["files"]:
            raise _damaged(self.id, f"it has no file {name!r}")
        try:
            with pa.OSFile(str(self.path / name)) as file, pa.ipc.open_file(file) as reader:
                return reader.read_all()
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self.id, f"{name} cannot be read") from error

    def file(self, name: str) -> bytes:
        """The bytes of the file ``name``, such as ``figure-1.png``.  Raises ``DataError`` (``capsule_damaged``)."""
        if name not in self.record["files"]:
            raise _damaged(self.id, f"it has no file {name!r}")
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise _damaged(self.id, f"{name} cannot be read") from error


class Store:
    """The capsules below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(
        self,
        record: Mapping[str, Any],
        results: Mapping[str, pa.Table] | None = None,
        artefacts: Mapping[str, bytes] | None = None,
        *,
        messages: tuple[Mapping[str, Any], ...] = (),
        id: str | None = None,
    ) -> Path:
        """Write one capsule and return its directory.  The keys of ``results`` and ``artefacts`` are file names.

        Raises ``StorageError`` (``disk_full``, ``storage_unwritable``, ``storage_unsafe``); then nothing is left of it.
        """
        name = id or new_id()
        final = self.root / name
        temporary = self.root / f".writing-{os.getpid()}-{name}"
        private_directory(self.root)
        with storing(self.root):
            temporary.mkdir(mode=0o700)
            try:
                self._write(temporary, name, record, results or {}, artefacts or {}, messages)
                temporary.rename(final)
            except BaseException:
                _discard(temporary, [*(results or {}), *(artefacts or {}), MESSAGES, RECORD])
                raise
            _flush_directory(self.root)
        return final

    def _write(
        self,
        directory: Path,
        name: str,
        record: Mapping[str, Any],
        results: Mapping[str, pa.Table],
        artefacts: Mapping[str, bytes],
        messages: tuple[Mapping[str, Any], ...],
    ) -> None:
        files: dict[str, dict[str, Any]] = {}
        for file, table in results.items():
            files[file] = _write_table(directory / _safe(file), table)
        for file, data in artefacts.items():
            files[file] = _write_bytes(directory / _safe(file), data)
        files[MESSAGES] = _write_bytes(directory / MESSAGES, _json(list(messages)))
        whole = {"format": FORMAT, "id": name, **record, "files": files}
        _write_bytes(directory / RECORD, _json(whole))
        _flush_directory(directory)

    def list(self) -> list[Summary]:
        """What there is, newest first.  A capsule that cannot be read is listed as ``damaged``."""
        return [self._summary(name) for name in reversed(self._ids())]

    def newest(self) -> str | None:
        """The id of the last run, if there is one."""
        ids = self._ids()
        return ids[-1] if ids else None

    def find(self, prefix: str) -> str:
        """The one id that ``prefix`` starts.  Raises ``UsageError`` (``capsule_unknown``, ``capsule_ambiguous``)."""
        ids = self._ids()
        if prefix in ids:
            return prefix
        matches = [name for name in ids if prefix and (name.startswith(prefix) or name.endswith("-" + prefix))]
        if not matches:
            raise UsageError("capsule_unknown", f"There is no run {prefix!r}.", "`%analyst runs` lists them.")
        if len(matches) > 1:
            shown = ", ".join(matches[:5])
            raise UsageError(
                "capsule_ambiguous", f"{len(matches)} runs start with {prefix!r}.", f"For example: {shown}."
            )
        return matches[0]

    def load(self, prefix: str) -> Capsule:
        """The capsule, every file of it checked.  Raises like ``find``, and ``DataError`` (``capsule_damaged``)."""
        name = self.find(prefix)
        path = self.root / name
        record = self._record(name)
        for file, facts in record["files"].items():
            if not _NAME.fullmatch(file) or not _matches(path / file, facts):
                raise _damaged(name, f"{file} is not what was written")
        return Capsule(name, path, record)

    def prune(self, retention: Retention, now: dt.datetime | None = None) -> int:
        """Remove the oldest runs until the rest is within ``retention``; how many.  Never raises.

        The newest ``ALWAYS_KEPT`` stay.  A run disappears whole: whoever reads it meanwhile gets ``capsule_damaged``.
        """
        oldest = new_id((now or dt.datetime.now(dt.UTC)) - dt.timedelta(days=min(retention.days, 36_500)))
        names = list(reversed(self._ids()))
        total = removed = 0
        for position, name in enumerate(names):
            total += _size(self.root / name)
            if position < ALWAYS_KEPT:
                continue
            if position >= retention.runs or total > retention.size or name < oldest:
                removed += self._remove(name)
        return removed

    def _remove(self, name: str) -> bool:
        grave = self.root / f".removing-{os.getpid()}-{name}"
        with contextlib.suppress(OSError):
            (self.root / name).rename(grave)
            shutil.rmtree(grave, ignore_errors=True)
            return True
        return False

    def sweep(self) -> int:
        """Remove what writers left that died half-way, and say how many."""
        removed = 0
        with contextlib.suppress(OSError):
            for entry in list(self.root.iterdir()):
                found = _TEMPORARY.fullmatch(entry.name)
                if found and not _alive(int(found[1])):
                    shutil.rmtree(entry, ignore_errors=True)
                    removed += 1
        return removed

    def _ids(self) -> Sequence[str]:
        try:
            return sorted(entry.name for entry in self.root.iterdir() if _ID.fullmatch(entry.name))
        except OSError:
            return []

    def _record(self, name: str) -> dict[str, Any]:
        try:
            record = json.loads((self.root / name / RECORD).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(name, f"{RECORD} cannot be read") from error
        if not isinstance(record, dict) or record.get("id") != name or not isinstance(record.get("files"), dict):
            raise _damaged(name, f"{RECORD} does not describe it")
        if record.get("format") != FORMAT:
            raise DataError(
                "capsule_version",
                f"Run {name} was kept in format {record.get('format')!r}; this version reads {FORMAT}.",
                "Use the version that wrote it.",
            )
        return record

    def _summary(self, name: str) -> Summary:
        path = self.root / name
        try:
            record = self._record(name)
            steps = record["steps"]
            rows = next((step["row_count"] for step in reversed(steps) if step.get("result")), None)
            seconds = float(record["timings"].get("total", 0.0))
            return Summary(
                name, path, record["question"], record["mode"], record["model"], record["status"], rows, seconds
            )
        except (DataError, KeyError, TypeError, AttributeError, ValueError):
            return Summary(name, path, "", "", "", "damaged", None, 0.0)


# --- files ----------------------------------------------------------------------------------------


class _Hashing:
    """A file object for pyarrow that keeps hash and size of what goes through."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.sha256 = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.sha256.update(view)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self.size += memoryview(data).nbytes
        return memoryview(data).nbytes

    def tell(self) -> int:
        return self.size

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def facts(self) -> dict[str, Any]:
        return {"sha256": self.sha256.hexdigest(), "bytes": self.size}


@contextlib.contextmanager
def _create(path: Path) -> Iterator[_Hashing]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield (file := _Hashing(descriptor))
        file.flush()
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_bytes(path: Path, data: bytes) -> dict[str, Any]:
    with _create(path) as file:
        file.write(data)
    return file.facts()


def _write_table(path: Path, table: pa.Table) -> dict[str, Any]:
    import pyarrow as pa

    with _create(path) as file, pa.ipc.new_file(pa.PythonFile(file, "w"), table.schema) as writer:
        writer.write_table(table)
    return {**file.facts(), "rows": table.num_rows, "columns": table.num_columns}


def _discard(directory: Path, files: Sequence[str]) -> None:
    """By name: listing a directory takes a descriptor, and the want of one may be what failed."""
    for name in files:
        with contextlib.suppress(OSError):
            (directory / name).unlink()
    with contextlib.suppress(OSError):
        directory.rmdir()


def _size(directory: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(directory))
    return 0


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _matches(path: Path, facts: Any) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            return bool(hashlib.file_digest(file, "sha256").hexdigest() == facts["sha256"])
    except (OSError, KeyError, TypeError):
        return False


def _safe(name: str) -> str:
    if not _NAME.fullmatch(name) or name in (RECORD, MESSAGES):
        raise ValueError(f"not a file name of a capsule: {name!r}")
    return name


def _json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return text.encode("utf-8", "replace") + b"\n"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _damaged(name: str, why: str) -> DataError:
    return DataError("capsule_damaged", f"Run {name} is damaged: {why}.", "Ask the question again for a new one.")
