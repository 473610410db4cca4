"""The SQL gate: exactly one statement, which only reads registered tables.

Runs in the sandbox, in a worker, on the locked connection.  The decision is made on the engine's
own syntax tree (``gate_tree``), never on the text.  It executes nothing of the query, with one
exception: the columns of a PIVOT without IN depend on the data, so ``gate_pivot`` reads them with a
query that has itself passed this gate.

What may run afterwards is ``Verdict.text`` and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb

from csvanalyst_ext.protocol import MAX_CODE_BYTES

from . import gate_floor, gate_pivot
from .gate_text import Token, bounded, locate, tokens
from .gate_tree import Refusal, judge, too_complex

__all__ = ["Refusal", "Verdict", "check"]

_SERIALIZE: Final = "SELECT json_serialize_sql($1, skip_null := true, skip_empty := true, skip_default := true)"
_EXPLAIN_FORMATS: Final = frozenset({"text", "json", "default", "mermaid", "graphviz", "yaml"})
_ADVICE: Final = (
    "Write one query: SELECT, WITH, FROM, VALUES, PIVOT, UNPIVOT, SUMMARIZE, DESCRIBE, SHOW TABLES or EXPLAIN."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A statement that may run.

    ``statement`` is ``SELECT`` or ``EXPLAIN``; ``tables`` and ``functions`` are those used;
    ``text`` is what was checked and is to be run: the given text, or the text with the columns of
    a PIVOT written out.
    """

    statement: str
    tables: tuple[str, ...]
    functions: tuple[str, ...]
    text: str


def check(connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[str]) -> Verdict:
    """The verdict on ``text``, where ``tables`` are the tables it may read.  Raises ``Refusal``, and
    the engine's own errors when the columns of a PIVOT cannot be read.

    Codes: ``sql_bad_text``, ``sql_too_long``, ``sql_too_complex``, ``sql_syntax``,
    ``sql_not_one_statement``, ``sql_not_a_query``, ``sql_unknown_table``, ``sql_function_refused``,
    ``sql_unknown_function``, ``sql_parameter``, ``sql_construct_refused``.
    """
    text = bounded(text, MAX_CODE_BYTES)
    try:
        return _check(connection, text, tables)
    except Refusal as refusal:
        if refusal.position is not None:
            line, column = locate(text, refusal.position)
            refusal.details |= {"line": line, "column": column}
        raise
    except RecursionError:
        raise too_complex("levels of nesting", 200) from None


def without_small_groups(
    connection: duckdb.DuckDBPyConnection,
    verdict: Verdict,
    tables: Collection[str],
    *,
    floor: int,
    exempt: Collection[str],
) -> Verdict:
    """The verdict on the query of ``verdict`` as ``gate_floor`` writes it anew.  Raises ``Refusal``
    (``sql_not_aggregating``)."""
    tree = serialize(connection, verdict.text) if verdict.statement == "SELECT" else None
    if tree is None:
        raise Refusal("sql_not_aggregating", "The statement does not aggregate.", "Write SELECT …", verdict.statement)
    return check(connection, gate_floor.floored(connection, tree, least=floor, exempt=exempt), tables)


def _check(connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[str]) -> Verdict:
    tree = serialize(connection, text)
    statement = only_statement(connection, text)
    match statement.type:
        case duckdb.StatementType.SELECT:
            if tree is None:
                raise Refusal("sql_construct_refused", "The engine cannot show how it reads this query.", _ADVICE)
            facts = judge(tree, tables)
            return Verdict("SELECT", facts.tables, facts.functions, text)
        case duckdb.StatementType.EXPLAIN:
            return _check_explain(connection, text, tables)
        case duckdb.StatementType.MULTI:
            words = [token for token in tokens(text) if not token.comment]
            if words and words[0].word == "explain":
                return _check_explain(connection, text, tables)
            return _check_pivot(connection, text, tables)
        case other:
            name = str(getattr(other, "name", other)).replace("_", " ")
            raise Refusal("sql_not_a_query", f"{name} is not a query; only queries run here.", _ADVICE, name, 0)


def _check_pivot(connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[str]) -> Verdict:
    try:
        return _check(connection, gate_pivot.expand(connection, text, tables, serialize), tables)
    except Refusal as refusal:
        refusal.position = None  # it is one in a text that nobody has seen
        raise


