"""The query plan as JSON: which keys there are and what each one takes.  Pure.

One declaration, of which the reader, the writer and the published JSON Schema all come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from .labels import dimension_label, measure_label
from .plan import (
    VERSION,
    AllOf,
    AnyOf,
    Branch,
    Bucket,
    Call,
    CallName,
    Case,
    Combination,
    Comparator,
    Compare,
    Derived,
    Dimension,
    Filter,
    Function,
    GroupFilter,
    Join,
    Measure,
    Not,
    Operator,
    Order,
    Part,
    Plan,
    Ref,
    SetOperation,
    Value,
    Window,
)  # fmt: skip
from .shapes import (
    ABSENT,
    Choice,
    Flag,
    Fraction,
    Key,
    Many,
    Named,
    OneOf,
    Scalar,
    Shape,
    Short,
    Struct,
    Text,
    Whole,
    join,
    problem,
)  # fmt: skip
from .words import key as folded

_SYNONYMS: Final[Mapping[str, str]] = {
    "==": "=", "!=": "<>", "is": "=", "equals": "=", "is not": "<>", "less than": "<", "at most": "<=",
    "more than": ">", "at least": ">=", "is null": "null", "is not null": "not null",
}  # fmt: skip
"""Words for operators: in YAML ``>`` and ``<`` alone mean something else, and need quotes."""
_FUNCTIONS: Final = {
    "avg": "mean", "average": "mean", "minimum": "min", "maximum": "max", "total": "sum",
    "count_distinct": "count distinct", "stddev_population": "stddev population",
}  # fmt: skip

_EXPRESSION: Final = Named("expression", lambda: EXPRESSION)
_CONDITION: Final = Named("condition", lambda: CONDITION)
_MEASURE: Final = Named("measure", lambda: MEASURE)
_BASIC: Final = Named("plain_measure", lambda: BASIC)
_PLAIN: Final = Named("group_measure", lambda: PLAIN)
_PLAN: Final = Named("plan", lambda: PLAN)
_NAME: Final = Text()


def _choice(literal: Any, synonyms: Mapping[str, str] | None = None, about: str = "") -> Choice:
    return Choice(tuple(word for word in get_args(literal) if word), synonyms or {}, about)


def _fields(kind: Callable[..., Any], **renamed: str) -> tuple[Any, Any]:
    """``make`` and ``take`` for a dataclass whose fields are called as the keys are, but for ``renamed``
    (key to field)."""

    def make(values: dict[str, Any], path: str) -> Any:
        return kind(**{renamed.get(key, key): value for key, value in values.items()})

    def take(value: Any) -> dict[str, Any]:
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return {**fields, **{key: fields[name] for key, name in renamed.items()}}

    return make, take


# --- expressions ----------------------------------------------------------------------------------

EXPRESSION: Final[Shape] = Short(
    OneOf(
        {
            "column": (Ref, Struct((Key("column", _NAME, required=True),), *_fields(Ref))),
            "value": (Value, Struct((Key("value", Scalar(), required=True),), *_fields(Value))),
            "call": (
                Call,
                Struct(
                    (Key("call", _choice(CallName), required=True), Key("of", Many(_EXPRESSION, 1), required=True)),
                    *_fields(Call, call="function", of="arguments"),
                ),
            ),
            "case": (
                Case,
                Struct(
                    (
                        Key(
                            "case",
                            Many(
                                Struct(
                                    (Key("when", _CONDITION, required=True), Key("then", _EXPRESSION, required=True)),
                                    *_fields(Branch),
                                ),
                                1,
                            ),
                            required=True,
                        ),
                        Key("else", _EXPRESSION),
                    ),
                    *_fields(Case, **{"case": "branches", "else": "otherwise"}),
                ),
            ),
        },
        "an expression",
    ),
    Scalar(),
    lambda raw: isinstance(raw, str | int | float),
    lambda short: Ref(short) if isinstance(short, str) else Value(short),
    lambda node: node.column if isinstance(node, Ref) else ABSENT,
)
"""A text alone is a column, a number or true or false alone is a value."""


# --- measures -------------------------------------------------------------------------------------

BASIC: Final[Shape] = Short(
    Struct(
        (
            Key("function", _choice(Function, _FUNCTIONS), required=True),
            Key("column", Text("what to measure; nothing for a count of rows"), ""),
            Key("other", Text("the second column of a correlation"), ""),
            Key("quantile", Fraction("0.9 for the 90th percentile")),
            Key("where", Many(_CONDITION, single=True, about="only these rows, for this measure alone"), ()),
            Key("name", Text("the name in the result"), ""),
        ),
        *_fields(Measure, where="filters"),
    ),
    Choice(("count",)),
    lambda raw: isinstance(raw, str),
    Measure,
    lambda value: "count" if value == Measure("count") else ABSENT,
)

_COMBINATION: Final = Struct(
    (
        Key("combine", Choice(("-", "+", "*", "/", "percent")), required=True),
        Key("left", _BASIC, required=True),
        Key("right", _BASIC, required=True),
        Key("name", _NAME, ""),
    ),
    *_fields(Combination, combine="operator"),
)
_WINDOW: Final = Struct(
    (
        Key("window", Choice(("share", "running total", "change", "growth", "rank")), required=True),
        Key("of", _PLAIN, required=True),
        Key("along", Text("the group of time, by its name in the result; the first one when it is not given"), ""),
        Key("within", Many(_NAME, single=True), ()),
        Key("descending", Flag("rank 1 is the highest"), True),
        Key("name", _NAME, ""),
    ),
    *_fields(Window, window="function", of="measure"),
)


def _by_key(what: str, kinds: Mapping[str, tuple[type, Shape]]) -> Shape:
    """Objects told apart by a key; what is neither of the others is a plain measure."""
    basic = (Measure, BASIC)
    return Short(
        OneOf({**kinds, "function": basic}, what),
        BASIC,
        lambda raw: isinstance(raw, str),
        lambda value: value,
        lambda value: value if value == Measure("count") else ABSENT,
    )


PLAIN: Final[Shape] = _by_key("a measure", {"combine": (Combination, _COMBINATION)})
MEASURE: Final[Shape] = _by_key("a measure", {"window": (Window, _WINDOW), "combine": (Combination, _COMBINATION)})


# --- conditions -----------------------------------------------------------------------------------

_OPERATOR: Final = _choice(Operator, _SYNONYMS)
_TESTED: Final = (
    Key("operator", _OPERATOR, required=True),
    Key("value", Scalar()),
    Key("values", Many(Scalar(), single=True), ()),
)


def _values(values: dict[str, Any], path: str) -> tuple[Any, ...]:
    one, many = values["value"], values["values"]
    if one is not None and many:
        raise problem("plan_shape", path, "There are both value and values here.", "Give one of them.")
    return many if one is None else (one,)


def _listed(values: tuple[Any, ...]) -> dict[str, Any]:
    return {"value": values[0], "values": ()} if len(values) == 1 else {"value": None, "values": values}


_FILTER: Final = Struct(
    (
        Key("column", _NAME, required=True),
        *_TESTED,
        Key("part", _choice(Part, about="this part of a date"), ""),
        Key("ignore_case", Flag(), False),
    ),
    lambda v, path: Filter(v["column"], v["operator"], _values(v, path), v["part"], v["ignore_case"]),
    lambda f: {
        "column": f.column,
        "operator": f.operator,
        "part": f.part,
        "ignore_case": f.fold,
        **_listed(f.values),
    },
)
_RIGHT: Final = Short(
    EXPRESSION,
    Struct((Key("measure", _BASIC, required=True),), lambda v, _: v["measure"], lambda m: {"measure": m}),
    lambda raw: isinstance(raw, dict) and "measure" in raw,
    lambda value: value,
    lambda value: value if isinstance(value, Measure) else ABSENT,
)
_COMPARE: Final = Struct(
    (
        Key("left", _EXPRESSION, required=True),
        Key("operator", _choice(Comparator, {k: v for k, v in _SYNONYMS.items() if "null" not in v}), required=True),
        Key("right", _RIGHT, required=True),
    ),
    *_fields(Compare),
)
_GROUP_FILTER: Final = Struct(
    (
        Key("measure", _PLAIN, required=True),
        *_TESTED,
        Key("groups", Choice(("mean", "median"), about="against this of the measure over all groups"), ""),
    ),
    lambda v, path: GroupFilter(v["measure"], v["operator"], _values(v, path), v["groups"]),
    lambda g: {"measure": g.measure, "operator": g.operator, "groups": g.groups, **_listed(g.values)},
)


def _several(key: str) -> Key:
    return Key(key, Many(_CONDITION, 1), required=True)


CONDITION: Final[Shape] = OneOf(
    {
        "all": (AllOf, Struct((_several("all"),), *_fields(AllOf, all="conditions"))),
        "any": (AnyOf, Struct((_several("any"),), *_fields(AnyOf, any="conditions"))),
        "not": (Not, Struct((Key("not", _CONDITION, required=True),), *_fields(Not, **{"not": "condition"}))),
        "measure": (GroupFilter, _GROUP_FILTER),
        "left": (Compare, _COMPARE),
        "column": (Filter, _FILTER),
    },
    "a condition",
)


# --- the plan -------------------------------------------------------------------------------------

_DIMENSION: Final = Short(
    Struct(
        (
            Key("column", _NAME, required=True),
            Key("part", _choice(Part, about="a part of a date; its years fall together"), ""),
            Key("bucket", _choice(Bucket, about="a period; its years stay apart"), ""),
            Key("name", _NAME, ""),
        ),
        *_fields(Dimension),
    ),
    _NAME,
    lambda raw: isinstance(raw, str),
    Dimension,
    lambda value: value.column if value == Dimension(value.column) else ABSENT,
)
_DERIVED: Final = Struct(
    (Key("name", _NAME, required=True), Key("expression", _EXPRESSION, required=True)), *_fields(Derived)
)
_PAIR: Final = Short(
    Struct(
        (Key("left", _NAME, required=True), Key("right", _NAME, required=True)),
        lambda v, _: (v["left"], v["right"]),
        lambda pair: {"left": pair[0], "right": pair[1]},
    ),
    _NAME,
    lambda raw: isinstance(raw, str),
    lambda name: (name, name),
    lambda pair: pair[0] if pair[0] == pair[1] else ABSENT,
)
_JOIN: Final = Struct(
    (
        Key("table", _NAME, required=True),
        Key("on", Many(_PAIR, single=True, about="columns with equal values; found when not given"), ()),
        Key("kind", Choice(("inner", "left", "semi", "anti")), "inner"),
        Key("as", Text("another name for the table here"), ""),
        Key("where", Many(_CONDITION, single=True, about="only these rows of the joined table"), ()),
    ),
    *_fields(Join, **{"as": "alias", "where": "filters"}),
)
_SORTED: Final = Short(
    Struct(
        (Key("by", _NAME, required=True), Key("descending", Flag(), False)),
        lambda v, _: Order(v["descending"], column=v["by"]),
        lambda order: {"by": order.column, "descending": order.descending},
    ),
    _NAME,
    lambda raw: isinstance(raw, str),
    lambda name: Order(column=name),
    lambda order: ABSENT if order.descending else order.column,
)
_SET: Final = Struct(
    (
        Key("operator", Choice(("intersect", "except", "union")), required=True),
        Key("plan", _PLAN, required=True),
    ),
    *_fields(SetOperation),
)
_FROM: Final = Short(
    _PLAN, _NAME, lambda raw: isinstance(raw, str), lambda name: name, lambda v: v if isinstance(v, str) else ABSENT
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
        Key("where", Many(_CONDITION, single=True, about="only rows that meet all of these"), ()),
        Key("select", Many(_NAME, about="the columns to list; all when not given"), ()),
        Key("distinct", Flag("each row once"), False),
        Key("group_by", Many(_DIMENSION, single=True), ()),
        Key("measures", Many(_MEASURE, single=True), ()),
        Key("having", Many(_CONDITION, single=True, about="only groups that meet all of these"), ()),
        Key("order", Many(_SORTED, single=True), ()),
        Key("first", Whole(about="so many first places of the order, with all ties")),
        Key("place", Whole(about="this place of the order alone: 2 for the second highest")),
        Key("within", Many(_NAME, single=True, about="first or place for each of these"), ()),
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
