"""Judges one syntax tree, as the engine itself wrote it with ``json_serialize_sql``.

Runs in the sandbox.  Pure: it never touches a connection, and it never looks at the query's text,
only at the tree.  Everything is an allow-list: the kinds of node, the fields that a node may have,
the functions, the tables.  A tree that holds anything else, also anything that a later engine may
add, is refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from . import gate_functions as functions

Node = Mapping[str, Any]

MAX_CTES: Final = 500
MAX_SET_OPERATIONS: Final = 1_000
MAX_NAMES_SHOWN: Final = 20

_MISTAKES: Final = frozenset({"sql_syntax", "sql_unknown_function"})


class Refusal(Exception):
    """The gate refuses a query.

    ``code`` is stable; ``message`` names what is wrong and ``hint`` what to write instead;
    ``construct`` is the offending table, function or construct; ``position`` is the offset in bytes
    of the offending place in the query, or ``None``.  ``details`` is what a reply carries, and
    ``status`` its status: ``error`` for what no engine could run, ``refused`` for the rest.
    """

    def __init__(self, code: str, message: str, hint: str = "", construct: str = "", position: int | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.construct = construct
        self.position = position
        self.details: dict[str, Any] = {"construct": construct} if construct else {}
        self.status = "error" if code in _MISTAKES else "refused"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a tree uses: registered tables (as registered) and functions (lower case), sorted."""

    tables: tuple[str, ...]
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Scope:
    """The common table expressions that a place can see, and those that are being recursed into."""

    names: frozenset[str] = frozenset()
    recursive: frozenset[str] = frozenset()


