"""PIVOT without IN: finds its columns in the data, so that an ordinary PIVOT … IN (…) can run.

Runs in the sandbox, on the locked connection.  The engine cannot write the tree of such a statement
down, and runs it as three statements that the gate would not see.  So each missing IN is filled in
with a marker; that statement has a tree, which the gate judges; only then are the values read, by a
query built from the tree, and the marker replaced by them.  The outcome is judged again as a whole:
a mistake here can give a refusal or an odd result, never an unchecked statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from .gate_text import Token, tokens
from .gate_tree import Refusal, fold, judge

Serialize = Callable[[duckdb.DuckDBPyConnection, str], dict[str, Any] | None]
Node = dict[str, Any]

MAX_VALUES: Final = 5_000
_ENDS: Final = frozenset({"using", "group", "order", "limit", "offset", "union", "except", "intersect", ";"})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_DESERIALIZE: Final = "SELECT json_deserialize_sql($1::JSON)"


def _unsupported() -> Refusal:
    return Refusal(
        "sql_construct_refused",
        "The columns of this PIVOT depend on the data in a way that cannot be checked beforehand.",
        "List them: PIVOT t ON g IN ('a', 'b') USING sum(x).",
        "PIVOT",
    )


@dataclass(frozen=True, slots=True)
class _Dynamic:
    """A PIVOT with a marker: what is pivoted on, over what, and the WITH entries in sight of it."""

    marker: str
    expression: Node
    source: Node
    entries: tuple[Node, ...]


def expand(connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[str], serialize: Serialize) -> str:
    """``text`` with the columns of every PIVOT written out.  Raises ``Refusal``; engine errors of
    reading the values pass through."""
    stem = "§"
    while stem in text:
        stem += "§"
    text, count = _with_markers(text, stem)
    for _ in range(count):
        tree = serialize(connection, text)
        if tree is None:
            raise _unsupported()
        judge(tree, tables)
        found = list(_dynamic(tree, (), stem))
        inner = [d for d in found if stem not in json.dumps([d.source, d.entries], ensure_ascii=False)]
        if not inner:
            raise _unsupported()
        values = _values(connection, inner[0], tables, serialize)
        text = text.replace(f"'{inner[0].marker}'", ", ".join("'" + v.replace("'", "''") + "'" for v in values))
    if not count or stem in text:
        raise _unsupported()
    return text


def _with_markers(text: str, stem: str) -> tuple[str, int]:
    """``text`` with a marked IN after every pivot column that has none, and how many those are."""
    words = [token for token in tokens(text) if not token.comment]
    places: set[tuple[int, int]] = set()
    for index, token in enumerate(words):
        if token.word in ("pivot", "pivot_wider"):
            places.update(_columns_without_in(words, index))
    data, count = text.encode(), 0
    for start, end in sorted(places, reverse=True):
        data = data[:start] + b"(" + data[start:end] + f") IN ('{stem}{count}')".encode() + data[end:]
        count += 1
    return data.decode(), count


def _columns_without_in(words: list[Token], pivot: int) -> Iterator[tuple[int, int]]:
    """Where (in bytes) the columns lie that stand between the ON of a PIVOT and its next clause."""
    depth, on = 0, None
    inside: list[Token] = []
    levels: list[int] = []
    for token in words[pivot + 1 :]:
        if token.text in _CLOSING and not token.quoted:
            depth -= 1
        if depth < 0 or (depth == 0 and on is not None and token.word in _ENDS) or token.text == ";":
            break
        if depth == 0 and token.word == "on":
            on, inside, levels = token, [], []  # the last one: those before it belong to joins
        elif on is not None:
            inside.append(token)
            levels.append(depth)
        if token.text in _OPENING and not token.quoted:
            depth += 1
    column: list[Token] = []
    has_in = False
    for token, level in [*zip(inside, levels, strict=True), (Token(0, ",", False), 0)]:
        if token.text == "," and level == 0:
            if column and not has_in:
                yield column[0].start, column[-1].end
            column, has_in = [], False
        else:
            column.append(token)
            has_in = has_in or (level == 0 and token.word == "in")


def _dynamic(value: Any, entries: tuple[Node, ...], stem: str) -> Iterator[_Dynamic]:
    """Every marked PIVOT of a tree, with the WITH entries that it can see."""
    if isinstance(value, list):
        for item in value:
            yield from _dynamic(item, entries, stem)
    elif isinstance(value, dict):
        for entry in (value.get("cte_map") or {}).get("map", ()):
            yield from _dynamic(entry["value"], entries, stem)
            entries = (*entries, entry)
        if value.get("type") == "PIVOT":
            for pivot in value.get("pivots", ()):
                marker = _marker(pivot)
                expressions = pivot.get("pivot_expressions", ())
                if marker.startswith(stem) and len(expressions) == 1:
                    yield _Dynamic(marker, expressions[0], value["source"], entries)
        for key, child in value.items():
            if key != "cte_map":
                yield from _dynamic(child, entries, stem)


def _marker(pivot: Node) -> str:
    listed = pivot.get("entries", ())
    text = (listed[0].get("star_expr") or {}).get("literal", {}).get("text", "") if len(listed) == 1 else ""
    return str(text)


def _values(
    connection: duckdb.DuckDBPyConnection, dynamic: _Dynamic, tables: Collection[str], serialize: Serialize
) -> list[str]:
    """The distinct values, as text, in the order in which the engine would make columns of them."""
    names = [fold(entry["key"]) for entry in dynamic.entries]
    if len(set(names)) < len(names):
        raise _unsupported()  # one WITH hides another; a flat list of both would mean something else
    select: Node = {
        "type": "SELECT_NODE",
        "modifiers": [],
        "cte_map": {"map": list(dynamic.entries)},
        "select_list": [dynamic.expression],
        "from_table": dynamic.source,
        "aggregate_handling": "STANDARD_HANDLING",
    }
    statements = {"error": False, "statements": [{"node": select}]}
    rows = connection.execute(_DESERIALIZE, [json.dumps(statements)]).fetchall()
    inner = str(rows[0][0]).rstrip().rstrip(";")
    # Built from a tree that passed, and judged once more below.
    query = f"SELECT DISTINCT v::VARCHAR AS v FROM ({inner}\n) AS q(v) WHERE v IS NOT NULL ORDER BY v"  # noqa: S608
    query += f" LIMIT {MAX_VALUES + 1}"
    tree = serialize(connection, query)
    if tree is None:
        raise _unsupported()
    judge(tree, tables)
    values = [str(value) for (value,) in connection.execute(query).fetchall()]
    if len(values) > MAX_VALUES:
        raise Refusal(
            "sql_construct_refused",
            f"This PIVOT would make more than {MAX_VALUES:,} columns.",
            "Pivot on a column with fewer values, or list the ones you need: PIVOT t ON g IN ('a', 'b') USING sum(x).",
            "PIVOT",
        )
    if not values:
        raise Refusal(
            "sql_construct_refused",
            "This PIVOT makes no column: the column that it pivots on has no values.",
            "List the columns: PIVOT t ON g IN ('a', 'b') USING sum(x).",
            "PIVOT",
        )
    return values
