"""Whether what a step gives now is what its capsule keeps: tables, pictures, charts.

Runs on the host; pure.  Nothing is drawn and no pixel is looked at: pictures are compared by what they
unpack to, so that a writer's remarks in the file do not count.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from ..execution.base import Artefact

if TYPE_CHECKING:
    import pyarrow as pa

Verdict = Literal["same", "different", "cannot"]
_CLOSE: Final = 1e-9
_MOST_COMPARED: Final = 200_000
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = struct.Struct(">IIBBBBB")
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a pixel by the colour type of a PNG file."""
_MOST_UNPACKED: Final = 256 * 1024 * 1024
_SHOWN_BY: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"})
"""Chunks that decide what is seen; others hold remarks, times and resolutions."""


def tables(then: pa.Table, now: pa.Table) -> tuple[Verdict, str]:
    """Verdict and why, in a sentence that is empty for plainly the same."""
    if then.schema.names != now.schema.names or then.schema.types != now.schema.types:
        return "different", "Its columns are others."
    if then.num_rows != now.num_rows:
        return "different", f"Then it had {then.num_rows:,} rows, now {now.num_rows:,}."
    if then.equals(now):
        return "same", ""
    if then.num_rows * max(then.num_columns, 1) > _MOST_COMPARED:
        return "different", "Its values or their order are others; it is too large to compare further."
    before, after = ([tuple(row.values()) for row in table.to_pylist()] for table in (then, now))
    return _rows(before, after, "row")


def _rows(before: Sequence[tuple[Any, ...]], after: Sequence[tuple[Any, ...]], called: str) -> tuple[Verdict, str]:
    """The same for rows, as many on each side."""
    if _alike(before, after):
        return "same", "Up to the last digits of its numbers."
    if _alike(sorted(before, key=_order), sorted(after, key=_order)):
        return "same", f"The same {called}s in another order."
    rows = [number for number, (one, other) in enumerate(zip(before, after, strict=True), 1) if not _equal(one, other)]
    return "different", f"{len(rows):,} of {len(before):,} {called}s differ, the first is {called} {rows[0]:,}."


def _order(row: tuple[Any, ...]) -> list[str]:
    """A key under which rows that only differ in last digits stand side by side."""
    return [f"{value:.8e}" if isinstance(value, float) else repr(value) for value in row]


def _alike(before: Sequence[Any], after: Sequence[Any]) -> bool:
    return all(_equal(one, other) for one, other in zip(before, after, strict=True))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_nan = one != one and other != other
        return both_nan or one == other or abs(one - other) <= _CLOSE * max(abs(one), abs(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and _alike(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


# --- pictures and charts --------------------------------------------------------------------------


def figures(then: Sequence[bytes], now: Sequence[Artefact]) -> tuple[Verdict, str]:
    """The same for what a step drew, in its order; the worst of them decides."""
    if len(then) != len(now):
        return "different", f"Then it drew {_counted(len(then))}, now {_counted(len(now))}."
    found = [_figure(kept, drawn) for kept, drawn in zip(then, now, strict=True)]
    for worst in ("different", "cannot"):
        for number, (verdict, why) in enumerate(found, 1):
            if verdict == worst:
                return verdict, f"Figure {number}: {why}"
    return "same", " ".join(f"Figure {number}: {why}" for number, (_, why) in enumerate(found, 1) if why)


def _figure(kept: bytes, drawn: Artefact) -> tuple[Verdict, str]:
    if kept == drawn.data:
        return "same", ""
    if drawn.kind == "image/png":
        return _pictures(kept, drawn.data)
    try:
        return charts(json.loads(kept), json.loads(drawn.data))
    except (ValueError, RecursionError):
        return "cannot", "It is no picture and no chart that can be compared, and its bytes are others."


def charts(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Verdict, str]:
    """Two Vega-Lite specifications: what is drawn, and the rows that it is drawn of."""
    rows = [spec.get("data", {}).get("values", []) for spec in (then, now)]
    if not _equal({**then, "data": None}, {**now, "data": None}):
        return "different", "The chart is specified in another way."
    if len(rows[0]) != len(rows[1]):
        return "different", f"Then it was drawn of {len(rows[0]):,} rows, now of {len(rows[1]):,}."
    if rows[0] == rows[1]:
        return "same", ""
    before, after = ([tuple(row.items()) for row in side] for side in rows)
    return _rows(before, after, "drawn row")


def _pictures(then: bytes, now: bytes) -> tuple[Verdict, str]:
    before, after = _unpacked(then), _unpacked(now)
    if before is None or after is None:
        return "cannot", "Its bytes are others, and it is too large or too unusual to compare what it shows."
    if before == after:
        return "same", "The same picture, packed in another way."
    sizes = [f"{width} × {height}" for width, height, *_ in (before[0], after[0])]
    if sizes[0] != sizes[1]:
        return "different", f"Then the picture had {sizes[0]} pixels, now {sizes[1]}."
    return "different", "It is another picture."


def _unpacked(png: bytes) -> tuple[tuple[int, ...], dict[bytes, bytes]] | None:
    """The header of a PNG file and what its chunks that are seen unpack to; ``None`` for one that is not plain."""
    try:
        chunks = _chunks(png)
        header = _HEADER.unpack(chunks.pop(b"IHDR"))
        width, height, depth, colour, _, _, interlaced = header
        expected = height * (1 + (width * depth * _SAMPLES[colour] + 7) // 8)
        if interlaced or not 0 < expected <= _MOST_UNPACKED:
            return None
        unpacker = zlib.decompressobj()
        chunks[b"IDAT"] = unpacker.decompress(chunks[b"IDAT"], expected)
        return (header, chunks) if len(chunks[b"IDAT"]) == expected else None
    except (KeyError, struct.error, zlib.error):
        return None


def _chunks(png: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    place = len(_PNG)
    while place + 12 <= len(png):
        size, kind = struct.unpack_from(">I4s", png, place)
        if kind in _SHOWN_BY:
            found[kind] = found.get(kind, b"") + png[place + 8 : place + 8 + size]
        place += 12 + size
    return found


def _counted(figures: int) -> str:
    return "1 figure" if figures == 1 else f"{figures} figures"
