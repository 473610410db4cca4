"""Plans and results as English sentences, from templates.  Pure.

Every number in a sentence is a number of the result, at most rounded; the sentence says which rows it is
about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .labels import dimension_label, measure_label, sources, split
from .plan import Combination, Dimension, Measure, Measured, Plan, simple
from .schema import Table
from .wording import conditions, joined, measured

MOST_LISTED: Final = 5


def title(plan: Plan) -> str:
    """What the plan gives, in one phrase: "average dep_delay where month is 3, by carrier"."""
    if plan.source is not None:
        text = joined(list(plan.select))
        if plan.source.dimensions:
            text += f" by {joined([dimension_label(d) for d in plan.source.dimensions])}"
    elif plan.measures:
        text = joined([measured(m) for m in plan.measures])
    elif plan.select:
        text = ("different " if plan.distinct else "") + joined(list(plan.select))
    else:
        text = "rows" if plan.limit is None else f"{plan.limit} rows"
    text += f" of {_tables(plan)}" + where(plan)
    if plan.dimensions:
        text += f", by {joined([_by(d) for d in plan.dimensions])}"
    if plan.order is not None:
        ordered = (
            measure_label(plan.measures[plan.order.measure]) if plan.order.measure is not None else plan.order.column
        )
        if plan.first is not None:
            text += f", the {plan.first if plan.first > 1 else 'one'} with the {_rank(plan)}"
        else:
            text += f", sorted by {ordered}, {'highest' if plan.order.descending else 'lowest'} first"
    return text


def _by(dimension: Dimension) -> str:
    """A period that keeps its years apart is told from one that does not."""
    apart = dimension.bucket in ("week", "month", "quarter")
    return f"{dimension.bucket} and year of {dimension.column}" if apart else dimension_label(dimension)


def _tables(plan: Plan) -> str:
    """The table, and what it is joined with."""
    inner = plan.source or plan
    others = list(dict.fromkeys(join.table for join in inner.joins if join.table != inner.table))
    return inner.table + (f" (with {joined(others)})" if others else "")


def _rank(plan: Plan) -> str:
    """What decides the places: "highest average fare", "most rows"."""
    if plan.order is None:
        return ""
    measure = plan.measures[plan.order.measure] if plan.order.measure is not None else None
    if isinstance(measure, Measure) and measure.function in ("count", "count distinct"):
        return f"{'most' if plan.order.descending else 'fewest'} {measure_label(measure)}"
    label = measure_label(measure) if measure is not None else plan.order.column
    each = f" of each {joined(list(plan.within))}" if plan.within else ""
    return f"{'highest' if plan.order.descending else 'lowest'} {label}{each}"


def where(plan: Plan) -> str:
    shown = (*(plan.source.filters if plan.source else ()), *plan.filters)
    text = f" where {conditions(shown)}" if shown else ""
    return f"{text}, with groups for which the {conditions(plan.having)}" if plan.having else text


def answer(plan: Plan, columns: Sequence[str], rows: Sequence[Sequence[Any]], count: int) -> str:
    """The result in one or two sentences.  ``rows`` are the first of ``count`` rows."""
    if plan.measures and not plan.dimensions:
        return _single(plan, rows)
    if plan.source is not None:
        return _stepped(plan, columns, rows, count)
    if count == 0:
        return f"There are no such rows: {title(plan)}."
    if plan.first is not None:
        return _first(plan, columns, rows, count)
    if plan.measures:
        return _groups(plan, columns, rows, count)
    return _listing(plan, rows, count)


def _stepped(plan: Plan, columns: Sequence[str], rows: Sequence[Sequence[Any]], count: int) -> str:
    """A result computed in two steps: the columns as they are called."""
    about = f"over the rows of {_tables(plan)}{where(plan)}"
    if count == 1:
        parts = [f"the {name} is {show(v)}" for name, v in zip(columns, rows[0], strict=True)]
        return f"{_capital(joined(parts))}, {about}."
    return f"{_capital(joined(list(columns)))}, {about}: {show(count)} rows."


def _single(plan: Plan, rows: Sequence[Sequence[Any]]) -> str:
    values = rows[0] if rows else [None] * len(plan.measures)
    if all(value is None for value in values):
        return f"There is no value to take: {title(plan)}."
    about = f" of {_tables(plan)}" + where(plan)
    if len(values) == 1 and isinstance(plan.measures[0], Combination):
        return _combined(plan, plan.measures[0], values[0])
    only = plan.measures[0] if isinstance(plan.measures[0], Measure) else None
    if len(values) == 1 and only and only.function == "count":
        count = values[0]
        there, noun = ("is", "row") if count == 1 else ("are", "rows")
        return f"There {there} {show(count)} {noun}{about}."
    if len(values) == 1 and only and only.function == "count distinct":
        there, noun = ("is", "value") if values[0] == 1 else ("are", "values")
        return f"There {there} {show(values[0])} different {noun} of {only.column} among the rows{about}."
    parts = [f"the {_named(m, v)} is {show(v)}" for m, v in zip(plan.measures, values, strict=True)]
    if only and only.function in ("count", "count distinct"):
        parts = [f"{measure_label(m)}: {show(v)}" for m, v in zip(plan.measures, values, strict=True)]
    text = joined(parts)
    return f"{text[0].upper()}{text[1:]}{_about(plan)}."


def _combined(plan: Plan, measure: Combination, value: Any) -> str:
    """One number made of two, with what it was made of."""
    left, right, over = measured(measure.left), measured(measure.right), _about(plan)
    match measure.operator:
        case "percent":
            return f"It is {show(value)} percent: the {left}, out of the {right}{over}."
        case "/":
            return f"The ratio is {show(value)}: the {left}, divided by the {right}{over}."
        case _:
            return f"The difference is {show(value)}: the {left}, minus the {right}{over}."


def _named(measure: Measured, value: Any) -> str:
    """The lowest of dates, which arrive as text, is the earliest."""
    words = {"min": "earliest", "max": "latest"}
    if isinstance(value, str) and isinstance(measure, Measure) and measure.function in words:
        return f"{words[measure.function]} {measure.column}"
    return measure_label(measure)


def _about(plan: Plan) -> str:
    return f", over the rows of {_tables(plan)}{where(plan)}" if plan.filters else f", over all rows of {_tables(plan)}"


def _groups(plan: Plan, columns: Sequence[str], rows: Sequence[Sequence[Any]], count: int) -> str:
    text = f"{_capital(title(plan))}: {show(count)} row{'s' * (count != 1)}"
    place = len(plan.dimensions)
    whole = len(rows) == count and count > 1
    known = [row for row in rows if isinstance(row[place], int | float) and not isinstance(row[place], bool)]
    if whole and known and len(plan.measures) == 1:
        low, high = min(r[place] for r in known), max(r[place] for r in known)
        if low != high:
            text += f"; highest {_who(plan, known, place, high)}, lowest {_who(plan, known, place, low)}"
    return text + "."


def _who(plan: Plan, rows: Sequence[Sequence[Any]], place: int, value: Any) -> str:
    named = [_label(plan, row) for row in rows if row[place] == value]
    return f"{joined(named[:MOST_LISTED])}{' and others' * (len(named) > MOST_LISTED)} ({show(value)})"


def _first(plan: Plan, columns: Sequence[str], rows: Sequence[Sequence[Any]], count: int) -> str:
    ordered = measure_label(plan.measures[plan.order.measure]) if plan.order and plan.order.measure is not None else ""
    ordered = ordered or (plan.order.column if plan.order else "")
    at = list(columns).index(ordered) if ordered in columns else None
    rank = _rank(plan)
    about = f"among the rows of {_tables(plan)}{where(plan)}" if plan.filters else f"among all rows of {_tables(plan)}"
    wanted = plan.first or 1
    if at is None and len(columns) <= 3 and count <= MOST_LISTED:
        listed = "; ".join(", ".join(show(value) for value in row) for row in rows)
        head = f"{joined(list(columns))} with the {rank}, {about}"
        return f"{_capital(head)}: {listed}{_shared(plan, count)}."
    if at is None or len(columns) > 3:
        shared = _shared(plan, count)
        return f"{show(count)} row{'s' * (count != 1)} with the {rank}, {about}{shared}."
    named = []
    for row in rows[:MOST_LISTED]:
        shown = ((name, v) for i, (name, v) in enumerate(zip(columns, row, strict=True)) if i != at)
        label = ", ".join(str(v) if name in plan.within and v is not None else _called(name, v) for name, v in shown)
        named.append(f"{label} ({show(row[at])})" if label else show(row[at]))
    listed = joined(named) + (f" and {show(count - MOST_LISTED)} more" if count > MOST_LISTED else "")
    places = f"The {wanted} with the {rank}" if wanted > 1 else f"The {rank}"
    return f"{places}, {about}: {listed}{_shared(plan, count)}."


def _called(column: str, value: Any) -> str:
    """What names a row: a text by itself, a number with the column that it is of."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{column} {value}" if number else show(value)


