# ruff: noqa: E501 - attacks are easier to read unbroken
"""Section B of the attack list: hostile SQL.  Each statement is tried twice: with the gate, which must refuse
it, and without, where the layers below must hold it.  The gate's own corpus (``tests/security/corpus``) runs
without the gate as well; see ``test_hostile_sql.py``.
"""

from __future__ import annotations

from .case import GVISOR, AttackCase, Expect, either, ends, gives
from .layers import Layer
from .seen import Seen

REFUSED = ends("refused")
HELD = ends("refused", "error")


def statement(
    number: int, name: str, text: str, expect: Expect, layer: Layer = "engine", *, gated: Expect = REFUSED
) -> AttackCase:
    """``gated`` is what the gate must make of it, ``expect`` what holds it when there is none; ``layer`` then holds
    what runs to its end."""
    costs_on = {GVISOR} if len(text) > 1000 else set()
    return AttackCase(number, name, "sql", text, (layer,), expect, 2.0, gated, costs_on=costs_on)


def nothing_of_the_host(seen: Seen) -> None:
    """The lower layers let it run; what it gives must be facts of the sandbox only."""
    assert seen.status in ("ok", "refused", "error")
    shown = "" if seen.outcome is None or seen.outcome.table is None else str(seen.outcome.table.to_pydict())
    for word in ("root:x:", "/home/", "/var/lib/docker", "PRIVATE KEY"):
        assert word not in shown


def cut_to(rows: int, *caps: str) -> Expect:
    def check(seen: Seen) -> None:
        assert seen.outcome is not None
        assert (seen.status, seen.outcome.row_count) == ("ok", rows), seen.outcome.fault
        assert set(caps) <= set(seen.outcome.truncated)

    return check


FILES = [
    *(
        statement(33, name, text, HELD)
        for name, text in {
            "read_csv": "FROM read_csv('/etc/passwd')", "read_text": "FROM read_text('/etc/passwd')",
            "read_blob": "FROM read_blob('/proc/self/environ')", "read_json": "FROM read_json('/etc/passwd')",
            "read_parquet": "FROM read_parquet('/etc/passwd')", "parquet_metadata": "FROM parquet_metadata('/etc/passwd')",
            "sniff_csv": "FROM sniff_csv('/etc/passwd')", "glob": "FROM glob('/etc/*')", "glob of all": "FROM glob('/**')",
            "read_duckdb": "FROM read_duckdb('/etc/passwd')", "parquet_schema": "FROM parquet_schema('/opt/x.parquet')",
            "the host's canary": "FROM read_text('@CANARY_FILE@')", "supervisor's environment": "FROM read_text('/proc/1/environ')",
            "the runner's code": "FROM read_text('/opt/csvanalyst/runner/*.py')", "url": "FROM read_csv('http://@BRIDGE@:@BRIDGE_PORT@/x.csv')",
            "s3": "FROM read_parquet('s3://bucket/x.parquet')",
        }.items()
    ),
    *(
        statement(34, name, text, HELD)
        for name, text in {
            "bare path": "FROM '/etc/passwd'", "url scheme": "FROM 'file:///etc/passwd'", "dots": "FROM '/data/tables/../../etc/passwd'",
            "csv": "FROM '/data/incoming/x.csv'", "link to a file": "FROM read_text('/data/incoming/link.csv')",
            "link to a directory": "FROM read_text('/data/incoming/directory/passwd')", "sibling prefix": "FROM read_text('/data/tables2/x')",
            "table by its file with a pattern": "FROM read_parquet('/data/tables/*')", "double slash": "FROM read_text('//etc//passwd')",
            "by descriptor": "FROM read_text('/proc/self/fd/0')", "by root": "FROM read_text('/proc/self/root/etc/passwd')",
        }.items()
    ),
]  # fmt: skip

