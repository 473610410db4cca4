"""A plan as DuckDB SQL that a person likes to read.  Pure.

All identifiers are quoted and all texts escaped (``quoting``).  The plan is taken as it is: whether
its names exist and its types fit is ``resolve``'s business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from .expressions import (
    Scope,
    condition,
    conjunction,
    dimension_sql,
    measure_sql,
    previous_period,
    sort_key,
)
from .labels import dimension_label, joined_columns, labels, measure_label, sources
from .plan import (
    AllOf,
    AnyOf,
    Combination,
    Condition,
    Dimension,
    Filter,
    GroupFilter,
    Join,
    Measure,
    Measured,
    Not,
    Order,
    Plan,
    Window,
)
from .quoting import identifier, literal

_BARE: Final = re.compile(r'"(?:[^"]|"")*"')

__all__ = ["compile_plan", "condition", "dimension_label", "identifier", "labels", "literal", "measure_label"]


def compile_plan(plan: Plan) -> str:
    """The statement for ``plan``, several lines, without a semicolon."""
    steps = _Steps(frozenset(name.casefold() for name in _tables(plan)))
    lines = steps.query(plan)
    for number, (name, inner) in enumerate(reversed(steps.done.items())):
        end = ")," if number else ")"
        lines = [f"{identifier(name)} AS (", *_indent(inner), end, *lines]
    return "\n".join(["WITH", *lines] if steps.done else lines)


@dataclass(slots=True)
class _Steps:
    """The inner plans, as entries of one WITH; none is called like a table of the plan."""

    tables: frozenset[str]
    done: dict[str, list[str]] = field(default_factory=dict)

    def query(self, plan: Plan) -> list[str]:
        """A whole plan."""
        if not plan.sets:
            return self.select(plan)
        lines = _bracketed(self.select(plan))
        for operation in plan.sets:
            lines += [operation.operator.upper(), *_bracketed(self.query(operation.plan))]
        orders = [f"{identifier(o.column)}{_direction(o)}" for o in _orders(plan)]
        lines.append(f"ORDER BY {', '.join(orders) or 'ALL'}")
        return lines if plan.limit is None else [*lines, f"LIMIT {plan.limit}"]

    def select(self, plan: Plan) -> list[str]:
        origin = self.origin(plan)
        derived = {one.name: one.expression for one in plan.derived}
        scope = Scope(sources(plan) if plan.joins else (), derived, " ".join(origin), inner=self.query)
        return (_grouped if plan.grouped else _rows)(plan, scope, [f"FROM {origin[0]}", *origin[1:]])

    def origin(self, plan: Plan) -> list[str]:
        """The FROM clause without its first word."""
        first = identifier(plan.table)
        if plan.source is not None:
            inner = self.query(plan.source)
            step = next(name for n in range(1, 10_000) if (name := f"step_{n}") not in {*self.tables, *self.done})
            self.done[step] = inner
            first = f"{identifier(step)} AS {identifier(sources(plan)[0])}"
        return [first, *(_join(join, sources(plan)) for join in plan.joins)]


def _join(join: Join, known: tuple[str, ...]) -> str:
    words = {"inner": "JOIN", "left": "LEFT JOIN", "semi": "SEMI JOIN", "anti": "ANTI JOIN"}
    table, name = identifier(join.table), identifier(join.source)
    if join.filters:
        own = conjunction(join.filters, Scope((join.source,)))
        table = f"(SELECT * FROM {table} AS {name} WHERE {' AND '.join(own)}) AS {name}"  # noqa: S608
    elif join.alias:
        table += f" AS {name}"
    left = Scope(known)
    keys = " AND ".join(f"{left.column(one)} = {name}.{identifier(other)}" for one, other in join.on)
    return f"{words[join.kind]} {table} ON {keys}"


# --- one row for each group -----------------------------------------------------------------------


def _grouped(plan: Plan, scope: Scope, origin: list[str]) -> list[str]:
    names, placed = labels(_unpivoted(plan)), plan.first is not None or plan.place is not None
    # The group of the missing values takes no place among the first; shares are still shares of everything.
    windows = any(isinstance(measure, Window) for measure in plan.measures)
    missing = [Filter(d.column, "not null") for d in plan.dimensions if placed and not windows]
    grouped = _clause("WHERE", conjunction([*plan.filters, *missing], scope))
    grouping = _unique(
        [dimension_sql(d, scope) for d in plan.dimensions] + [sort_key(d, scope) for d in plan.dimensions]
    )
    grouped += [f"GROUP BY {', '.join(grouping)}"] if grouping else []
    if windows:
        scope, lines = _groups_first(plan, scope, [*origin, *grouped])
        qualify = [f"{dimension_sql(d, scope)} IS NOT NULL" for d in plan.dimensions if placed]
        qualify += conjunction(plan.having, scope)
    else:
        lines = [*origin, *grouped]
        over = any(filter_.groups for one in plan.having for filter_ in _group_filters(one))
        qualify = conjunction(plan.having, scope) if over else []
        lines += _clause("HAVING", [] if over else conjunction(plan.having, scope))
    keys = {dimension_label(d): dimension_sql(d, scope) for d in plan.dimensions}
    columns = [*keys.values(), *(_measured(m, plan, scope) for m in plan.measures)]
    # A place among what a QUALIFY has chosen, or by a window: the engine wants that computed first.
    later = placed and bool(qualify or isinstance(_ordered(plan), Window))
    sorts = {dimension_label(d): sort_key(d, scope) for d in plan.dimensions}
    measures = [
        _measure_key(measure, name, scope) for measure, name in zip(plan.measures, names[len(keys) :], strict=True)
    ]
    if later:
        keys = sorts = dict(zip(keys, map(identifier, names), strict=False))
        measures = [identifier(name) for name in names[len(keys) :]]
    directed = [
        (sorts[order.column] if order.measure is None else measures[order.measure], _direction(order))
        for order in _orders(plan)
    ]
    places = _places(plan, directed[0][0], [keys[label] for label in plan.within]) if placed and directed else []
    shown = [_as(text, name) for text, name in zip(columns, names, strict=True)]
    lines = [
        *_select(shown or ["count(*) AS rows"]),
        *lines,
        *_clause("QUALIFY", qualify if later else qualify + places),
    ]
    if plan.pivot:
        return _pivoted(plan, lines, names)
    if later:
        lines = ["SELECT *", "FROM (", *_indent(lines), ")", *_clause("QUALIFY", places)]
    # In ORDER BY alone, a bare name means a column of the result before one of the table.
    result = dict(zip([*sorts.values(), *measures], map(identifier, names), strict=True)) if names else {}

    def sorted_by(key: str) -> str:
        return result[key] if _BARE.fullmatch(key) else key

    taken = {key for key, _ in directed}
    sorting = [sorted_by(sorts[label]) for label in plan.within]
    sorting += [sorted_by(key) + direction for key, direction in directed]
    sorting = _unique([*sorting, *(sorted_by(key) for key in sorts.values() if key not in taken)])
    lines += [f"ORDER BY {', '.join(sorting)}"] if sorting else []
    return lines if plan.limit is None else [*lines, f"LIMIT {plan.limit}"]


def _groups_first(plan: Plan, scope: Scope, lines: list[str]) -> tuple[Scope, list[str]]:
    """The groups and their plain measures as an inner query, for what looks from one group at others."""
    measures: dict[Measure | Combination, str] = {}
    for measure in plan.measures:
        plain = measure.measure if isinstance(measure, Window) else measure
        measures[plain] = measure_label(plain)
    for condition_ in plan.having:
        measures |= {one.measure: measure_label(one.measure) for one in _group_filters(condition_)}
    texts = {dimension: dimension_sql(dimension, scope) for dimension in plan.dimensions}
    sorts = {d: sort_key(d, scope) for d in plan.dimensions if sort_key(d, scope) != texts[d]}
    taken: set[str] = set()

    def name(label: str) -> str:
        unique = next(
            u for n in range(1, 10_000) if (u := label if n == 1 else f"{label} ({n})").casefold() not in taken
        )
        taken.add(unique.casefold())
        return unique

    made: dict[Dimension | Measure | Combination, str] = {}
    columns = []
    for dimension, text in texts.items():
        made[dimension] = name(dimension_label(dimension))
        columns.append(_as(text, made[dimension]))
    for one, label in measures.items():
        made[one] = name(label)
        columns.append(_as(measure_sql(one, scope), made[one]))
    places = {dimension: name(f"place of {dimension_label(dimension)}") for dimension in sorts}
    columns += [_as(text, places[dimension]) for dimension, text in sorts.items()]
    inner = [*_select(columns), *lines]
    return Scope(made=made, sorts=places), ["FROM (", *_indent(inner), ")"]


def _measured(measure: Measured, plan: Plan, scope: Scope) -> str:
    if not isinstance(measure, Window):
        return measure_sql(measure, scope)
    value = measure_sql(measure.measure, scope)
    by_label = {dimension_label(d): d for d in plan.dimensions}
    parts = [dimension_sql(by_label[label], scope) for label in measure.within]
    partition = f"PARTITION BY {', '.join(parts)}" if parts else ""
    if measure.function == "share":
        return f"{value} / nullif(sum({value}) OVER ({partition}), 0)"
    if measure.function == "rank":
        direction = _direction(Order(measure.descending))
        ranked = f"rank() OVER ({f'{partition} ' if partition else ''}ORDER BY {value}{direction})"
        return ranked if _never_null(measure.measure) else f"CASE WHEN {value} IS NOT NULL THEN {ranked} END"
    along = by_label[measure.along] if measure.along else plan.dimensions[0]
    others = [dimension_sql(d, scope) for d in plan.dimensions if d != along]
    key = dimension_sql(along, scope)
    partition = f"PARTITION BY {', '.join(others)} " if others else ""
    window = f"{partition}ORDER BY {sort_key(along, scope)} NULLS LAST"
    if measure.function == "running total":
        return f"sum({value}) OVER ({window} ROWS UNBOUNDED PRECEDING)"
    earlier = f"lag({value}) OVER ({window})"
    change = f"{value} - {earlier}"
    if measure.function == "growth":
        change = f"({change}) / nullif({earlier}, 0)"
    before = previous_period(along, key)
    return f"CASE WHEN lag({key}) OVER ({window}) = {before} THEN {change} END" if before else change


def _never_null(measure: Measure | Combination) -> bool:
    return isinstance(measure, Measure) and measure.function in ("count", "count distinct")


def _ordered(plan: Plan) -> Measured | None:
    return plan.measures[plan.order.measure] if plan.order and plan.order.measure is not None else None


def _measure_key(measure: Measured, name: str, scope: Scope) -> str:
    """What rows are sorted by for a measure."""
    return identifier(name) if isinstance(measure, Window) else measure_sql(measure, scope)


def _pivoted(plan: Plan, lines: list[str], names: tuple[str, ...]) -> list[str]:
    """One column for each value of a dimension, also for the missing one."""
    place = [dimension_label(d) for d in plan.dimensions].index(plan.pivot)
    shown = names[len(plan.dimensions) :]
    using = ", ".join(
        f"first({identifier(name)})" + (f" AS {identifier(name)}" if len(shown) > 1 else "") for name in shown
    )
    groups = [identifier(name) for at, name in enumerate(names[: len(plan.dimensions)]) if at != place]
    on = identifier(names[place])
    missing = literal("(missing)")
    columns = f"SELECT * REPLACE (coalesce(CAST({on} AS VARCHAR), {missing}) AS {on})"
    lines = ["PIVOT (", f"  {columns}", "  FROM (", *_indent(_indent(lines)), "  )", f") ON {on} USING {using}"]
    if groups:
        lines += [f"GROUP BY {', '.join(groups)}", f"ORDER BY {', '.join(groups)}"]
    return lines


def _unpivoted(plan: Plan) -> Plan:
    return replace(plan, pivot="")


# --- rows -----------------------------------------------------------------------------------------


def _rows(plan: Plan, scope: Scope, origin: list[str]) -> list[str]:
    names = labels(plan)
    columns = [_as(scope.column(column), name) for column, name in zip(plan.select, names, strict=True)]
    if not columns:
        own = f"{identifier(sources(plan)[0])}.*" if joined_columns(plan.joins) else "*"
        columns = [own, *(_as(scope.column(one.name), one.name) for one in plan.derived)]
    filters = list(plan.filters)
    placed = plan.first is not None or plan.place is not None
    ordered = scope.column(plan.order.column) if plan.order else ""
    if plan.order and placed:
        filters.append(Filter(plan.order.column, "not null"))
    lines = [
        *_select(columns, "SELECT DISTINCT" if plan.distinct else "SELECT"),
        *origin,
        *_clause("WHERE", conjunction(filters, scope)),
    ]
    # Where the values themselves are all that is shown, ties make no difference.
    only_values = (
        plan.order is not None and plan.select == (plan.order.column,) and not plan.within and plan.place is None
    )
    within = [scope.column(name) for name in plan.within]
    if plan.order and placed and not only_values:
        lines += _clause("QUALIFY", _places(plan, ordered, within))
    if plan.order:
        keys = [*within, *(scope.column(order.column) + _direction(order) for order in _orders(plan))]
        known = {order.column for order in _orders(plan)} | set(plan.within)
        keys += [scope.column(name) for name in plan.select if name not in known]
        lines.append(f"ORDER BY {', '.join(keys)}")
    elif plan.distinct:
        lines.append(f"ORDER BY {', '.join(map(scope.column, plan.select)) or 'ALL'}")
    most = plan.first if only_values and plan.first is not None else plan.limit
    if most is not None:
        lines.append(f"LIMIT {most}")
    return lines


# --- shared ---------------------------------------------------------------------------------------


def _orders(plan: Plan) -> tuple[Order, ...]:
    return (*((plan.order,) if plan.order else ()), *plan.then)


def _places(plan: Plan, ordered: str, within: list[str]) -> list[str]:
    """The condition for being among the first, or at the place, of each group of ``within``."""
    if plan.order is None:
        return []
    over = " ".join(
        [*([f"PARTITION BY {', '.join(within)}"] if within else []), f"ORDER BY {ordered}{_direction(plan.order)}"]
    )
    present = [f"{ordered} IS NOT NULL"] if plan.grouped else []
    if plan.place is not None:
        return [*present, f"dense_rank() OVER ({over}) = {plan.place}"]
    return [*present, f"rank() OVER ({over}) <= {plan.first}"]


def _direction(order: Order) -> str:
    return " DESC NULLS LAST" if order.descending else " NULLS LAST"


def _select(columns: list[str], word: str = "SELECT") -> list[str]:
    """On one line where it fits."""
    line = f"{word} {', '.join(columns)}"
    if len(line) <= 110 or len(columns) == 1:
        return [line]
    return [word, *(f"  {column}," for column in columns[:-1]), f"  {columns[-1]}"]


def _as(text: str, name: str) -> str:
    return text if text == identifier(name) else f"{text} AS {identifier(name)}"


def _clause(word: str, conditions: list[str]) -> list[str]:
    return [f"{word if number == 0 else '  AND'} {text}" for number, text in enumerate(conditions)]


def _unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _group_filters(condition_: Condition) -> list[GroupFilter]:
    match condition_:
        case GroupFilter():
            return [condition_]
        case AllOf() | AnyOf():
            return [found for inner in condition_.conditions for found in _group_filters(inner)]
        case Not():
            return _group_filters(condition_.condition)
        case _:
            return []


def _indent(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _bracketed(lines: list[str]) -> list[str]:
    return ["(", *_indent(lines), ")"]


def _tables(plan: Plan) -> list[str]:
    inner = [*([plan.source] if plan.source else []), *(operation.plan for operation in plan.sets)]
    return [plan.table, *(join.table for join in plan.joins), *(name for one in inner for name in _tables(one))]
