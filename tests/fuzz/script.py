"""What one case is made of: which request the host makes, and what the peer sends when.  Pure."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from csvanalyst_ext.protocol import HEADER, MAGIC, VERSION, IngestRequest, Kind, Limits, Reply, Request, SqlRequest

LIMITS = Limits(max_rows=5000, max_columns=300, max_bytes=1_000_000, max_stdout=1000, timeout=5)
QUERY = SqlRequest("SELECT 1", limits=LIMITS)
INGEST = IngestRequest("file", "csv", limits=LIMITS)

Ending = Literal["close", "stall", "half_close", "endless"]


@dataclass(frozen=True, slots=True)
class Script:
    """``first`` is sent at once, ``answers[n]`` when the host's message number n came: pieces of raw bytes, as they
    go over the wire.  ``expected`` is the table that an honest script carries; ``refused`` says that an answer must
    not be taken.

    ``endless`` sends the last piece again and again until the host closes.
    """

    kind: str
    first: tuple[bytes, ...]
    answers: tuple[tuple[bytes, ...], ...]
    request: Request = QUERY
    ending: Ending = "close"
    greet: bool = False
    tables: bool = False
    cancel: bool = False
    expected: pa.Table | None = None
    refused: bool = False


def frame(
    kind: int, payload: bytes | Mapping[str, Any] = b"", number: int = 1, *, version: int = VERSION,
    reserved: int = 0, length: int | None = None, magic: bytes = MAGIC,
) -> bytes:  # fmt: skip
    """A frame without any of the checks that ``encode`` makes."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    size = len(data) if length is None else length
    return HEADER.pack(magic, version, kind, reserved, number % 2**32, size) + data


def body(data: bytes, place: int = 0, number: int = 1) -> bytes:
    return frame(Kind.BODY, bytes((place,)) + data, number)


def ok(**changes: Any) -> dict[str, Any]:
    """The JSON of a good reply; pass it through ``frame``."""
    return {**Reply("ok").to_json(), **changes}


def table_reply(names: tuple[str, ...], rows: int, size: int, **changes: Any) -> dict[str, Any]:
    return ok(
        columns=[{"name": name, "type": "T"} for name in names],
        row_count=rows,
        total_rows=rows,
        bodies=[{"kind": "table", "name": "result", "size": size}],
        **changes,
    )


def mux(data: bytes, stream: int = 1) -> bytes:
    """``data`` as the engine's attach stream carries it."""
    return struct.pack(">BxxxI", stream, len(data)) + data


def cut(chance: random.Random, data: bytes, most: int = 6) -> list[bytes]:
    """``data`` in a few pieces of any sizes."""
    places = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(most)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True) if end > start]


def wire(chance: random.Random, data: bytes) -> tuple[bytes, ...]:
    """Frames as they come over the wire: multiplexed in any pieces, which are then cut in any others."""
    multiplexed = b"".join(mux(piece) for piece in cut(chance, data))
    return tuple(cut(chance, multiplexed))