def _check_explain(connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[str]) -> Verdict:
    """EXPLAIN passes when its body does.  What runs is put together anew from the checked body."""
    prefix, start = _explain_prefix([token for token in tokens(text) if not token.comment], text)
    try:
        verdict = _check(connection, text.encode()[start:].decode(), tables)
    except Refusal as refusal:
        if refusal.position is not None:
            refusal.position += start
        raise
    if verdict.statement != "SELECT":
        raise Refusal("sql_construct_refused", "EXPLAIN explains a query.", "Write EXPLAIN SELECT …", "EXPLAIN")
    body = verdict.text
    if next((token for token in tokens(body) if not token.comment), Token(0, "", False)).text.startswith("("):
        body = f"FROM ({body.rstrip().rstrip(';')}\n)"  # a parenthesis would be read as options
    whole = f"{prefix} {body}"
    if only_statement(connection, whole).type != duckdb.StatementType.EXPLAIN:
        raise Refusal("sql_construct_refused", "This EXPLAIN cannot be read.", "Write EXPLAIN SELECT …", "EXPLAIN")
    return replace(verdict, statement="EXPLAIN", text=whole)


def _explain_prefix(words: list[Token], text: str) -> tuple[str, int]:
    """EXPLAIN with its options, written anew, and where its body starts (in bytes)."""
    refusal = Refusal(
        "sql_construct_refused",
        "Of the options of EXPLAIN only ANALYZE and FORMAT are allowed.",
        "Write EXPLAIN SELECT … or EXPLAIN ANALYZE SELECT …",
        "EXPLAIN",
    )
    position, analyze, form = 1, False, ""
    if len(words) > position and words[position].word in ("analyze", "analyse"):
        analyze, position = True, position + 1
    if len(words) > position + 1 and words[position].text == "(" and words[position + 1].word in ("format", "analyze"):
        position += 1
        while words[position].text != ")":
            if words[position].word == "analyze":
                analyze = True
            elif words[position].word == "format" and len(words) > position + 1:
                position += 1
                form = words[position].text.strip("'\"").lower()
                if form not in _EXPLAIN_FORMATS:
                    raise refusal
            elif words[position].text != ",":
                raise refusal
            position += 1
            if position >= len(words):
                raise refusal
        position += 1
    if position >= len(words):
        raise refusal
    options = f" (FORMAT {form})" if form else ""
    return f"EXPLAIN{' ANALYZE' if analyze else ''}{options}", words[position].start


def serialize(connection: duckdb.DuckDBPyConnection, text: str) -> dict[str, Any] | None:
    """The tree of the first statement, or ``None`` when the engine cannot write it down (it is no
    query).  Raises ``Refusal`` (``sql_syntax``) for text that does not parse."""
    try:
        rows = connection.execute(_SERIALIZE, [text]).fetchall()
    except duckdb.Error as error:
        raise Refusal("sql_construct_refused", "The engine cannot show how it reads this query.", _ADVICE) from error
    result = json.loads(rows[0][0])
    if not result.get("error", True):
        statements = result["statements"]
        return statements[0] if len(statements) == 1 else None
    if result.get("error_type") == "parser":
        message = str(result.get("error_message", "syntax error"))[:500]
        position = int(result.get("position", 0)) if "position" in result else None
        if result.get("error_subtype") != "SYNTAX_ERROR" and "depth limit" in message:
            raise too_complex("levels of nesting", 200)
        raise Refusal(
            "sql_syntax", f"The SQL cannot be read: {message}.", "Correct the syntax (DuckDB's SQL).", "", position
        )
    return None


def only_statement(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The one statement of ``text``.  Raises ``Refusal`` (``sql_not_one_statement``, ``sql_syntax``)."""
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise Refusal("sql_syntax", "The SQL cannot be read.", "Correct the syntax (DuckDB's SQL).") from error
    if len(statements) == 1:
        return statements[0]
    if not statements:
        raise Refusal("sql_not_one_statement", "There is no statement.", _ADVICE)
    raise Refusal(
        "sql_not_one_statement",
        f"There are {len(statements)} statements; exactly one can run at a time.",
        "Send them one by one, or join them into one query using WITH.",
        ";",
    )
