"""An executor without a sandbox, for tests of what lies above it.

It ingests CSV with pyarrow and answers SQL and Python from a script, so these tests need no Docker.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from csvanalyst_ext.config import Settings
from csvanalyst_ext.datasets.cache import Cache
from csvanalyst_ext.datasets.staging import Workspace
from csvanalyst_ext.execution.base import Artefact, Outcome
from csvanalyst_ext.protocol import Column, Fault, IngestRequest, Request

PNG = base64.b64decode(  # one grey pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


def table_outcome(table: pa.Table, types: tuple[str, ...] = (), **more: Any) -> Outcome:
    kinds = types or tuple(str(kind).upper() for kind in table.schema.types)
    columns = tuple(Column(name, kind) for name, kind in zip(table.column_names, kinds, strict=True))
    return Outcome("ok", columns=columns, table=table, row_count=table.num_rows, total_rows=table.num_rows, **more)


def failed_outcome(status: str, code: str, message: str = "It failed.", hint: str = "Do it better.") -> Outcome:
    return Outcome(status, Fault(code, message, hint))


def figure_outcome() -> Outcome:
    return Outcome("ok", artefacts=(Artefact("image/png", "figure-1", PNG),), stdout="drawn\n")


class FakeExecutor:
    """``answers`` maps the text of a SQL or Python request to its outcome, or to an error to raise.
    A request without an answer counts the rows of the visible tables; ``hang`` never ends."""

    def __init__(self, workspace: Path, answers: Mapping[str, Outcome | Exception] | None = None) -> None:
        self.workspace = workspace
        self.answers = dict(answers or {})
        self.requests: list[Request] = []
        self.tables: dict[str, str] = {}
        self.starts = 0
        self.closes = 0
        self.killed = 0
        self.broken: Exception | None = None

    async def start(self) -> None:
        self.starts += 1
        if self.broken is not None:
            raise self.broken

    async def set_tables(self, tables: Mapping[str, str]) -> None:
        self.tables = dict(tables)

    async def close(self) -> None:
        self.closes += 1

    def facts(self) -> Mapping[str, Any]:
        return {"provider": "fake", "image": "sha256:0123", "protocol": "abcd"}

    async def run(
        self,
        request: Request,
        *,
        progress: Callable[[int, int], None] | None = None,
        body: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        self.requests.append(request)
        if self.broken is not None:
            raise self.broken
        if progress is not None:
            progress(1, 8)
        if isinstance(request, IngestRequest):
            return self._ingest(request, body)
        if request.text == "hang":
            try:
                await asyncio.Event().wait()
            finally:
                self.killed += 1
        answer = self.answers.get(request.text) or self._count(request.tables)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _count(self, names: tuple[str, ...] | None) -> Outcome:
        chosen = sorted(self.tables if names is None else names)
        rows = [pq.read_metadata(self.workspace / "tables" / self.tables[name]).num_rows for name in chosen]
        return table_outcome(pa.table({"name": pa.array(chosen, pa.string()), "rows": pa.array(rows, pa.int64())}))

    def _ingest(self, request: IngestRequest, body: Callable[[bytes], None] | None) -> Outcome:
        path = self.workspace / "incoming" / request.source
        data = path.read_bytes()
        if data.startswith(b"bad"):
            return failed_outcome("error", "csv_ragged", "Line 3 has 2 fields instead of 3.")
        if request.format == "arrow":
            table = pa.ipc.open_file(path).read_all()
        else:
            options = pa.csv.ParseOptions(delimiter=str(request.options.get("delimiter", ",")))
            table = pa.csv.read_csv(pa.BufferReader(data), parse_options=options)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        assert body is not None
        body(sink.getvalue().to_pybytes())
        columns = [
            {"name": name, "type": "VARCHAR", "distinct": len(table.column(name).unique())}
            for name in table.column_names
        ]
        return Outcome("ok", report={"rows": table.num_rows, "columns": columns, "notes": [], "dialect": {}})


def open_fake(
    settings: Settings,
    answers: Mapping[str, Outcome | Exception] | None = None,
    engine: type[FakeExecutor] = FakeExecutor,
    **more: Any,
) -> Any:
    """A session over a ``FakeExecutor``, which is its ``executor`` attribute."""
    from csvanalyst_ext.capsules.store import Store
    from csvanalyst_ext.session.session import AnalystSession

    workspace = Workspace.create(settings.home, secrets.token_hex(6))
    executor = engine(workspace.path, answers)
    session = AnalystSession(
        settings,
        executor=executor,
        workspace=workspace,
        cache=Cache(settings.home),
        store=Store(settings.home / "capsules"),
        ingest_version=lambda: "test",
        **more,
    )
    session.executor = executor  # type: ignore[attr-defined]
    session.workspace = workspace  # type: ignore[attr-defined]
    return session


class FakeModel:
    """Speaks to the loop as the gateway does: each turn is text, or the name and arguments of a tool call."""

    def __init__(self, *turns: str | tuple[str, str]) -> None:
        self._turns = list(turns)
        self.asked: list[list[Mapping[str, Any]]] = []

    async def stream(self, model: str, messages: Any, tools: Any, *, spend: float | None = None) -> Any:
        from csvanalyst_ext.llm.chat import Completion, TextDelta, ToolCall

        self.asked.append(list(messages))
        turn = self._turns.pop(0)
        if isinstance(turn, str):
            yield TextDelta(turn)
            yield Completion(turn, (), "stop", 100, 10)
        else:
            yield Completion("", (ToolCall("c1", *turn),), "tool_calls", 100, 10)