# The kinds of node, by what they are.
_QUERIES: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"})
_REFERENCES: Final = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF"}
)
_MODIFIERS: Final = frozenset(
    {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"}
    | {"ORDER_DEFAULT", "ASCENDING", "DESCENDING"}
)
_EXPRESSIONS: Final = frozenset(
    """
    COLUMN_REF VALUE_CONSTANT STAR FUNCTION CASE_EXPR OPERATOR_CAST SUBQUERY LAMBDA TYPE COLLATE
    POSITIONAL_REFERENCE COMPARE_BETWEEN COMPARE_NOT_BETWEEN
    CONJUNCTION_AND CONJUNCTION_OR
    COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_GREATERTHAN COMPARE_LESSTHANOREQUALTO
    COMPARE_GREATERTHANOREQUALTO COMPARE_IN COMPARE_NOT_IN COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM
    OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE OPERATOR_NULLIF OPERATOR_TRY
    OPERATOR_UNPACK ARRAY_EXTRACT ARRAY_SLICE ARRAY_CONSTRUCTOR STRUCT_EXTRACT GROUPING_FUNCTION ARROW
    WINDOW_AGGREGATE WINDOW_RANK WINDOW_RANK_DENSE WINDOW_NTILE WINDOW_PERCENT_RANK WINDOW_CUME_DIST
    WINDOW_ROW_NUMBER WINDOW_FIRST_VALUE WINDOW_LAST_VALUE WINDOW_LEAD WINDOW_LAG WINDOW_NTH_VALUE WINDOW_FILL
    """.split()  # noqa: SIM905
)
_TYPES: Final = _QUERIES | _REFERENCES | _MODIFIERS | _EXPRESSIONS

_CLASSES: Final = frozenset(
    """
    BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA OPERATOR
    POSITIONAL_REFERENCE STAR SUBQUERY TYPE WINDOW
    """.split()  # noqa: SIM905
)

# Every field that an allowed node may have.
_FIELDS: Final = frozenset(
    """
    type class alias query_location query_location_length node select_list from_table where_clause
    group_expressions group_sets having qualify sample modifiers aggregate_handling cte_map map key value aliases
    materialized key_targets query_node cte_name union_all left right setop_type setop_all children
    qualified_name path table_name schema_name catalog_name column_name_alias subquery join_type ref_type condition
    using_columns is_implicit function with_ordinality values source aggregates unpivot_names pivots groups
    include_nulls pivot_expressions entries star_expr expr show_type query
    orders null_order expression limit offset limit_type distinct_on_targets
    column_names literal kind text index function_name schema catalog distinct filter filter_expr order_bys is_operator
    arguments name export_state case_checks when_expr then_expr else_expr child type_expr try_cast type_name
    collation input lower upper lhs syntax_type subquery_type comparison_type columns relation_name
    exclude_list qualified_exclude_list replace_list rename_list table column unpacked
    partitions start end start_expr end_expr ignore_nulls has_ignore_nulls exclude_clause offset_expr default_expr
    arg_orders sample_size is_percentage method seed repeatable id is_null named_param_map
    """.split()  # noqa: SIM905
)

_WRITES: Final[Mapping[str, str]] = {
    "COPY_QUERY_NODE": "COPY",
    "INSERT_QUERY_NODE": "INSERT",
    "UPDATE_QUERY_NODE": "UPDATE",
    "DELETE_QUERY_NODE": "DELETE",
    "MERGE_QUERY_NODE": "MERGE",
}
_CATALOGS: Final = frozenset({"information_schema", "pg_catalog", "system", "temp"})
_CATALOG_NAMES: Final = ("duckdb_", "sqlite_", "pg_", "pragma_")
_FILE_NAME: Final = re.compile(r"[/\\*]|\.\w{1,8}$")


def fold(name: str) -> str:
    """The form in which the engine compares names: only ASCII letters lose their case."""
    return "".join(c.lower() if c.isascii() else c for c in name)


def judge(statement: Node, tables: Collection[str]) -> Facts:
    """What the tree of one statement uses, if all of it is allowed.  Raises ``Refusal``."""
    judgement = _Judgement({fold(name): name for name in tables})
    # A stack and not recursion: the tree may be deeper than Python's own stack.
    stack: list[tuple[Any, _Scope]] = [(statement, _Scope())]
    while stack:
        value, scope = stack.pop()
        if isinstance(value, list):
            stack.extend((item, scope) for item in value)
        elif isinstance(value, dict):
            stack.extend(judgement.visit(value, scope))
    return Facts(tuple(sorted(judgement.tables)), tuple(sorted(judgement.functions)))


@dataclass(slots=True)
class _Judgement:
    known: Mapping[str, str]
    tables: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    ctes: int = 0
    set_operations: int = 0

    def visit(self, node: Node, scope: _Scope) -> Iterator[tuple[Any, _Scope]]:
        """Check one node; what is below it, each with the names that it can see."""
        kind, place = node.get("type"), node.get("query_location")
        if (isinstance(kind, str) and kind not in _TYPES) or node.get("class", "STAR") not in _CLASSES:
            raise _construct(node, place)
        if not node.keys() <= _FIELDS:
            raise _construct(node, place, sorted(node.keys() - _FIELDS)[0])
        if kind == "BASE_TABLE":
            self._table(node, scope)
        elif kind == "SHOW_REF":
            self._show(node)
        elif kind == "SET_OPERATION_NODE":
            self.set_operations += max(len(node.get("children", ())), 1)
            if self.set_operations > MAX_SET_OPERATIONS:
                raise too_complex("set operations", MAX_SET_OPERATIONS)
        if "function_name" in node:
            self._function(node, functions.VALUES)
        skip = {"cte_map"}
        if kind == "TABLE_FUNCTION":
            function = node.get("function")
            if not isinstance(function, dict) or function.get("type") != "FUNCTION" or not function.keys() <= _FIELDS:
                raise _construct(node, place)
            self._function(function, functions.TABLES)
            yield from ((child, scope) for key, child in function.items() if key not in ("type", "function_name"))
            skip.add("function")
        scope = yield from self._ctes(node.get("cte_map") or {}, scope)
        yield from ((child, scope) for key, child in node.items() if key not in skip)

    def _ctes(self, cte_map: Node, scope: _Scope) -> Generator[tuple[Any, _Scope], None, _Scope]:
        """The bodies of WITH, each with what stands before it in scope; returns the scope after all."""
        for entry in cte_map.get("map", ()):
            self.ctes += 1
            if self.ctes > MAX_CTES:
                raise too_complex("common table expressions", MAX_CTES)
            name, value = fold(entry["key"]), entry["value"]
            body = value.get("query_node", {})
            inner = _Scope(scope.names | {name}, scope.recursive)
            if body.get("type") == "RECURSIVE_CTE_NODE":
                # Only the recursive arm sees the name, and `recurring.name`.
                within = yield from self._ctes(body.get("cte_map") or {}, scope)
                yield body.get("right"), _Scope(within.names | {name}, scope.recursive | {name})
                yield {key: child for key, child in body.items() if key not in ("right", "cte_map")}, within
                yield {key: child for key, child in value.items() if key != "query_node"}, scope
            else:
                yield value, scope
            scope = inner
        return scope

    def _table(self, node: Node, scope: _Scope) -> None:
        path, place = _path(node), node.get("query_location")
        name = path[-1] if path else ""
        if name != node.get("table_name") or len(path) > 3:
            raise _construct(node, place)
        spaces, folded = tuple(map(fold, path[:-1])), fold(name)
        if not spaces and folded in scope.names:
            return
        if spaces == ("recurring",) and folded in scope.recursive:
            return
        if spaces in ((), ("main",), ("memory",), ("memory", "main")) and folded in self.known:
            self.tables.add(self.known[folded])
            return
        raise unknown_table(path, self.known, place)

    def _show(self, node: Node) -> None:
        """DESCRIBE and SUMMARIZE of a query are that query; without one only SHOW TABLES passes."""
        if "query" in node or (node.get("show_type") == "SHOW_SPECIAL" and node.get("table_name") == '"tables"'):
            return
        if node.get("show_type") == "SHOW" and len(path := _path(node)) == 1:
            if fold(path[0]) in self.known:
                self.tables.add(self.known[fold(path[0])])
                return
            raise unknown_table(path, self.known, node.get("query_location"))
        raise Refusal(
            "sql_construct_refused",
            "This form of SHOW or DESCRIBE shows the engine and not the data.",
            "Use SHOW TABLES, DESCRIBE table or SUMMARIZE table.",
            "SHOW",
        )

    def _function(self, node: Node, allowed: frozenset[str]) -> None:
        path, place = _path(node), node.get("query_location")
        if not path or path[-1] != node.get("function_name"):
            raise _construct(node, place)
        name = fold(path[-1])
        if name not in allowed:
            raise refused_function(name, allowed, place)
        self.functions.add(name)


def _path(node: Node) -> list[str]:
    path = (node.get("qualified_name") or {}).get("path", [])
    return path if isinstance(path, list) and all(isinstance(part, str) for part in path) else []


def _construct(node: Node, place: int | None, unknown_field: str = "") -> Refusal:
    """The refusal of a node that is not on the lists."""
    kind = str(node.get("type", node.get("class", "")))
    if kind in _WRITES:
        verb = _WRITES[kind]
        return Refusal(
            "sql_not_a_query",
            f"The statement writes: it holds {verb}, and data cannot be changed here.",
            f"Leave {verb} out and SELECT what you need; results are kept without writing files.",
            verb,
            place,
        )
    if kind == "VALUE_PARAMETER":
        return Refusal(
            "sql_parameter",
            "The statement has a parameter (? or $name), and there is no value for it.",
            "Write the value itself into the statement.",
            "parameter",
            place,
        )
    name = {"at_clause": "AT", "pivot_enum": "PIVOT ON … IN type"}.get(unknown_field, unknown_field or kind)
    return Refusal(
        "sql_construct_refused",
        f"The construct {name} is not allowed here.",
        "Write the query with ordinary SELECT clauses.",
        name,
        place,
    )


def too_complex(what: str, most: int) -> Refusal:
    return Refusal(
        "sql_too_complex",
        f"The statement has too many {what}; the most is {most}.",
        "Write it in fewer or smaller steps.",
        what,
    )


def refused_function(name: str, allowed: frozenset[str], place: int | None) -> Refusal:
    family = functions.family_of(name)
    shown = name[:80]
    if family:
        does, instead = functions.FAMILIES[family]
        return Refusal("sql_function_refused", f"The function {shown}() {does}.", instead, shown, place)
    if name in functions.VALUES:
        hint = f"Use {shown}() in an expression: SELECT {shown}(…)."
        return Refusal("sql_unknown_function", f"{shown}() is not a table function.", hint, shown, place)
    if name in functions.TABLES:
        hint = f"Use it after FROM, as in FROM {shown}(…)."
        return Refusal("sql_unknown_function", f"{shown}() is a table function.", hint, shown, place)
    close = difflib.get_close_matches(name[:80], allowed, n=5, cutoff=0.6)
    hint = (
        f"Did you mean {', '.join(f'{c}()' for c in close)}?" if close else "Use the functions that DuckDB documents."
    )
    return Refusal("sql_unknown_function", f"There is no function {shown}().", hint, shown, place)


def unknown_table(path: list[str], known: Mapping[str, str], place: int | None) -> Refusal:
    """The refusal of a table that is not registered, with what is known, close matches first."""
    name = path[-1] if path else ""
    shown = ".".join(path)[:200]
    close = [known[key] for key in difflib.get_close_matches(fold(name)[:200], known, n=3, cutoff=0.6)]
    names = close + [other for other in sorted(known.values()) if other not in close]
    listed = ", ".join(f'"{n}"' for n in names[:MAX_NAMES_SHOWN]) + (" and others" if names[MAX_NAMES_SHOWN:] else "")
    hint = f"Known tables: {listed}." if names else "No table is registered; add one with `%analyst add PATH`."
    if any(fold(part) in _CATALOGS for part in path[:-1]) or fold(name).startswith(_CATALOG_NAMES):
        hint = f"The engine's catalog cannot be read; use SHOW TABLES or DESCRIBE table. {hint}"
    elif _FILE_NAME.search(name):
        hint = f"Files cannot be read from SQL; register one with `%analyst add PATH` and use its table. {hint}"
    elif len(path) > 1:
        hint = f"Name the table without a schema. {hint}"
    return Refusal("sql_unknown_table", f'There is no table "{shown}".', hint, shown, place)
