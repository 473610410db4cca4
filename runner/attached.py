"""Makes kept results readable in a worker: as tables of its connection, beside the registered ones.

Runs in the sandbox, in a worker that already counts as hostile: what it reads here may be anything
that an earlier request left.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from csvanalyst_ext.protocol import Fault

from . import gate
from .connection import begin_read_only, quoted
from .faults import engine_fault
from .sql import QueryFailed

_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result as the supervisor hands it over: a memory file with an Arrow stream, or SQL."""

    name: str
    size: int
    sql: str
    descriptor: int | None


def taken_over(described: Sequence[dict[str, Any]], descriptors: Sequence[int]) -> list[KeptResult]:
    files = iter(descriptors)
    return [
        KeptResult(kept["name"], kept["size"], kept["sql"], None if kept["sql"] else next(files)) for kept in described
    ]


def attach(
    connection: duckdb.DuckDBPyConnection, results: Sequence[KeptResult], text: str, tables: Collection[str]
) -> list[str]:
    """Make the results that ``text`` names readable; their names.

    Raises ``QueryFailed`` when one that is SQL no longer runs.
    """
    available = {kept.name: kept for kept in results}
    named = _named(text, available)
    if not named:
        return []
    attached: list[str] = []
    connection.execute("ROLLBACK")  # what is made in the read-only transaction would end with it
    for name in named:
        if name in available:
            _attach(connection, available, name, tables, attached)
    begin_read_only(connection)
    return attached


def _named(text: str, available: Collection[str]) -> list[str]:
    words = {word.casefold() for word in _WORD.findall(text)}
    return [name for name in available if name in words]


def _attach(
    connection: duckdb.DuckDBPyConnection,
    available: dict[str, KeptResult],
    name: str,
    tables: Collection[str],
    attached: list[str],
) -> None:
    kept = available.pop(name)  # it cannot be needed by what it is made of
    if kept.descriptor is not None:
        mapped = mmap.mmap(kept.descriptor, kept.size, prot=mmap.PROT_READ)
        connection.register(name, pa.ipc.open_stream(pa.py_buffer(mapped)).read_all())
    else:
        for other in _named(kept.sql, available):
            if other in available:
                _attach(connection, available, other, tables, attached)
        try:
            verdict = gate.check(connection, kept.sql, [*tables, *attached])
            connection.execute(f"CREATE TEMP VIEW {quoted(name)} AS {verdict.text}")
        except gate.Refusal as refusal:
            fault = Fault(refusal.code, refusal.message, refusal.hint, dict(refusal.details))
            raise QueryFailed(refusal.status, fault) from refusal
        except duckdb.Error as error:
            raise QueryFailed(*engine_fault(error, kept.sql)) from error
    attached.append(name)
