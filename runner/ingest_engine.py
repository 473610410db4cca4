"""The ingest worker's own DuckDB, and the pipes that carry files into and out of it.

Runs in the sandbox, in the ingest worker.  No SQL of a person or a model ever reaches this
connection.  Nothing the size of a file is ever written to the scratch directory: it counts as
memory.  Data goes through named pipes instead.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from .ingest_text import TextSource
from .sink import Sink

PIECE: Final = 1024 * 1024
_TICK: Final = 0.5


@dataclass(slots=True)
class Outlet:
    """The sink, for use by several threads, with progress at most every half second."""

    sink: Sink
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: float = field(default_factory=time.monotonic)

    def progress(self, rows: int, size: int) -> None:
        now = time.monotonic()
        if now - self._last >= _TICK:
            with self._lock:
                self._last = now
                self.sink.progress(rows, size)

    def open(self, name: str) -> int:
        with self._lock:
            return self.sink.open("parquet", name)

    def write(self, body: int, data: bytes) -> None:
        with self._lock:
            self.sink.write(body, data)


@dataclass(frozen=True, slots=True)
class Engine:
    """A connection that can read ``source`` and the pipes in ``scratch``, and nothing else."""

    con: duckdb.DuckDBPyConnection
    source: str
    feed: str
    out: str
    outlet: Outlet
    memory: int

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.con.execute(sql).fetchall()
        return found

    def row(self, sql: str) -> tuple[Any, ...]:
        return self.rows(sql)[0]

    @contextlib.contextmanager
    def ticking(self, rows: int, size: int) -> Iterator[None]:
        """Report progress while a statement runs, from the engine's own estimate."""
        done = threading.Event()

        def tick() -> None:
            while not done.wait(_TICK):
                share = max(0.0, min(100.0, self.con.query_progress())) / 100
                self.outlet.progress(int(rows * share), int(size * share))

        thread = threading.Thread(target=tick, name="ingest-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@contextlib.contextmanager
def engine(source: str, scratch: str, memory_limit: int, threads: int, outlet: Outlet) -> Iterator[Engine]:
    """An engine for one ingest.  ``memory_limit`` is in bytes."""
    with contextlib.ExitStack() as stack:
        feed, out = os.path.join(scratch, "feed.csv"), os.path.join(scratch, "out.parquet")
        for path in (feed, out):
            os.mkfifo(path, 0o600)
            stack.callback(os.unlink, path)
        if any(c in source for c in "*?[]{}"):  # the engine's readers would take these for a pattern
            link = os.path.join(scratch, "source.data")
            os.symlink(source, link)
            stack.callback(os.unlink, link)
            source = link
        con = stack.enter_context(contextlib.closing(duckdb.connect(":memory:")))
        paths = ", ".join(literal(path) for path in (source, os.path.realpath(source), feed, out))
        for setting, value in (
            ("autoinstall_known_extensions", "false"),
            ("autoload_known_extensions", "false"),
            ("allow_community_extensions", "false"),
            ("allow_persistent_secrets", "false"),
            ("python_enable_replacements", "false"),
            ("threads", str(max(1, threads))),
            ("memory_limit", f"'{memory_limit}B'"),
            ("temp_directory", literal(scratch)),
            ("max_temp_directory_size", f"'{memory_limit // 8}B'"),
            ("TimeZone", "'UTC'"),
            ("enable_progress_bar", "true"),
            ("enable_progress_bar_print", "false"),
            ("allowed_paths", f"[{paths}]"),
            ("enable_external_access", "false"),
            ("lock_configuration", "true"),
        ):
            con.execute(f"SET {setting} = {value}")
        yield Engine(con, source, feed, out, outlet, memory_limit)


@contextlib.contextmanager
def fed(engine: Engine, source: TextSource) -> Iterator[list[BaseException]]:
    """``engine.feed`` delivers ``source`` as UTF-8, once, while this context is open.

    Yields a list that holds the exception of the feeding thread, if there was one.
    """
    failures: list[BaseException] = []

    def run() -> None:
        chunks = source.utf8()
        try:
            with open(engine.feed, "wb", buffering=0) as pipe:
                for chunk in chunks:
                    view = memoryview(chunk)
                    while view:
                        view = view[pipe.write(view) or 0 :]
        except BrokenPipeError:
            pass  # the engine stopped reading and says why itself
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="ingest-feed", daemon=True)
    thread.start()
    try:
        yield failures
    finally:
        # An engine that never opened the pipe leaves the thread waiting for a reader: be one.
        descriptor = os.open(engine.feed, os.O_RDONLY | os.O_NONBLOCK)
        while thread.is_alive():
            with contextlib.suppress(BlockingIOError):
                os.read(descriptor, PIECE)
            os.close(descriptor)
            thread.join(0.01)
            descriptor = os.open(engine.feed, os.O_RDONLY | os.O_NONBLOCK)
        os.close(descriptor)


def stream(engine: Engine, query: str, rows: int, row_group: int) -> int:
    """Send the rows of ``query`` to the sink as one Parquet body; returns its size in bytes.

    The engine writes into a pipe; memory held is what the engine needs for a few row groups.
    """
    body = engine.outlet.open("table.parquet")
    failures: list[BaseException] = []
    size = 0

    def drain(descriptor: int) -> None:
        nonlocal size
        while piece := os.read(descriptor, PIECE):
            if failures:
                continue  # keep the engine from blocking until it notices the interrupt
            try:
                engine.outlet.write(body, piece)
                size += len(piece)
                engine.outlet.progress(rows, size)
            except BaseException as error:
                failures.append(error)
                engine.con.interrupt()

    keep = os.open(engine.out, os.O_RDWR)  # so that neither side waits for the other, whatever fails
    reading = os.open(engine.out, os.O_RDONLY)
    thread = threading.Thread(target=drain, args=(reading,), name="ingest-drain", daemon=True)
    thread.start()
    try:
        engine.con.execute(
            f"COPY ({query}) TO {literal(engine.out)} "
            f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {row_group}, USE_TMP_FILE false)"
        )
    except duckdb.InterruptException:
        if not failures:
            raise
    finally:
        os.close(keep)
        thread.join()
        os.close(reading)
    if failures:
        raise failures[0]
    return size


def row_group_size(width: int, row_bytes: int, memory: int) -> int:
    """Rows of a Parquet row group: the usual 122,880 where a few such groups fit the memory."""
    fitting = memory // 12 // max(1, row_bytes, 8 * width)
    return max(2048, min(122_880, fitting // 2048 * 2048))


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