def _shared(plan: Plan, count: int) -> str:
    wanted = plan.first or 1
    if count <= wanted or plan.within:
        return ""
    if wanted == 1:
        return f"; {show(count)} share the first place"
    return f"; {show(count)} rows, because the last place is shared"


def _listing(plan: Plan, rows: Sequence[Sequence[Any]], count: int) -> str:
    text = f"{_capital(title(plan))}: {show(count)} row{'s' * (count != 1)}"
    if plan.select and count <= MOST_LISTED and len(plan.select) <= 3:
        text += ": " + "; ".join(", ".join(show(value) for value in row) for row in rows)
    return text + "."


def left_out(plan: Plan, tables: Mapping[str, Table]) -> str:
    """Which rows are not in the result for lack of a value; empty when there are none such."""
    plan = plan.source or plan
    named = [m.column for m in plan.measures if isinstance(m, Measure) and m.column]
    named += [plan.order.column] if plan.order and plan.order.column and plan.first is not None else []
    if plan.first is not None:
        named += [d.column for d in plan.dimensions]
    for filter_ in simple(plan.filters):
        negated = filter_.operator in ("<>", "not in") or filter_.values == (False,)
        named += [filter_.column] if negated else []
    kept = [f.column for f in simple(plan.filters) if f.operator == "not null"]
    missing = [n for n in dict.fromkeys(named) if n not in kept and _has_nulls(n, plan, tables)]
    return f" Rows without {joined(missing)} are left out." if missing else ""