WRITES = [
    statement(35, "copy to the data", "COPY (SELECT 1) TO '/data/x.csv'", HELD),
    statement(35, "copy over a table", "COPY (SELECT 1) TO '/data/tables/flights.parquet' (FORMAT parquet)", HELD, "container"),
    statement(35, "export", "EXPORT DATABASE '/data/x'", HELD),
    statement(35, "copy to standard output", "COPY (SELECT 1) TO '/dev/stdout'", HELD),
    statement(35, "copy to the host's stream", "COPY (SELECT 1) TO '/proc/1/fd/1'", HELD),
    statement(35, "copy to the scratch directory", "COPY (SELECT 1) TO '/tmp/x.csv'", HELD),
    statement(36, "copy in a common table expression", "WITH x AS (COPY flights TO '/data/x.csv') SELECT 1", HELD),
    statement(36, "copy in one that is read", "WITH x AS (COPY flights TO '/tmp/x.csv') FROM x", HELD),
    statement(37, "delete in a common table expression", "WITH x AS (DELETE FROM flights RETURNING *) SELECT * FROM x", HELD),
    statement(37, "update in a common table expression", "WITH x AS (UPDATE flights SET delay = 0 RETURNING *) FROM x", HELD),
    statement(37, "insert in a common table expression", "WITH x AS (INSERT INTO flights VALUES ('x', 1, 1) RETURNING *) FROM x", HELD),
    statement(38, "two statements", "SELECT 1; DROP VIEW flights", REFUSED, "worker"),
    statement(38, "two after a backslash", "SELECT '\\'; DROP VIEW flights; --'", REFUSED, "worker"),
    statement(42, "create a view", "CREATE OR REPLACE VIEW flights AS SELECT 42 AS distance", HELD),
    statement(42, "create a table", "CREATE TABLE x AS SELECT 1", HELD),
    statement(42, "create a macro over a file", "CREATE MACRO m(x) AS TABLE FROM read_csv(x)", HELD),
    statement(42, "drop", "DROP VIEW flights", HELD),
    statement(42, "attach", "ATTACH '/data/x.db'", HELD),
    statement(42, "prepare", "PREPARE x AS SELECT 1", ends("ok", "error"), "worker"),
    statement(42, "set a variable", "SET VARIABLE x = 1", ends("ok", "error"), "worker"),
    statement(42, "another schema", "SET schema = 'pg_catalog'", ends("ok", "error"), "worker"),
    statement(42, "leave the transaction", "ROLLBACK", ends("ok", "error"), "worker"),
    statement(42, "checkpoint", "CHECKPOINT", ends("ok", "error", "refused"), "worker"),
]  # fmt: skip

SETTINGS = [
    *(
        statement(40, text.lower(), text, HELD)
        for text in (
            "INSTALL httpfs", "LOAD httpfs", "FORCE INSTALL httpfs", "INSTALL spatial FROM community", "LOAD '/tmp/x.duckdb_extension'",
        )
    ),
    *(
        statement(41, text.lower(), text, HELD)
        for text in (
            "SET memory_limit = '100GB'", "SET threads = 64", "RESET threads", "SET GLOBAL enable_external_access = true",
            "SET allowed_configs = ['threads']", "SET allowed_directories = ['/']", "SET allowed_paths = ['/etc/passwd']",
            "SET profiling_output = '/tmp/x'", "PRAGMA enable_profiling", "SET temp_directory = '/tmp'", "SET lock_configuration = false",
            "SET disabled_filesystems = ''", "SET custom_user_agent = 'x'", "SET home_directory = '/tmp'",
            "SET allow_unsigned_extensions = true", "SET extension_directory = '/tmp'", "SET TimeZone = 'Asia/Tokyo'",
        )
    ),
    statement(41, "another search path", "SET search_path = 'pg_catalog'", ends("ok", "refused", "error"), "worker"),
    statement(40, "update extensions", "UPDATE EXTENSIONS", HELD, gated=HELD),
    statement(41, "call enable_logging", "CALL enable_logging('QueryLog', storage = 'file', storage_path = '/tmp/x')", HELD),
    statement(43, "sql in sql", "FROM query('SELECT 1')", ends("ok", "error", "refused")),
    statement(43, "a file in sql in sql", "FROM query('FROM read_text(''/etc/passwd'')')", HELD),
    statement(43, "a write in sql in sql", "FROM query('COPY flights TO ''/data/x''')", HELD),
    statement(43, "a table by its name", "FROM query_table('flights')", ends("ok", "error", "refused")),
    statement(43, "a file by its name", "FROM query_table(['/etc/passwd'])", HELD),
    statement(43, "serialised sql", "FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''/etc/passwd'')'))", HELD),
    *(
        statement(44, name, text, nothing_of_the_host, "container")
        for name, text in {
            "settings": "FROM duckdb_settings()", "secrets": "FROM duckdb_secrets()", "databases": "FROM pragma_database_list()",
            "temporary files": "SELECT current_setting('temp_directory')", "variables": "SELECT getvariable('x')", "log": "SELECT write_log('x')",
            "views": "SELECT sql FROM duckdb_views()", "extensions": "FROM duckdb_extensions()",
        }.items()
    ),
    statement(44, "environment", "SELECT getenv('PATH')", HELD, gated=HELD),
    statement(46, "explain analyze of a write", "EXPLAIN ANALYZE COPY (SELECT 1) TO '/data/x.csv'", HELD),
    statement(46, "explain analyze of a file", "EXPLAIN ANALYZE FROM read_text('/etc/passwd')", HELD),
]  # fmt: skip


def slow(number: int, name: str, text: str, *statuses: str, timeout: float = 1.0) -> AttackCase:
    """Plain analytics as far as any gate can tell, that takes too much."""
    return AttackCase(number, name, "sql", text, ("worker",), ends(*statuses), timeout=timeout, costs_on={GVISOR})


