"""Run a SQL request in this process, as a worker would, and take the reply apart."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from csvanalyst_ext.protocol import Decoder, Kind, Reply, SqlRequest
from runner.sink import Sink
from runner.sql import run_sql


class Collected:
    """A sink's frames, decoded: the first body and how often progress was told."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.progress = 0
        self._decoder = Decoder()
        self.sink = Sink(1, self._take)

    def _take(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if frame.kind is Kind.BODY:
                assert frame.payload[0] == 0
                self.body += frame.payload[1:]
            elif frame.kind is Kind.PROGRESS:
                self.progress += 1

    def table(self) -> pa.Table | None:
        """The body as fully validated Arrow, or ``None`` when there is no body."""
        if not self.body:
            return None
        table = pa.ipc.open_stream(bytes(self.body)).read_all()
        table.validate(full=True)
        return table


def run_request(
    connection: Any, request: SqlRequest, tables: Collection[str]
) -> tuple[Reply, pa.Table | None, Collected]:
    collected = Collected()
    reply = run_sql(connection, request, tables, collected.sink)
    return reply, collected.table(), collected
