"""The locked DuckDB connection: sees the registered tables, nothing else, and cannot change anything.

Runs in the sandbox, in a worker, before its request arrives.  It must not run a word of a request.
This is the second layer of containment, below the gate and above the container: every setting is
read back, and a connection that is not locked exactly as meant is never handed out.

Two settings that callers notice: the engine's errors arrive as JSON (``errors_as_json``; see
``runner.faults``), and sessions run in UTC.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

import duckdb

MIB: Final = 1024 * 1024
TIME_ZONE: Final = "UTC"

# Nothing is fetched, installed, found by name in this process, or kept for later.
_FIXED: Final[Mapping[str, str | bool | int]] = {
    # The engine starts eight input/output threads of its own otherwise, in every worker.  With none,
    # and one worker thread, a recursive query over Parquet never ends.
    "async_threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "allow_extension_repositories": "forbidden",
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
    "python_scan_all_frames": False,
    "errors_as_json": True,
    "preserve_insertion_order": True,
}
# One-way settings, in the order in which they must be made.
_LOCKS: Final = ("enable_external_access = false", "lock_configuration = true")
_LOCKED: Final = {
    "enable_external_access": "false",
    "lock_configuration": "true",
    "allowed_configs": "[]",
    "enable_logging": "0",
}
_PATTERN: Final = re.compile(r"[*?\[\]{}]")  # the engine would match other files


class LockdownFailed(Exception):
    """The connection could not be built or is not locked as meant; it was closed.

    ``code`` is ``table_unreadable`` (``table`` names it) or ``not_locked``.
    """

    def __init__(self, code: str, message: str, table: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.table = table


def connect(
    tables: Mapping[str, str], *, tables_dir: str, scratch: str, memory_limit: int, threads: int
) -> duckdb.DuckDBPyConnection:
    """An in-memory database with one view for each table (name -> bare file name in ``tables_dir``),
    locked, inside a read-only transaction.

    ``memory_limit`` is in bytes, rounded down to whole MiB; ``scratch`` is where large sorts spill; it
    need not exist before the first query.  Raises ``LockdownFailed``.
    """
    spill = os.path.join(scratch, "spill")  # made by the engine when a query needs it
    limits = {
        "threads": threads,
        "memory_limit": f"{max(memory_limit // MIB, 1)}MiB",
        "temp_directory": spill,
        "max_temp_directory_size": f"{_spill_limit(scratch, memory_limit)}MiB",
    }
    try:
        connection = duckdb.connect(":memory:", config={**_FIXED, **limits})
    except duckdb.Error as error:
        raise LockdownFailed("not_locked", "DuckDB did not take its settings.") from error
    try:
        connection.execute(f"SET TimeZone = {_literal(TIME_ZONE)}")
        # `x -> x + 1` is what most people and models write; the engine's default refuses it.
        connection.execute("SET lambda_syntax = 'ENABLE_SINGLE_ARROW'")
        files = [os.path.join(tables_dir, file) for file in tables.values()]
        for name, file in zip(tables, files, strict=True):
            _create_view(connection, name, file)
        connection.execute(f"SET allowed_paths = [{', '.join(map(_literal, files))}]")
        for lock in _LOCKS:
            connection.execute(f"SET {lock}")
        _check(connection, limits, files, spill)
        begin_read_only(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def begin_read_only(connection: duckdb.DuckDBPyConnection) -> None:
    """Start the transaction in which requests run.  An error inside it ends its use; see ``restart``."""
    connection.execute("BEGIN TRANSACTION READ ONLY")


def restart(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave a transaction, aborted or not, and begin the next read-only one."""
    connection.execute("ROLLBACK")
    begin_read_only(connection)


def quoted(name: str) -> str:
    """``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, file: str) -> None:
    if _PATTERN.search(os.path.basename(file)):
        raise LockdownFailed("table_unreadable", f"The file of table {name!r} is named like a pattern.", name)
    try:
        connection.execute(f"CREATE VIEW {quoted(name)} AS FROM read_parquet({_literal(file)})")
    except (duckdb.Error, RuntimeError) as error:  # a name that is not UTF-8 is a RuntimeError
        raise LockdownFailed("table_unreadable", f"The table {name!r} cannot be read.", name) from error


def _spill_limit(scratch: str, memory_limit: int) -> int:
    """MiB that queries may spill: three quarters of what is free, so that other files still fit, and
    never more than four times the memory."""
    place = os.path.abspath(scratch)
    while True:
        try:
            state = os.statvfs(place)
            break
        except FileNotFoundError:  # the place is made, and emptied, by others
            place = os.path.dirname(place)
    return max(min(state.f_bavail * state.f_frsize * 3 // 4, 4 * memory_limit) // MIB, 1)


def _check(connection: duckdb.DuckDBPyConnection, limits: Mapping[str, Any], files: list[str], spill: str) -> None:
    """Read every setting back.  Raises ``LockdownFailed``."""
    settings = dict(connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
    expected = {**_FIXED, "TimeZone": TIME_ZONE, "threads": limits["threads"], "temp_directory": spill}
    wrong = [name for name, value in expected.items() if settings.get(name) not in _spellings(value)]
    wrong += [name for name, value in _LOCKED.items() if settings.get(name) != value]
    # Sizes come back rounded for reading, so they are compared as numbers.
    sizes = "SELECT abs(parse_formatted_bytes($1)::DOUBLE / parse_formatted_bytes($2)::DOUBLE - 1) < 0.1"
    for name in ("memory_limit", "max_temp_directory_size"):
        if connection.execute(sizes, [settings.get(name), limits[name]]).fetchall() != [(True,)]:
            wrong.append(name)
    lists = "SELECT current_setting('allowed_paths'), current_setting('allowed_directories')"
    [(paths, directories)] = connection.execute(lists).fetchall()
    if sorted(set(paths)) != sorted(set(files)):
        wrong.append("allowed_paths")
    # The engine itself adds the directory it spills to.
    if any(os.path.normpath(directory) != os.path.normpath(spill) for directory in directories):
        wrong.append("allowed_directories")
    if wrong:
        raise LockdownFailed("not_locked", f"DuckDB did not take the setting {', '.join(sorted(wrong))}.")


def _spellings(value: str | bool | int) -> tuple[str, ...]:
    """How DuckDB may write a setting's value."""
    if isinstance(value, bool):
        return ("true", "1") if value else ("false", "0")
    return (str(value),)