AMOUNTS = [
    slow(47, "recursion without end", "WITH RECURSIVE x AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM x) SELECT sum(i) FROM x", "timeout", "memory", "refused"),
    slow(47, "a trillion rows", "SELECT sum(i) FROM range(1000000000000) t(i)", "timeout", "refused"),
    slow(47, "a cross join", "SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j) WHERE i * j % 7 = 3", "timeout", "refused"),
    slow(48, "repeat", "SELECT length(repeat('x', 2000000000))", "timeout", "memory", "refused", "error", "ok", timeout=2.0),
    slow(48, "lpad", "SELECT length(lpad('x', 2000000000, 'yz'))", "timeout", "memory", "refused", "error", "ok", timeout=2.0),
    slow(48, "printf", "SELECT length(printf('%2000000000d', 1))", "timeout", "memory", "refused", "error", "ok", timeout=2.0),
    slow(48, "levenshtein", "SELECT levenshtein(repeat('a', 100000), repeat('b', 100000))", "timeout", "memory", "refused", "error"),
    slow(48, "a regular expression", "SELECT regexp_matches(repeat('a', 100000), '(a|aa|aaa)*(b|c)$') FROM range(1000)", "ok", "timeout", "error"),
    slow(49, "a list of 10^8", "SELECT list_transform(range(0, 100000000), lambda x: x + 1)", "memory", "timeout", "refused", timeout=3.0),
    slow(49, "one string of it all", "SELECT length(string_agg(i::VARCHAR || repeat('x', 100), ',')) FROM range(100000000) t(i)", "memory", "timeout", "error", timeout=3.0),
    slow(49, "a sort of 2*10^8", "SELECT i FROM range(200000000) t(i) ORDER BY hash(i)", "memory", "timeout", "error", timeout=3.0),
    AttackCase(50, "a billion rows in SQL", "sql", "FROM range(1000000000)", ("worker",), cut_to(1000, "rows"), limits={"max_rows": 1000}),
    AttackCase(50, "a cell of 100 MB", "sql", "SELECT repeat('x', 100000000) AS x", ("worker",), either(cut_to(1, "cells"), ends("memory", "refused", "error")), costs_on={GVISOR}),
    AttackCase(50, "a cell of 2 GB in SQL", "sql", "SELECT repeat('x', 2000000000) AS x", ("worker",), either(cut_to(1, "cells"), ends("memory", "timeout", "refused", "error")), timeout=3.0, costs_on={GVISOR}),
    AttackCase(
        50, "5,000 columns", "sql", "SELECT " + ", ".join(f"{i} AS c{i}" for i in range(5_000)), ("worker",),
        either(cut_to(1, "columns"), REFUSED), timeout=10.0,
    ),
    AttackCase(50, "more bytes than allowed", "sql", "SELECT repeat('x', 10000) AS x FROM range(100000)", ("worker",), lambda seen: _at_most(seen, 1_000_000), limits={"max_bytes": 1_000_000}),
    AttackCase(51, "a megabyte of text", "sql", "SELECT '" + "x" * 1_000_000 + "'", ("host",), ends("refused", code="text_too_long")),
    AttackCase(51, "five megabytes of text", "sql", "SELECT '" + "x" * 5_000_000 + "'", ("host",), ends("refused", code="text_too_long")),
    AttackCase(51, "five megabytes of Python", "python", "'" + "x" * 5_000_000 + "'", ("host",), ends("refused", code="text_too_long")),
    statement(51, "10^5 parentheses", "SELECT " + "(" * 100_000 + "1" + ")" * 100_000, ends("error", "crashed", "timeout", "memory"), "worker"),
    statement(51, "open parentheses", "SELECT " + "(" * 3_000, ends("error", "crashed", "timeout", "memory"), "worker"),
    AttackCase(51, "20,000 terms", "sql", "SELECT 1 WHERE " + " OR ".join(["1=2"] * 20_000), ("worker",), ends("ok", "refused", "error", "timeout"), timeout=3.0),
    AttackCase(51, "100,000 terms", "sql", "SELECT 1 WHERE " + " OR ".join(["1=2"] * 100_000), ("host",), ends("refused", code="text_too_long")),
    statement(51, "text that is no UTF-8", "SELECT 'a\udcffb' AS x", gives([["a?b"]]), "host", gated=gives([["a?b"]])),
    statement(51, "a NUL byte", "SELECT 1\0; DROP VIEW flights", ends("error", "refused"), "worker"),
    AttackCase(51, "comments in comments", "sql", "SELECT /* a /* b */ c */ 1 AS x", ("engine",), either(gives([[1]]), ends("error", "refused"))),
    AttackCase(51, "dollar quotes", "sql", "SELECT $a$; DROP VIEW flights; $a$ AS x", ("engine",), gives([["; DROP VIEW flights; "]])),
]  # fmt: skip


def _at_most(seen: Seen, size: int) -> None:
    assert seen.outcome is not None
    assert seen.outcome.table is not None
    assert seen.outcome.truncated == ("bytes",)
    assert seen.outcome.table.nbytes <= size


CASES = [*FILES, *WRITES, *SETTINGS, *AMOUNTS]
