"""A capsule as one file, to keep or to give away: a ZIP archive of its files.

Runs on the host.  The same capsule always gives the same bytes.  Reading one is reading something that
anybody may have made: names, sizes and hashes are checked before anything of it is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..datasets.storage import storing
from ..errors import DataError, UsageError
from .store import FORMAT, RECORD, Capsule

SUFFIX: Final = ".zip"
MAX_FILES: Final = 1_000
MAX_BYTES: Final = 4 * 1024**3
_NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,62}")
_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT: Final = frozenset({"sources"})
"""Of the record: where on this machine the data lay."""


def export(capsule: Capsule, path: Path) -> Path:
    """Write ``capsule`` to ``path`` (``.zip``), in place of what was there; the path.

    Raises ``UsageError`` (``bad_option``) and ``StorageError``.
    """
    if path.suffix.lower() != SUFFIX:
        raise UsageError("bad_option", f"A run is exported as {SUFFIX}, not as {path.name!r}.", f"Write NAME{SUFFIX}.")
    record = {key: value for key, value in capsule.record.items() if key not in _LEFT_OUT}
    text = json.dumps(record, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"
    written = path.with_name(f".{path.name}.writing")
    with storing(path.parent):
        try:
            with zipfile.ZipFile(written, "w") as archive:
                _add(archive, RECORD, text)
                for name in sorted(capsule.record["files"]):
                    _add(archive, name, (capsule.path / name).read_bytes())
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
    return path


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.external_attr = 0o600 << 16
    archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 6)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Capsule]:
    """The capsule of an exported file, unpacked for as long as the block lasts.

    Raises ``DataError`` (``capsule_damaged``, ``capsule_version``, ``data_not_found``).
    """
    if not path.is_file():
        raise DataError("data_not_found", f"There is no file {str(path)!r}.", "Give a run's id, or an exported run.")
    with tempfile.TemporaryDirectory(prefix="csvanalyst-") as directory:
        try:
            capsule = _unpacked(path, Path(directory))
        except (
            zipfile.BadZipFile,
            OSError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,
            NotImplementedError,
        ) as error:
            raise _damaged(path, f"it cannot be read ({type(error).__name__})") from error
        yield capsule


def _unpacked(path: Path, directory: Path) -> Capsule:
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if RECORD not in entries or len(entries) > MAX_FILES or sum(e.file_size for e in entries.values()) > MAX_BYTES:
            raise _damaged(path, "it is no run, or a very large one")
        record: Any = json.loads(archive.read(RECORD))
        if not isinstance(record, dict) or not _ID.fullmatch(str(record.get("id"))):
            raise _damaged(path, f"{RECORD} does not describe it")
        if record.get("format") != FORMAT:
            message = f"{path.name} is of format {record.get('format')!r}; this version reads {FORMAT}."
            raise DataError("capsule_version", message, "Use the version that wrote it.")
        for name, facts in record["files"].items():
            if not _NAME.fullmatch(name) or name == RECORD or name not in entries:
                raise _damaged(path, "a file of it is missing")
            data = archive.read(name)
            if hashlib.sha256(data).hexdigest() != facts["sha256"]:
                raise _damaged(path, f"{name} is not what was written")
            (directory / name).write_bytes(data)
    return Capsule(str(record["id"]), directory, record)


def _damaged(path: Path, why: str) -> DataError:
    return DataError("capsule_damaged", f"{path.name} is damaged: {why}.", "Export the run once more.")
