"""An executor without a sandbox that runs the runner's own code in this process, over real Parquet.

For tests of what lies above it whose questions are harmless: real gate, real engine, real errors.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa

from csvanalyst_ext.execution.base import Artefact, Outcome
from csvanalyst_ext.protocol import BodyInfo, Decoder, IngestRequest, Kind, PythonRequest, Reply, SqlRequest
from runner import attached
from runner.connection import MIB, connect
from runner.kept import KeptResults
from runner.python import run_python
from runner.sink import Sink
from runner.sql import QueryFailed, run_sql

from .fakes import FakeExecutor, open_fake


class LocalEngine(FakeExecutor):
    """``run`` does what a worker does, but for being one.  Results stay readable by their names."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._kept = KeptResults(64 * MIB)

    async def run(self, request: Any, *, progress: Any = None, body: Any = None) -> Outcome:
        self.requests.append(request)
        if isinstance(request, IngestRequest):
            return self._ingest(request, body)
        bodies: dict[int, bytearray] = {}
        decoder = Decoder()

        def take(data: bytes) -> None:
            for frame in decoder.feed(data):
                if frame.kind is Kind.BODY:
                    bodies.setdefault(frame.payload[0], bytearray()).extend(frame.payload[1:])

        printed = io.StringIO()
        sink = Sink(1, take)
        with self._connection() as connection, contextlib.redirect_stdout(printed):
            reply = self._answer(connection, request, sink)
        outcome = _outcome(reply, bodies, printed.getvalue(), request.keep)
        self._keep(request, reply, outcome.table)
        return replace(outcome, kept=frozenset(self._kept.names))

    def _answer(self, connection: Any, request: SqlRequest | PythonRequest, sink: Sink) -> Reply:
        tables = [name for name in self.tables if request.tables is None or name in request.tables]
        results = attached.taken_over(self._kept.described(), [os.dup(d) for d in self._kept.descriptors()])
        try:
            tables += attached.attach(connection, results, request.text, tables)
        except QueryFailed as failed:
            return Reply(failed.status, failed.fault)
        if isinstance(request, SqlRequest):
            return run_sql(connection, replace(request, tables=tuple(tables)), tables, sink)
        return run_python(request, connection, tables, sink)

    def _keep(self, request: SqlRequest | PythonRequest, reply: Reply, table: pa.Table | None) -> None:
        if table is None:
            return
        stream = pa.BufferOutputStream()
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
        descriptor = os.memfd_create("result")
        try:
            os.write(descriptor, stream.getvalue())
            self._kept.add(
                request, replace(reply, bodies=(BodyInfo("table", "result", os.fstat(descriptor).st_size),)), descriptor
            )
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        scratch = self.workspace / "scratch"
        scratch.mkdir(exist_ok=True)
        directory = str(self.workspace / "tables")
        connection = connect(self.tables, tables_dir=directory, scratch=str(scratch), memory_limit=256 * MIB, threads=1)
        try:
            yield connection
        finally:
            connection.close()

    def _ingest(self, request: IngestRequest, body: Any) -> Outcome:
        """The columns with a profile, as an ingest makes it."""
        done = super()._ingest(request, body)
        if done.fault is not None:
            return done
        frame = pa.csv.read_csv(self.workspace / "incoming" / request.source)
        with duckdb.connect() as connection:
            connection.register("data", frame)
            columns = [
                _profile(connection, name, kind) for name, kind, *_ in connection.sql("DESCRIBE data").fetchall()
            ]
        notes = [f"Line 2: {frame.slice(0, 1).to_pylist()}"]
        return Outcome("ok", report={"rows": frame.num_rows, "columns": columns, "notes": notes, "dialect": {}})


def _profile(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> dict[str, Any]:
    quoted = '"' + name.replace('"', '""') + '"'
    nulls, distinct, low, high = connection.sql(
        f"SELECT count(*) - count({quoted}), count(DISTINCT {quoted}), min({quoted})::VARCHAR, max({quoted})::VARCHAR "
        "FROM data"
    ).fetchall()[0]
    values = []
    if kind == "VARCHAR":
        found = connection.sql(f"SELECT {quoted} FROM data GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 50").fetchall()
        values = [value for (value,) in found if value is not None]
    return {
        "name": name, "type": kind, "nulls": nulls, "distinct": distinct, "minimum": low, "maximum": high,
        "values": values, "all_values": distinct <= 50, "words": [],
    }  # fmt: skip


def _outcome(reply: Reply, bodies: Mapping[int, bytearray], printed: str, keep: str) -> Outcome:
    table, artefacts = None, []
    for place, info in enumerate(reply.bodies):
        data = bytes(bodies.get(place, b""))
        if info.kind == "table":
            table = pa.ipc.open_stream(data).read_all()
        else:
            artefacts.append(Artefact(info.kind, info.name, data))
    if table is None and reply.columns and not reply.bodies:
        table = pa.ipc.open_stream(bytes(bodies[0])).read_all()
    name = keep if reply.status == "ok" else ""
    return Outcome(
        reply.status, reply.fault, reply.columns, table, reply.row_count, reply.total_rows, reply.truncated,
        tuple(artefacts), printed, report=reply.report, timings=reply.timings, name=name,
    )  # fmt: skip


def open_local(settings: Any, **more: Any) -> Any:
    """A session over a ``LocalEngine``."""
    return open_fake(settings, engine=LocalEngine, **more)
