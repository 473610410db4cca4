"""Ingest bytes with the real engine, as the worker does, and read the Parquet back."""

from __future__ import annotations

import io
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from csvanalyst_ext import protocol
from runner.ingest import run_ingest
from runner.sink import Sink

MIB = 1024 * 1024


@dataclass(frozen=True)
class Result:
    """``rows`` are tuples of Python values, as another reader (pyarrow) sees the Parquet."""

    reply: protocol.Reply
    rows: list[tuple[Any, ...]]
    progress: list[dict[str, Any]]
    parquet: bytes

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.reply.columns]

    @property
    def types(self) -> list[str]:
        return [column.type for column in self.reply.columns]

    @property
    def notes(self) -> str:
        return "\n".join(self.reply.report["notes"])

    @property
    def repairs(self) -> dict[str, tuple[int, list[int]]]:
        """Kind -> (count, first lines)."""
        return {item["kind"]: (item["count"], item["lines"]) for item in self.reply.report["repairs"]}

    @property
    def dialect(self) -> dict[str, Any]:
        return dict(self.reply.report["dialect"])

    def profile(self, name: str) -> dict[str, Any]:
        return next(dict(column) for column in self.reply.report["columns"] if column["name"] == name)


def run(
    data: bytes | str,
    format_: str = "csv",
    *,
    compression: str = "",
    memory: int = 700 * MIB,
    name: str = "source",
    **options: str | bool,
) -> Result:
    """Ingest whatever comes of it.  The reply has been through the wire format and its checks."""
    decoder, body, progress = protocol.Decoder(), bytearray(), []

    def write(frame: bytes) -> None:
        for piece in decoder.feed(frame):
            if piece.kind is protocol.Kind.BODY:
                body.extend(piece.payload[1:])
            else:
                progress.append(piece.json())

    with tempfile.TemporaryDirectory() as place:
        incoming, scratch = Path(place, "incoming"), Path(place, "scratch")
        incoming.mkdir()
        scratch.mkdir()
        Path(incoming, name).write_bytes(data.encode() if isinstance(data, str) else data)
        request = protocol.IngestRequest(name, format_, compression, dict(options))
        reply = run_ingest(
            request,
            incoming=str(incoming),
            scratch=str(scratch),
            memory_limit=memory,
            threads=2,
            sink=Sink(1, write),
        )
        assert list(scratch.iterdir()) == [], "the scratch directory is left as it was found"
    wire = protocol.dump_json(reply.to_json())
    assert len(wire) < 3_100_000
    reply = protocol.Reply.from_json(json.loads(wire))
    if reply.status != "ok":
        return Result(reply, [], progress, bytes(body))
    if reply.report["state"] == "as_is":
        assert not body
        return Result(reply, [], progress, b"")
    table = pq.read_table(io.BytesIO(bytes(body)))
    assert [column.name for column in reply.columns] == table.column_names
    assert [body_.kind for body_ in reply.bodies] == ["parquet"]
    assert reply.bodies[0].size == len(body)
    assert reply.report["rows"] == reply.row_count == table.num_rows
    columns = [column.to_pylist() for column in table.columns]
    return Result(reply, list(zip(*columns, strict=True)), progress, bytes(body))


def ingest(data: bytes | str, format_: str = "csv", **how: Any) -> Result:
    """Ingest what must go well."""
    result = run(data, format_, **how)
    assert result.reply.status == "ok", result.reply.fault
    return result


def fault(data: bytes | str, format_: str = "csv", **how: Any) -> protocol.Fault:
    """The fault of what must not go well; nothing of the machine's paths may be in it."""
    result = run(data, format_, **how)
    assert result.reply.fault is not None, result.rows
    said = result.reply.fault.message + result.reply.fault.hint
    assert result.reply.fault.hint, "a fault says what to do next"
    assert tempfile.gettempdir() not in said
    return result.reply.fault


def sample(name: str) -> bytes:
    """A sample file that lies beside this module."""
    return (Path(__file__).parent / name).read_bytes()
