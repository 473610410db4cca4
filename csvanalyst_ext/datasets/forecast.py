"""What adding a file will need, and whether there is room for it: asked before any work starts.

Runs on the host.  Looks at sizes, at the length that a gzip file states, and at holes; reads no data.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import DataError, StorageError
from .opening import opened
from .storage import RESERVE, free_bytes, size_text

TABLE_SHARE: Final = 0.6
"""Bytes of Parquet for a byte of text.  0.2 to 0.6 were measured; text that nothing compresses takes more."""
LONGEST_HOLE: Final = 16 * 1024 * 1024
"""A hole reads as zero bytes, and no line of a text is longer than this (see the ingest's own cap)."""
_GZIP: Final = b"\x1f\x8b"
_WRAP: Final = 2**32


@dataclass(frozen=True, slots=True)
class Forecast:
    """Bytes: of the text once unpacked (at least), of the copy in the session's directory, of the table."""

    text: int
    copy: int
    table: int

    @property
    def needed(self) -> int:
        return self.copy + self.table + RESERVE


def forecast(path: Path, format_: str, compression: str, max_bytes: int, *, linked: bool) -> Forecast:
    """What the file ``path`` will need.  ``linked`` says that it is not copied.

    Raises ``DataError``: as ``opening.opened``, ``data_too_large`` for what it unpacks to, ``data_sparse``.
    """
    with opened(path, max_bytes) as (source, facts):
        text = facts.size
        if compression == "gzip":
            text = _unpacked(source, facts.size)
            if text > max_bytes:
                raise DataError(
                    "data_too_large",
                    f"{path.name!r} unpacks to {size_text(text)}; at most {size_text(max_bytes)} are read.",
                    "Raise CSVANALYST_MAX_SOURCE, or add a part of the data.",
                    size=text,
                    limit=max_bytes,
                )
        elif format_ in ("csv", "tsv", "json") and (hole := _hole(source, facts.size)):
            raise DataError(
                "data_sparse",
                f"{path.name!r} has a hole: {size_text(hole[1] - hole[0])} from byte {hole[0]:,} on were never "
                "written.",
                "It was not saved or downloaded completely; fetch it again.",
                start=hole[0],
                end=hole[1],
            )
        copy = 0 if linked else facts.size
        # A Parquet file's own copy becomes the table, unless it must be written anew.
        table = 0 if format_ == "parquet" else int(text * TABLE_SHARE)
        return Forecast(text, copy, table)


def require(needs: Forecast, path: Path, place: Path) -> None:
    """Raises ``StorageError`` (``disk_full``) with the numbers when there is no room below ``place``."""
    free = free_bytes(place)
    if free >= needs.needed:
        return
    parts = [f"{size_text(needs.table)} for the table"] if needs.table else []
    parts += [f"{size_text(needs.copy)} for a copy"] if needs.copy else []
    raise StorageError(
        "disk_full",
        f"Adding {path.name!r} would need about {size_text(needs.needed)} on the disk of {place} "
        f"({', '.join([*parts, f'{size_text(RESERVE)} in reserve'])}), and {size_text(free)} are free. "
        "Nothing was read.",
        "Free some space, set CSVANALYST_HOME to a directory on a larger disk, or add a part of the data.",
        free=free,
        needed=needs.needed,
    )


def _unpacked(source: int, size: int) -> int:
    """The least that a gzip file unpacks to, by the length it states at its end.  That is the length of its last
    part modulo 2^32; packing hardly ever makes data longer."""
    if size < 18 or os.pread(source, 2, 0) != _GZIP:
        return size
    (stated,) = struct.unpack("<I", os.pread(source, 4, size - 4))
    return int(stated + -(-max(0, size - size // 100 - 64 - stated) // _WRAP) * _WRAP)


def _hole(source: int, size: int) -> tuple[int, int] | None:
    """The first hole that is too long, as (start, end) in bytes.  File systems without holes have none."""
    place = 0
    try:
        while place < size:
            start = os.lseek(source, place, os.SEEK_HOLE)
            if start >= size:
                return None
            try:
                end = os.lseek(source, start, os.SEEK_DATA)
            except OSError:  # nothing but the hole
                end = size
            if end - start > LONGEST_HOLE:
                return start, end
            place = end
    except (OSError, AttributeError):
        return None
    finally:
        os.lseek(source, 0, os.SEEK_SET)
    return None
