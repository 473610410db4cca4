"""The query plan as JSON: which keys there are and what each one takes.  Pure.

One declaration, here and in ``vocabulary``, of which the reader, the writer and the published JSON Schema all come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .labels import dimension_label, measure_label
from .plan import VERSION, Bucket, Derived, Dimension, Join, Measure, Order, Part, Plan, SetOperation
from .shapes import ABSENT, Choice, Flag, Key, Many, Named, Shape, Short, Struct, Text, Whole, join, problem
from .vocabulary import (
    BASIC,
    CONDITION,
    EXPRESSION,
    MEASURE,
    NAME,
    NAMED_CONDITION,
    NAMED_EXPRESSION,
    NAMED_MEASURE,
    PLAIN,
    choice,
    fields,
)  # fmt: skip
from .words import key as folded

_PLAN: Final = Named("plan", lambda: PLAN)


# --- the plan -------------------------------------------------------------------------------------

_DIMENSION: Final = Short(
    Struct(
        (
            Key("column", NAME, required=True),
            Key("part", choice(Part, about="a part of a date; its years fall together"), ""),
            Key("bucket", choice(Bucket, about="a period; its years stay apart"), ""),
            Key("name", NAME, ""),
        ),
        *fields(Dimension),
    ),
    NAME,
    lambda raw: isinstance(raw, str),
    Dimension,
    lambda value: value.column if value == Dimension(value.column) else ABSENT,
)
_DERIVED: Final = Struct(
    (Key("name", NAME, required=True), Key("expression", NAMED_EXPRESSION, required=True)), *fields(Derived)
)
_PAIR: Final = Short(
    Struct(
        (Key("left", NAME, required=True), Key("right", NAME, required=True)),
        lambda v, _: (v["left"], v["right"]),
        lambda pair: {"left": pair[0], "right": pair[1]},
    ),
    NAME,
    lambda raw: isinstance(raw, str),
    lambda name: (name, name),
    lambda pair: pair[0] if pair[0] == pair[1] else ABSENT,
)
_JOIN: Final = Struct(
    (
        Key("table", NAME, required=True),
        Key("on", Many(_PAIR, single=True, about="columns with equal values; found when not given"), ()),
        Key("kind", Choice(("inner", "left", "semi", "anti")), "inner"),
        Key("as", Text("another name for the table here"), ""),
        Key("where", Many(NAMED_CONDITION, single=True, about="only these rows of the joined table"), ()),
    ),
    *fields(Join, **{"as": "alias", "where": "filters"}),
)
_SORTED: Final = Short(
    Struct(
        (Key("by", NAME, required=True), Key("descending", Flag(), False)),
        lambda v, _: Order(v["descending"], column=v["by"]),
        lambda order: {"by": order.column, "descending": order.descending},
    ),
    NAME,
    lambda raw: isinstance(raw, str),
    lambda name: Order(column=name),
    lambda order: ABSENT if order.descending else order.column,
)
_SET: Final = Struct(
    (
        Key("operator", Choice(("intersect", "except", "union")), required=True),
        Key("plan", _PLAN, required=True),
    ),
    *fields(SetOperation),
)
_FROM: Final = Short(
    _PLAN, NAME, lambda raw: isinstance(raw, str), lambda name: name, lambda v: v if isinstance(v, str) else ABSENT
)


def _make_plan(values: dict[str, Any], path: str) -> Plan:
    origin, orders = values.pop("from"), values.pop("order")
    alias = values.pop("as")
    if alias and isinstance(origin, str):
        raise problem("plan_shape", join(path, "as"), "Only an inner plan is given another name.", "Leave it out.")
    inner = isinstance(origin, Plan)
    renamed = {"where": "filters", "group_by": "dimensions", "derive": "derived"}
    rest = {renamed.get(key, key): value for key, value in values.items()}
    orders = tuple(_measured(order, rest["dimensions"], rest["measures"]) for order in orders)
    return Plan(
        **rest,
        table=alias if inner else origin,
        source=origin if inner else None,
        order=orders[0] if orders else None,
        then=orders[1:],
    )


def _measured(order: Order, dimensions: tuple[Dimension, ...], measures: tuple[Any, ...]) -> Order:
    """An order by the name of a measure, or by what it measures, is one by that measure."""
    said = folded(order.column)
    if said in {folded(text) for one in dimensions for text in (one.column, dimension_label(one))}:
        return order
    names = [
        (measure_label(one), *((f"{one.function} {one.column}", one.column) if isinstance(one, Measure) else ()))
        for one in measures
    ]
    for kind in range(3):
        places = [place for place, one in enumerate(names) if len(one) > kind and folded(one[kind]) == said != ""]
        if len(places) == 1:
            return Order(order.descending, measure=places[0])
    return order


def _take_plan(plan: Plan) -> dict[str, Any]:
    orders = [*([plan.order] if plan.order else []), *plan.then]
    return {
        **{name: getattr(plan, name) for name in plan.__dataclass_fields__},
        "from": plan.source or plan.table,
        "as": plan.table if plan.source else "",
        "where": plan.filters,
        "group_by": plan.dimensions,
        "derive": plan.derived,
        "order": tuple(
            order
            if order.measure is None
            else Order(order.descending, None, measure_label(plan.measures[order.measure]))
            for order in orders
        ),
    }


PLAN: Final[Shape] = Struct(
    (
        Key("version", Whole(1, VERSION, "of this language"), VERSION),
        Key("from", _FROM, required=True),
        Key("as", Text("the name of the inner plan"), ""),
        Key("joins", Many(_JOIN), ()),
        Key("derive", Many(_DERIVED, about="new columns"), ()),
        Key("where", Many(NAMED_CONDITION, single=True, about="only rows that meet all of these"), ()),
        Key("select", Many(NAME, about="the columns to list; all when not given"), ()),
        Key("distinct", Flag("each row once"), False),
        Key("group_by", Many(_DIMENSION, single=True), ()),
        Key("measures", Many(NAMED_MEASURE, single=True), ()),
        Key("having", Many(NAMED_CONDITION, single=True, about="only groups that meet all of these"), ()),
        Key("order", Many(_SORTED, single=True), ()),
        Key("first", Whole(about="so many first places of the order, with all ties")),
        Key("place", Whole(about="this place of the order alone: 2 for the second highest")),
        Key("within", Many(NAME, single=True, about="first or place for each of these"), ()),
        Key("limit", Whole(about="at most so many rows")),
        Key("pivot", Text("the group whose values become columns"), ""),
        Key("sets", Many(_SET), ()),
    ),
    _make_plan,
    _take_plan,
)

DEFINITIONS: Final[Mapping[str, Shape]] = {
    "plan": PLAN, "expression": EXPRESSION, "condition": CONDITION, "measure": MEASURE, "group_measure": PLAIN,
    "plain_measure": BASIC,
}  # fmt: skip


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a plan: what the reader takes, before any data is looked at."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CSV Analyst query plan",
        "$ref": "#/$defs/plan",
        "$defs": {name: shape.schema() for name, shape in DEFINITIONS.items()},
    }
