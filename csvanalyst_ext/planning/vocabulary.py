"""The parts of a query plan as JSON: expressions, measures and conditions.  Pure; see ``language``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from .plan import (
    AllOf,
    Among,
    AnyOf,
    Branch,
    Call,
    CallName,
    Case,
    Combination,
    Comparator,
    Compare,
    Filter,
    Function,
    GroupFilter,
    Measure,
    Not,
    Operator,
    Part,
    Ref,
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
    problem,
)  # fmt: skip

_SYNONYMS: Final[Mapping[str, str]] = {
    "==": "=", "!=": "<>", "is": "=", "equals": "=", "is not": "<>", "less than": "<", "at most": "<=",
    "more than": ">", "at least": ">=", "is null": "null", "is not null": "not null",
}  # fmt: skip
"""Words for operators: in YAML ``>`` and ``<`` alone mean something else, and need quotes."""
_FUNCTIONS: Final = {
    "avg": "mean", "average": "mean", "minimum": "min", "maximum": "max", "total": "sum",
    "count_distinct": "count distinct", "stddev_population": "stddev population",
}  # fmt: skip

NAMED_EXPRESSION: Final = Named("expression", lambda: EXPRESSION)
NAMED_CONDITION: Final = Named("condition", lambda: CONDITION)
NAMED_MEASURE: Final = Named("measure", lambda: MEASURE)
_BASIC: Final = Named("plain_measure", lambda: BASIC)
_PLAIN: Final = Named("group_measure", lambda: PLAIN)
NAME: Final = Text()


def choice(literal: Any, synonyms: Mapping[str, str] | None = None, about: str = "") -> Choice:
    return Choice(tuple(word for word in get_args(literal) if word), synonyms or {}, about)


def fields(kind: Callable[..., Any], **renamed: str) -> tuple[Any, Any]:
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
            "column": (Ref, Struct((Key("column", NAME, required=True),), *fields(Ref))),
            "value": (Value, Struct((Key("value", Scalar(), required=True),), *fields(Value))),
            "call": (
                Call,
                Struct(
                    (Key("call", choice(CallName), required=True), Key("of", Many(NAMED_EXPRESSION, 1), required=True)),
                    *fields(Call, call="function", of="arguments"),
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
                                    (
                                        Key("when", NAMED_CONDITION, required=True),
                                        Key("then", NAMED_EXPRESSION, required=True),
                                    ),
                                    *fields(Branch),
                                ),
                                1,
                            ),
                            required=True,
                        ),
                        Key("else", NAMED_EXPRESSION),
                    ),
                    *fields(Case, **{"case": "branches", "else": "otherwise"}),
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
            Key("function", choice(Function, _FUNCTIONS), required=True),
            Key("column", Text("what to measure; nothing for a count of rows; for function measure its name"), ""),
            Key("other", Text("the second column of a correlation"), ""),
            Key("quantile", Fraction("0.9 for the 90th percentile")),
            Key("where", Many(NAMED_CONDITION, single=True, about="only these rows, for this measure alone"), ()),
            Key("name", Text("the name in the result"), ""),
        ),
        *fields(Measure, where="filters"),
    ),
    Text("count, or the name of a measure of the data dictionary"),
    lambda raw: isinstance(raw, str),
    lambda said: Measure("count") if said == "count" else Measure("measure", said),
    lambda value: _short(value),
)


def _short(value: Measure) -> Any:
    if value == Measure("count"):
        return "count"
    return value.column if value == Measure("measure", value.column) else ABSENT


_COMBINATION: Final = Struct(
    (
        Key("combine", Choice(("-", "+", "*", "/", "percent")), required=True),
        Key("left", _BASIC, required=True),
        Key("right", _BASIC, required=True),
        Key("name", NAME, ""),
    ),
    *fields(Combination, combine="operator"),
)
_WINDOW: Final = Struct(
    (
        Key("window", Choice(("share", "running total", "change", "growth", "rank")), required=True),
        Key("of", _PLAIN, required=True),
        Key("along", Text("the group of time, by its name in the result; the first one when it is not given"), ""),
        Key("within", Many(NAME, single=True), ()),
        Key("descending", Flag("rank 1 is the highest"), True),
        Key("name", NAME, ""),
    ),
    *fields(Window, window="function", of="measure"),
)


def _by_key(what: str, kinds: Mapping[str, tuple[type, Shape]]) -> Shape:
    """Objects told apart by a key; what is neither of the others is a plain measure."""
    basic = (Measure, BASIC)
    return Short(
        OneOf({**kinds, "function": basic}, what),
        BASIC,
        lambda raw: isinstance(raw, str),
        lambda value: value,
        lambda value: value if isinstance(value, Measure) and _short(value) is not ABSENT else ABSENT,
    )


PLAIN: Final[Shape] = _by_key("a measure", {"combine": (Combination, _COMBINATION)})
MEASURE: Final[Shape] = _by_key("a measure", {"window": (Window, _WINDOW), "combine": (Combination, _COMBINATION)})


# --- conditions -----------------------------------------------------------------------------------

_OPERATOR: Final = choice(Operator, _SYNONYMS)
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
        Key("column", NAME, required=True),
        *_TESTED,
        Key("part", choice(Part, about="this part of a date"), ""),
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
        Key("left", NAMED_EXPRESSION, required=True),
        Key("operator", choice(Comparator, {k: v for k, v in _SYNONYMS.items() if "null" not in v}), required=True),
        Key("right", _RIGHT, required=True),
    ),
    *fields(Compare),
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


def _plan() -> Shape:
    from .language import PLAN  # a plan holds conditions, and a condition may hold a plan

    return PLAN


def _several(key: str) -> Key:
    return Key(key, Many(NAMED_CONDITION, 1), required=True)


_AMONG: Final = Struct(
    (
        Key("among", Named("plan", _plan), required=True),
        Key("columns", Many(NAME, 1, single=True, about="as many as the plan has"), required=True),
        Key("negated", Flag(), False),
    ),
    *fields(Among, among="plan"),
)

CONDITION: Final[Shape] = OneOf(
    {
        "among": (Among, _AMONG),
        "all": (AllOf, Struct((_several("all"),), *fields(AllOf, all="conditions"))),
        "any": (AnyOf, Struct((_several("any"),), *fields(AnyOf, any="conditions"))),
        "not": (Not, Struct((Key("not", NAMED_CONDITION, required=True),), *fields(Not, **{"not": "condition"}))),
        "measure": (GroupFilter, _GROUP_FILTER),
        "left": (Compare, _COMPARE),
        "column": (Filter, _FILTER),
    },
    "a condition",
)
