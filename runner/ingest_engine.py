"""The ingest worker's own DuckDB, and the pipes that carry files into and out of it.

Runs in the sandbox, in the ingest worker.  No SQL of a person or a model ever reaches this
connection.  Nothing the size of a large file is ever written to the scratch directory: it counts as
memory.  Data goes through named pipes; a table is held back there only as long as it is small.
"""

from __future__ import annotations

import contextlib
import fcntl
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
HOLD_SHARE: Final = 8
"""What part of the engine's memory a table may take that is held back until all is known about it."""
_TICK: Final = 0.5
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", 1031)


@dataclass(slots=True)
class Outlet:
    """The sink, for use by several threads.  Progress never goes back, and comes at most every half second."""

    sink: Sink
    begun: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: float = 0.0
    _rows: int = 0
    _size: int = 0

    def progress(self, rows: int, size: int) -> None:
        """``rows`` and ``size`` (bytes of the source) that are done."""
        now = time.monotonic()
        with self._lock:
            self._rows, self._size = max(rows, self._rows), max(size, self._size)
            if now - self._last >= _TICK:
                self._last = now
                self.sink.progress(self._rows, self._size)

    def open(self, name: str) -> int:
        """After this there is no way back: what is sent cannot be taken back."""
        with self._lock:
            self.begun = True
            return self.sink.open("parquet", name)

    def write(self, body: int, data: bytes) -> None:
        with self._lock:
            self.sink.write(body, data)


@dataclass(slots=True)
class Engine:
    """A connection that can read ``source`` and the files in ``scratch``, and nothing else.

    ``hold`` is how many bytes of Parquet are held back in ``held`` before the first is sent; ``exact``
    says that everything is to be proved before that.  ``fed`` counts the bytes that went through the pipe.
    """

    con: duckdb.DuckDBPyConnection
    source: str
    feed: str
    out: str
    held: str
    outlet: Outlet
    memory: int
    hold: int
    exact: bool
    fed: int = 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.con.execute(sql).fetchall()
        return found

    def row(self, sql: str) -> tuple[Any, ...]:
        return self.rows(sql)[0]

    @contextlib.contextmanager
    def ticking(self, rows: int, size: int, start: float = 0.0, end: float = 1.0) -> Iterator[None]:
        """Report progress from the share ``start`` to the share ``end`` while a statement runs, from the
        engine's own estimate, or from what was fed to it."""
        done = threading.Event()
        self.fed = 0

        def tick() -> None:
            while not done.wait(_TICK):
                percent = self.con.query_progress()
                share = percent / 100 if 0 < percent <= 100 else min(1.0, self.fed / max(1, size))
                share = start + (end - start) * share
                self.outlet.progress(int(rows * share), int(size * share))

        thread = threading.Thread(target=tick, name="ingest-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@contextlib.contextmanager
def engine(
    source: str, scratch: str, memory_limit: int, threads: int, outlet: Outlet, *, exact: bool = False
) -> Iterator[Engine]:
    """An engine for one ingest.  ``memory_limit`` is in bytes."""
    with contextlib.ExitStack() as stack:
        feed, out = os.path.join(scratch, "feed.csv"), os.path.join(scratch, "out.parquet")
        held = os.path.join(scratch, "held.parquet")
        stack.callback(_remove, held)
        for path in (feed, out):
            os.mkfifo(path, 0o600)
            stack.callback(os.unlink, path)
        if any(c in source for c in "*?[]{}"):  # the engine's readers would take these for a pattern
            link = os.path.join(scratch, "source.data")
            os.symlink(source, link)
            stack.callback(os.unlink, link)
            source = link
        con = stack.enter_context(contextlib.closing(duckdb.connect(":memory:")))
        paths = ", ".join(literal(path) for path in (source, os.path.realpath(source), feed, out, held))
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
        state = os.statvfs(scratch)
        hold = min(memory_limit // HOLD_SHARE, state.f_bavail * state.f_frsize // 4)
        yield Engine(con, source, feed, out, held, outlet, memory_limit, hold, exact)


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
                _widen(pipe.fileno())
                for chunk in chunks:
                    view = memoryview(chunk)
                    while view:
                        view = view[pipe.write(view) or 0 :]
                    engine.fed += len(chunk)
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


@dataclass(frozen=True, slots=True)
class Delivery:
    """``held`` says that the table lies in ``Engine.held`` and nothing was sent yet."""

    rows: int
    held: bool


def deliver(engine: Engine, query: str, row_group: int) -> Delivery:
    """Write the rows of ``query`` as Parquet: into ``engine.held`` as long as they fit ``engine.hold``
    bytes, else to the sink, as one body.

    The engine writes into a pipe; memory held is what it needs for a few row groups.
    """
    failures: list[BaseException] = []
    body: int | None = None

    def drain(descriptor: int, held: int) -> None:
        nonlocal body
        size = 0
        while piece := os.read(descriptor, PIECE):
            if failures:
                continue  # keep the engine from blocking until it notices the interrupt
            size += len(piece)
            try:
                if body is None and size <= engine.hold:
                    _write_all(held, piece)
                    continue
                if body is None:
                    body = engine.outlet.open("table.parquet")
                    _send(engine, body, held)
                    os.ftruncate(held, 0)
                engine.outlet.write(body, piece)
            except BaseException as error:
                failures.append(error)
                engine.con.interrupt()

    _remove(engine.held)
    held = os.open(engine.held, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    keep = os.open(engine.out, os.O_RDWR)  # so that neither side waits for the other, whatever fails
    reading = os.open(engine.out, os.O_RDONLY)
    _widen(reading)
    thread = threading.Thread(target=drain, args=(reading, held), name="ingest-drain", daemon=True)
    thread.start()
    rows = 0
    try:
        rows = engine.row(
            f"COPY ({query}) TO {literal(engine.out)} (FORMAT parquet, COMPRESSION snappy, PARQUET_VERSION v2, "
            f"ROW_GROUP_SIZE {row_group}, USE_TMP_FILE false)"
        )[0]
    except duckdb.InterruptException:
        if not failures:
            raise
    finally:
        os.close(keep)
        thread.join()
        os.close(reading)
        os.close(held)
    if failures:
        raise failures[0]
    return Delivery(int(rows), body is None)


def send_held(engine: Engine) -> None:
    """Send the table that was held back."""
    with open(engine.held, "rb", buffering=0) as file:
        _send(engine, engine.outlet.open("table.parquet"), file.fileno())
    _remove(engine.held)


def _send(engine: Engine, body: int, descriptor: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    while piece := os.read(descriptor, PIECE):
        engine.outlet.write(body, piece)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _widen(pipe: int) -> None:
    """Let a pipe carry a piece at once; one of the usual size works too."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, PIECE)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def row_group_size(width: int, row_bytes: int, memory: int) -> int:
    """Rows of a Parquet row group: the usual 122,880 where a few such groups fit the memory."""
    fitting = memory // 12 // max(1, row_bytes, 8 * width)
    return max(2048, min(122_880, fitting // 2048 * 2048))


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
