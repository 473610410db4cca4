"""A query as it may be told to somebody who may see aggregates and no rows.

Runs in the sandbox, on the locked connection; executes nothing.  From the syntax tree of a query that
passed the gate it makes the tree of the same query without small groups: every SELECT that groups rows
of a guarded table gets a HAVING that leaves out groups, and values in them, that stand on fewer rows
than ``least`` (none at all passes).  What is reckoned from such results further up is free.  A query
whose rows are not made of such groups is refused (``sql_not_aggregating``).

Since a HAVING makes the engine treat a SELECT as grouped, it is the engine itself that refuses columns
which are neither grouped by nor aggregated.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import duckdb

from . import gate_measures as measures
from .gate_measures import NotAggregating
from .gate_tree import Refusal, fold

Tree = dict[str, Any]

SAFE: Final = "safe"
"""A relation that holds only groups that are large enough, constants, or rows of tables that are not guarded."""
PLAIN: Final = "plain"
"""Each row comes from exactly one row of one guarded table."""
ROWS: Final = "rows"
"""Anything else."""

_DESERIALIZE: Final = "SELECT json_deserialize_sql($1::JSON)"
_RESULT: Final = re.compile(r"r[1-9][0-9]*")
_ROW: Final = "§row"
_EXPRESSIONS: Final = frozenset(
    """
    BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION OPERATOR POSITIONAL_REFERENCE
    SUBQUERY WINDOW TYPE
    """.split()  # noqa: SIM905
)
_OF_ONE_ROW: Final = _EXPRESSIONS - {"SUBQUERY", "WINDOW"} | {"STAR"}
Scope = Mapping[str, str]


def floored(connection: duckdb.DuckDBPyConnection, tree: Tree, *, least: int, exempt: Collection[str]) -> str:
    """The query of ``tree`` without groups of fewer than ``least`` rows.  ``exempt`` are the tables whose
    rows may be told.  Raises ``Refusal`` (``sql_not_aggregating``), with the detail ``plain`` where each row of
    the result comes from one row of one guarded table."""
    floor = _Floor(least, frozenset(map(fold, exempt)))
    kind, node = floor.query(tree["node"], {})
    if kind != SAFE:
        hint = f"Group and use count, sum, avg, median, min or max; groups need {least} rows."
        refusal = Refusal("sql_not_aggregating", "The query does not only aggregate.", hint, floor.why)
        refusal.details |= {"plain": True} if kind == PLAIN else {}
        raise refusal
    statements = {"error": False, "statements": [{**tree, "node": node}]}
    rows = connection.execute(_DESERIALIZE, [json.dumps(statements)]).fetchall()
    return str(rows[0][0])


class _Floor:
    def __init__(self, least: int, exempt: frozenset[str]) -> None:
        self._least = least
        self._exempt = exempt
        self.why = "the query gives rows"

    # --- queries ----------------------------------------------------------------------------------

    def query(self, node: Tree, scope: Scope) -> tuple[str, Tree]:
        """What ``node`` is, and its new tree."""
        scope, node = self._with(node, scope)
        if node["type"] == "SELECT_NODE":
            return self._select(node, scope)
        if node["type"] == "SET_OPERATION_NODE":
            arms = [self.query(child, scope) for child in node["children"]]
            made = {**node, "children": [arm for _, arm in arms]}
            with contextlib.suppress(NotAggregating):
                if all(kind == SAFE for kind, _ in arms):
                    return SAFE, self._free(made, scope, skip=("children", "cte_map"))
        return ROWS, node

    def _with(self, node: Tree, scope: Scope) -> tuple[Scope, Tree]:
        entries = (node.get("cte_map") or {}).get("map", ())
        if not entries:
            return scope, node
        known, made = dict(scope), []
        for entry in entries:
            kind, body = self.query(entry["value"]["query_node"], known)
            known[fold(entry["key"])] = kind
            made.append({**entry, "value": {**entry["value"], "query_node": body}})
        return known, {**node, "cte_map": {**node["cte_map"], "map": made}}

    def _select(self, node: Tree, scope: Scope) -> tuple[str, Tree]:
        guarded: list[str] = []
        several = node["from_table"]["type"] == "JOIN"
        try:
            source = self._source(node["from_table"], scope, guarded, several=several)
            node = {**node, "from_table": source}
            rest = ("from_table", "cte_map")
            if not guarded:
                return SAFE, self._free(node, scope, skip=rest)
            node = {**node, "where_clause": self._chosen(node.get("where_clause"), scope)}
            if not node["where_clause"]:
                del node["where_clause"]
            if not self._grouped(node):
                return (PLAIN if not several and self._one_to_one(node) else ROWS), node
            return SAFE, self._leaf(node, scope, guarded if several else [])
        except NotAggregating as error:
            self.why = error.construct
            return ROWS, node

    def _grouped(self, node: Tree) -> bool:
        if node.get("group_expressions") or node.get("having") or node.get("aggregate_handling") == "FORCE_AGGREGATES":
            return True
        return any(measures.name_of(f) in measures.AGGREGATES for f in _functions(node["select_list"]))

    def _one_to_one(self, node: Tree) -> bool:
        """Whether a SELECT from one guarded source, without groups, gives at most one row for each of its rows,
        with nothing of another row in it."""
        return not node.get("qualify") and all(
            part.get("class", "STAR") in _OF_ONE_ROW
            and (part.get("class") != "FUNCTION" or measures.name_of(part) in measures.SCALARS)
            for part in _nodes([node["select_list"], node.get("modifiers", [])])
        )

    def _leaf(self, node: Tree, scope: Scope, guarded: list[str]) -> Tree:
        """A SELECT that groups guarded rows.  ``guarded`` are the names of its sources when there are several."""
        conditions: list[measures.Node] = []
        made = dict(node)
        for part in ("select_list", "group_expressions", "having", "qualify", "modifiers"):
            if part in made:
                made[part] = self._measured(made[part], scope, guarded, conditions)
        if guarded:
            counts = [measures.call("count", measures.column(n, f"{_ROW}{n}"), distinct=True) for n in guarded]
        else:
            counts = [measures.call("count_star")]
        conditions += [measures.none_or_at_least(count, self._least) for count in counts]
        if "having" in made:
            conditions.append(made["having"])
        made["having"] = measures.both(*{json.dumps(condition): condition for condition in conditions}.values())
        return made

    # --- sources ----------------------------------------------------------------------------------

    def _source(self, node: Tree, scope: Scope, guarded: list[str], *, several: bool) -> Tree:
        """The FROM clause anew.  Adds the names of what is guarded in it; raises ``NotAggregating``."""
        kind = node["type"]
        if kind == "JOIN":
            made = {
                **node,
                "left": self._source(node["left"], scope, guarded, several=True),
                "right": self._source(node["right"], scope, guarded, several=True),
            }
            if "condition" in node:
                made["condition"] = self._chosen(node["condition"], scope)
            return made
        if kind == "EMPTY":
            return node
        if kind in ("EXPRESSION_LIST", "TABLE_FUNCTION"):
            if any(part.get("class") in ("COLUMN_REF", "SUBQUERY") for part in _nodes(node)):
                raise NotAggregating("a table function of columns")
            return node
        if kind == "BASE_TABLE":
            found = self._table(node, scope)
        elif kind == "SUBQUERY":
            found, body = self.query(node["subquery"]["node"], scope)
            node = {**node, "subquery": {**node["subquery"], "node": body}}
        else:
            raise NotAggregating(kind)
        if found == ROWS:
            raise NotAggregating("a subquery of rows")
        if found == SAFE:
            return node
        name = node.get("alias") or node.get("table_name") or ""
        if several and (not name or node.get("column_name_alias")):
            raise NotAggregating("a source without a name")
        guarded.append(name)
        return self._numbered(node, name) if several else node

    def _table(self, node: Tree, scope: Scope) -> str:
        path = [fold(part) for part in node["qualified_name"]["path"]]
        if len(path) == 1 and path[0] in scope:
            return scope[path[0]]
        if path[0] == "recurring" or _RESULT.fullmatch(path[-1]):
            return ROWS
        return SAFE if path[-1] in self._exempt else PLAIN

    def _numbered(self, node: Tree, name: str) -> Tree:
        """The source with a number for each of its rows, so that rows can be counted after a join."""
        number = {
            "class": "WINDOW",
            "type": "WINDOW_ROW_NUMBER",
            "alias": f"{_ROW}{name}",
            "function_name": "row_number",
            "start": "UNBOUNDED_PRECEDING",
            "end": "CURRENT_ROW_RANGE",
            "qualified_name": {"path": ["row_number"]},
        }
        inner = {
            "type": "SELECT_NODE",
            "cte_map": {},
            "select_list": [{"class": "STAR", "type": "STAR"}, number],
            "from_table": node,
            "aggregate_handling": "STANDARD_HANDLING",
        }
        return {"type": "SUBQUERY", "alias": name, "subquery": {"node": inner}}

    # --- expressions ------------------------------------------------------------------------------

    def _free(self, node: Tree, scope: Scope, *, skip: tuple[str, ...]) -> Tree:
        """``node``, whose sources are safe: everything is allowed in it but subqueries of rows."""
        return {key: value if key in skip else self._subqueries(value, scope) for key, value in node.items()}

    def _subqueries(self, value: Any, scope: Scope) -> Any:
        if isinstance(value, list):
            return [self._subqueries(item, scope) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("class") == "SUBQUERY":
            kind, body = self.query(value["subquery"]["node"], scope)
            if kind != SAFE:
                raise NotAggregating("a subquery of rows")
            value = {**value, "subquery": {**value["subquery"], "node": body}}
            return {k: v if k == "subquery" else self._subqueries(v, scope) for k, v in value.items()}
        return {key: self._subqueries(item, scope) for key, item in value.items()}

    def _chosen(self, value: Any, scope: Scope) -> Any:
        """A condition that chooses rows: it may also look a value up among rows (IN)."""
        if isinstance(value, list):
            return [self._chosen(item, scope) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("class") == "SUBQUERY" and value.get("subquery_type") == "ANY":
            kind, _ = self.query(value["subquery"]["node"], scope)
            if kind == PLAIN and value.get("comparison_type") == "COMPARE_EQUAL":
                return value
        if value.get("class") == "SUBQUERY":
            return self._subqueries(value, scope)
        return {key: self._chosen(item, scope) for key, item in value.items()}

    def _measured(self, value: Any, scope: Scope, guarded: list[str], conditions: list[measures.Node]) -> Any:
        """A part of a grouping SELECT; adds what its aggregates ask of a group.  Raises ``NotAggregating``."""
        if isinstance(value, list):
            return [self._measured(item, scope, guarded, conditions) for item in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("class")
        if kind == "SUBQUERY":
            return self._subqueries(value, scope)
        if kind is not None and kind not in _EXPRESSIONS:
            raise NotAggregating(str(kind))
        if kind == "FUNCTION":
            name = measures.name_of(value)
            if name in measures.AGGREGATES:
                conditions.extend(self._conditions(value, guarded))
                return value
            if name not in measures.SCALARS:
                raise NotAggregating(f"{name}()")
        return {key: self._measured(item, scope, guarded, conditions) for key, item in value.items()}

    def _conditions(self, function: Tree, guarded: list[str]) -> Iterator[measures.Node]:
        for part in _functions([function.get("arguments", []), function.get("filter", {})]):
            if measures.name_of(part) not in measures.SCALARS:
                raise NotAggregating(f"{measures.name_of(part)}()")
        if any(part.get("class") in ("SUBQUERY", "WINDOW") for part in _nodes([function.get("arguments", [])])):
            raise NotAggregating("a subquery in an aggregate")
        if any(part.get("class") == "SUBQUERY" for part in _nodes(function.get("filter", {}))):
            raise NotAggregating("a subquery in FILTER")
        where = function.get("filter")
        expressions = measures.contributions(function)
        if measures.name_of(function) == "count_star" and where:
            expressions = [measures.integer(1)]
        for expression in expressions:
            if guarded:
                rows = [measures.column(name, f"{_ROW}{name}") for name in guarded]
                counted = [measures.choose(measures.is_some(expression), row) for row in rows]
                counts = [measures.call("count", value, distinct=True, where=where) for value in counted]
            else:
                counts = [measures.call("count", expression, where=where)]
            yield from (measures.none_or_at_least(count, self._least) for count in counts)
        if measures.name_of(function) in measures.ORDERED:
            kind = measures.call("typeof", function)
            yield measures.call("regexp_full_match", kind, measures.text(measures.MEASURED_TYPES))


def _nodes(value: Any) -> Iterator[Tree]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            yield item
            stack.extend(item.values())


def _functions(value: Any) -> Iterator[Tree]:
    """The functions of an expression, but not those in its subqueries."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict) and item.get("class") != "SUBQUERY":
            if item.get("class") == "FUNCTION":
                yield item
            stack.extend(item.values())
