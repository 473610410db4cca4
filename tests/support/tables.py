"""The locked connection over the corpus tables, as a worker has it, for suites without a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from runner.connection import MIB, connect
from tests.security import corpus


@contextmanager
def locked_connection(directory: Path, *, memory: int = 512 * MIB) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection over the corpus tables, whose files are written into ``directory`` if they are not there."""
    data, scratch = directory / "tables", directory / "scratch"
    scratch.mkdir(exist_ok=True)
    if not data.exists():
        data.mkdir()
        corpus.build(data)
    connection = connect(corpus.files(), tables_dir=str(data), scratch=str(scratch), memory_limit=memory, threads=1)
    try:
        yield connection
    finally:
        connection.close()
