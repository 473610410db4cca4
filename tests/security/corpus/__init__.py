"""SQL that must pass the gate, SQL that it must stop, and the small tables both are written for.

Any suite may load these: with the gate alone, or through an executor.  Needs only the standard
library, except for ``build``, which writes the tables with DuckDB.

An entry in ``valid.sql`` starts with ``-- name: NAME`` and may say ``-- compare: shape`` when its
values differ from run to run.  One in ``hostile.sql`` says the code that is expected,
``-- code: CODE``, and may say ``-- status: error`` where that is not ``refused``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Valid:
    name: str
    sql: str
    compare: str


@dataclass(frozen=True)
class Hostile:
    """``direct`` marks what only reaches a gate that is called directly: the boundary before it
    refuses such text, or repairs it."""

    name: str
    sql: str
    code: str
    status: str
    direct: bool = False


def valid() -> list[Valid]:
    return [Valid(facts["name"], sql, facts.get("compare", "rows")) for facts, sql in _entries("valid.sql")]


def hostile() -> list[Hostile]:
    written = [
        Hostile(facts["name"], sql, facts["code"], facts.get("status", "refused"))
        for facts, sql in _entries("hostile.sql")
    ]
    return written + _generated()


def build(directory: Path) -> dict[str, str]:
    """Write every table as a Parquet file into ``directory``; table name -> bare file name."""
    import duckdb

    connection = duckdb.connect()
    for name, file in files().items():
        connection.execute(f"COPY ({TABLES[name]}) TO '{directory / file}' (FORMAT parquet)")
    connection.close()
    return files()


def files() -> dict[str, str]:
    """Table name -> bare file name."""
    return {name: f"table{number}.parquet" for number, name in enumerate(TABLES)}


def _entries(file: str) -> list[tuple[dict[str, str], str]]:
    text = (HERE / file).read_text(encoding="utf-8")
    entries = []
    for block in re.split(r"(?m)^(?=-- name: )", text)[1:]:
        lines = block.splitlines()
        facts = {}
        while lines and (match := re.fullmatch(r"-- (name|code|status|compare): (.+)", lines[0])):
            facts[match[1]] = match[2].strip()
            lines.pop(0)
        entries.append((facts, "\n".join(lines).strip("\n")))
    return entries


def _generated() -> list[Hostile]:
    """What is too large, or no text at all, and so cannot stand in a file."""
    entries = {
        "megabyte_of_text": ("sql_too_long", "SELECT '" + "x" * 1_000_000 + "'"),
        "parentheses_100000": ("sql_too_complex", "SELECT " + "(" * 100_000 + "1" + ")" * 100_000),
        "open_parentheses": ("sql_too_complex", "SELECT " + "(" * 3_000),
        "brackets": ("sql_too_complex", "SELECT " + "[" * 5_000 + "1" + "]" * 5_000),
        "nested_subqueries": ("sql_too_complex", "FROM " + "(FROM " * 5_000 + "sales" + ")" * 5_000),
        "nested_ctes": ("sql_too_complex", "WITH a AS (" * 2_000 + "SELECT 1" + ") SELECT 1" * 2_000),
        "describe_of_describe": ("sql_too_complex", "DESCRIBE " * 20_000 + "SELECT 1"),
        "negations": ("sql_too_complex", "SELECT " + "NOT " * 20_000 + "true"),
        "sum_of_many_terms": ("sql_too_complex", "SELECT " + "+".join(["1"] * 20_000)),
        "joins": ("sql_too_complex", "FROM " + ",".join(["sales"] * 5_000)),
        "unions": ("sql_too_complex", " UNION ALL ".join(["SELECT 1"] * 5_000)),
        "ctes": ("sql_too_complex", "WITH " + ",".join(f"x{i} AS (SELECT 1)" for i in range(2_000)) + " SELECT 1"),
        "nul_character": ("sql_bad_text", "SELECT 1\0; DROP TABLE sales"),
        "nul_in_string": ("sql_bad_text", "SELECT 'a\0b'"),
        "lone_surrogate": ("sql_bad_text", "SELECT '\udcff'"),
        "half_a_pair": ("sql_bad_text", 'FROM "\ud83d"'),
        "many_statements": ("sql_not_one_statement", "SELECT 1;" * 2_000),
    }
    direct = {"megabyte_of_text", "lone_surrogate", "half_a_pair"}
    return [Hostile(name, sql, code, "refused", name in direct) for name, (code, sql) in entries.items()]


TABLES = {
    "sales": """
        SELECT i AS id, DATE '2024-01-01' + CAST(i * 7 % 90 AS INTEGER) AS day,
            ['north', 'south', 'east', 'west'][1 + i % 4] AS region,
            ['apple', 'pear', 'plum'][1 + i % 3] AS product,
            round(10 + i * 1.37, 2)::DOUBLE AS amount, CAST(1 + i % 5 AS INTEGER) AS quantity,
            CAST(i % 11 + 0.5 AS DECIMAL(10, 2)) AS price,
            CASE WHEN i % 7 = 0 THEN NULL ELSE CAST(1 + i % 5 AS INTEGER) END AS customer
        FROM range(60) t(i)""",
    "customers": """
        SELECT * FROM (VALUES
            (1, 'Ann', 'ann01', 3, true, 'Köln', TIMESTAMP '2020-03-01 08:30:00', ['new', 'vip'],
                {'street': 'Main 1', 'zip': '50667'}, true),
            (2, 'Bob', 'bob', 1, false, 'Paris', TIMESTAMP '2021-07-15 12:00:00', ['old'],
                {'street': 'Rue 2', 'zip': '75001'}, false),
            (3, 'Çağla', 'cagla', 2, true, 'Ankara', NULL, [], {'street': NULL, 'zip': '06000'}, true),
            (4, 'O''Neil', NULL, 5, NULL, NULL, TIMESTAMP '2022-12-31 23:59:59.5', NULL, NULL, NULL),
            (5, 'Zoë', 'zoe', 4, false, 'Köln', TIMESTAMP '2019-01-01', ['vip', 'vip'],
                {'street': 'Ring 3', 'zip': '50667'}, true)
        ) c(id, name, "user", "order", "select", city, joined, tags, address, active)""",
    "events": """
        SELECT i AS id, TIMESTAMP '2024-03-01 00:00:00' + INTERVAL (i * 37) MINUTE AS ts,
            ['view', 'click', 'buy'][1 + i % 3] AS kind, 's' || (i % 6) AS session,
            CASE WHEN i % 10 = 0 THEN NULL ELSE i * 1.5 END AS value,
            '{"page": "/p' || (i % 4) || '", "n": ' || i || ', "tags": ["a", "b' || i || '"]}' AS payload
        FROM range(40) t(i)""",
    "trades": """
        SELECT * FROM (VALUES ('A', TIMESTAMP '2024-01-01 09:00:01', 10), ('A', TIMESTAMP '2024-01-01 09:00:05', 20),
            ('B', TIMESTAMP '2024-01-01 09:00:03', 5), ('C', TIMESTAMP '2024-01-01 09:00:09', 1)
        ) t(ticker, ts, quantity)""",
    "quotes": """
        SELECT * FROM (VALUES ('A', TIMESTAMP '2024-01-01 09:00:00', 1.5), ('A', TIMESTAMP '2024-01-01 09:00:04', 1.7),
            ('B', TIMESTAMP '2024-01-01 09:00:04', 9.0), ('B', TIMESTAMP '2024-01-01 09:00:02', 8.5)
        ) q(ticker, ts, price)""",
    "monthly": """
        SELECT * FROM (VALUES ('a', 1, 2, 3), ('b', 4, NULL, 6), ('c', 7, 8, 9)) m(name, jan, feb, mar)""",
    "edges": """
        SELECT * FROM (VALUES (1, 2), (2, 3), (3, 4), (1, 5), (5, 6)) e(src, dst)""",
    "numbers": """
        SELECT * FROM (VALUES (1, 1.5::FLOAT, 'a'), (2, 'nan'::FLOAT, 'b'), (3, 'inf'::FLOAT, 'c'), (NULL, NULL, NULL),
            (-4, -0.25, 'ä')) n(i, f, t)""",
    "empty": "SELECT 1 AS a, 'x' AS b WHERE false",
    "order": "SELECT * FROM (VALUES (1, 'open'), (2, 'closed')) o(id, status)",
    "Umsätze 2024": """
        SELECT * FROM (VALUES ('Nord', 10.5, 'Größe M'), ('Süd', 20.25, NULL)) u("Straße", "Betrag €", "a ""b"" c")""",
}