def _has_nulls(name: str, plan: Plan, tables: Mapping[str, Table]) -> bool:
    source, column = split(name, sources(plan)) if plan.joins else ("", name)
    aliases = {join.source: join.table for join in plan.joins}
    table = tables.get(aliases.get(source, source or plan.table))
    return any(c.name == column and c.nulls > 0 for c in table.columns) if table is not None else False


def looked_up(plan: Plan, columns: Sequence[str], row: Sequence[Any]) -> str:
    """The one row of a look-up."""
    keys = {f.column for f in simple(plan.filters)}
    pairs = [f"{name} is {show(value)}" for name, value in zip(columns, row, strict=True) if name not in keys]
    text = joined(pairs)
    return f"{_capital(text)}{where(plan)}."


def show(value: Any) -> str:
    """A number with thousands separators, at most two decimals or four significant digits; other values
    as they are."""
    if value is None:
        return "(missing)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return f"{int(value):,}"
        if abs(value) >= 1:
            return f"{value:,.2f}".rstrip("0").rstrip(".")
        return f"{value:.4g}"
    return str(value)


def _label(plan: Plan, row: Sequence[Any]) -> str:
    """The groups of a row; a year is written without separators."""
    return " / ".join("(missing)" if v is None else str(v) for v in row[: len(plan.dimensions)])


def _capital(text: str) -> str:
    first = text.split(" ", 1)[0]
    return text[0].upper() + text[1:] if first.islower() and first.isalpha() else text
