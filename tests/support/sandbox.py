"""A real Docker sandbox for tests, with plain calls instead of coroutines."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from csvanalyst_ext.config import Settings
from csvanalyst_ext.execution import docker_client, factory
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.protocol import IngestRequest, Limits, PythonRequest, SqlRequest

FLIGHTS = pa.table(
    {
        "carrier": ["UA", "AA", "UA", "B6", None],
        "delay": [10.5, -3.0, None, 45.0, 2.0],
        "distance": [1400, 760, 1400, 200, 1089],
    }
)


class Sandbox:
    """One executor and its data directory; ``close`` it."""

    def __init__(self, root: Path, settings: Settings | None = None) -> None:
        self.data = root / secrets.token_hex(4)
        for name in ("incoming", "tables"):
            (self.data / name).mkdir(parents=True)
        self.data.chmod(0o755)
        self.settings = replace(settings or Settings(), home=root / "home")
        self.session = secrets.token_hex(6)
        self.loop = asyncio.new_event_loop()
        self.executor = factory.create(self.settings, session_id=self.session, data_dir=self.data)
        self.client = docker_client.connect(host=self.settings.docker_host)

    def do(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def add_table(self, name: str, table: pa.Table) -> None:
        pq.write_table(table, self.data / "tables" / f"{name}.parquet")
        names = sorted(path.stem for path in (self.data / "tables").iterdir())
        self.do(self.executor.set_tables({name: f"{name}.parquet" for name in names}))

    def limits(self, changes: Mapping[str, Any]) -> Limits:
        return replace(Limits(timeout=20.0), **changes)

    def sql(self, text: str, *, gate: bool = True, **limits: Any) -> Outcome:
        return self.do(self.executor.run(SqlRequest(text, None, gate, self.limits(limits))))

    def python(self, text: str, **limits: Any) -> Outcome:
        return self.do(self.executor.run(PythonRequest(text, None, self.limits(limits))))

    def ingest(
        self, data: bytes, format: str = "csv", *, compression: str = "", **limits: Any
    ) -> tuple[Outcome, bytes]:
        name = secrets.token_hex(4)
        (self.data / "incoming" / name).write_bytes(data)
        pieces: list[bytes] = []
        request = IngestRequest(name, format, compression, limits=self.limits(limits))
        return self.do(self.executor.run(request, body=pieces.append)), b"".join(pieces)

    def value(self, text: str) -> Any:
        """The single value of a SQL query that must succeed."""
        table = self.sql(text).raise_for_status().table
        assert table is not None
        return table.column(0)[0].as_py()

    def containers(self) -> list[str]:
        """Ids of this session's containers, whatever their state."""
        found = self.client.api.containers(all=True, filters={"label": f"csvanalyst.session={self.session}"})
        return [container["Id"] for container in found]

    def close(self) -> None:
        self.do(self.executor.close())
        self.client.close()
        self.loop.close()
