"""An executor without a sandbox that runs the runner's own code in this process, over real Parquet.

For tests of what lies above it whose questions are harmless: real gate, real engine, real errors.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from csvanalyst_ext.execution.base import Artefact, Outcome
from csvanalyst_ext.protocol import Decoder, IngestRequest, Kind, PythonRequest, Reply, SqlRequest
from runner.connection import MIB, connect
from runner.python import run_python
from runner.sink import Sink
from runner.sql import run_sql

from .fakes import FakeExecutor, open_fake


class LocalEngine(FakeExecutor):
    """``run`` does what a worker does, but for being one."""

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
            if isinstance(request, SqlRequest):
                reply = run_sql(connection, request, list(self.tables), sink)
            else:
                assert isinstance(request, PythonRequest)
                reply = run_python(request, connection, list(self.tables), sink)
        return _outcome(reply, bodies, printed.getvalue(), request.keep)

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
