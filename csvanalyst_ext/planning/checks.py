"""Conditions, expressions and measures held against the columns: names made exact, types and values checked.  Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, assert_never

from .labels import labels
from .names import Names
from .plan import (
    AllOf,
    Among,
    AnyOf,
    Branch,
    Call,
    Case,
    Combination,
    Compare,
    Condition,
    Expression,
    Filter,
    Function,
    GroupFilter,
    Measure,
    Not,
    Operator,
    Part,
    Ref,
    Scalar,
    Value,
)  # fmt: skip
from .schema import Column, Kind
from .shapes import problem
from .words import key

_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_RANGES: Final = {"quarter": (1, 4), "month": (1, 12), "week": (1, 53), "day": (1, 31), "hour": (0, 23)}
_TEXT: Final = ("starts with", "ends with", "contains")
_NUMERIC: Final[tuple[Function, ...]] = (
    "sum", "mean", "median", "quantile", "stddev", "stddev population", "correlation",
)  # fmt: skip
_KINDS: Final = {
    "number": "a number", "text": "a text", "boolean": "true or false", "date": "a date or time",
    "other": "of another type",
}  # fmt: skip
_EXAMPLES: Final = {"date": ", such as 2013-05-06", "number": ", without quotes", "text": ", in quotes"}
YES: Final = frozenset({"yes", "y", "true", "t", "1"})
NO: Final = frozenset({"no", "n", "false", "f", "0"})


# --- conditions -----------------------------------------------------------------------------------


def conditions(nodes: Sequence[Condition], names: Names, path: str, *, groups: bool = False) -> tuple[Condition, ...]:
    """``groups``: the conditions are on groups, as in ``having``."""
    return tuple(condition(node, names, f"{path}[{place}]", groups) for place, node in enumerate(nodes))


def condition(node: Condition, names: Names, path: str, groups: bool = False) -> Condition:
    """The condition with exact names and values of the columns' types.  Raises ``PlanError``."""
    match node:
        case AllOf():
            return AllOf(conditions(node.conditions, names, f"{path}.all", groups=groups))
        case AnyOf():
            return AnyOf(conditions(node.conditions, names, f"{path}.any", groups=groups))
        case Not():
            return Not(condition(node.condition, names, f"{path}.not", groups))
        case GroupFilter():
            if not groups:
                raise problem("plan_shape", path, "A condition on a measure chooses groups.", "Put it into having.")
            return _group_filter(node, names, path)
        case Filter() | Compare() | Among() if groups:
            raise problem("plan_shape", path, "This condition chooses rows, not groups.", "Put it into where.")
        case Among():
            return _among(node, names, path)
        case Filter():
            return _filter(node, names, path)
        case Compare():
            return _compare(node, names, path)
        case _:
            assert_never(node)


def _filter(node: Filter, names: Names, path: str) -> Filter:
    name, column = names.find(node.column, f"{path}.column")
    part, operator = node.part, node.operator
    _count(operator, len(node.values), path)
    if part and column.kind != "date":
        raise wrong_kind(column, "date", f"{path}.part", f"A {part} can only be taken of a date")
    if operator in _TEXT and column.kind != "text":
        raise wrong_kind(column, "text", f"{path}.operator", f"'{operator}' is for texts")
    if node.fold and column.kind != "text":
        raise wrong_kind(column, "text", f"{path}.ignore_case", "Only texts have upper and lower case")
    values = tuple(
        _part_value(value, part, place) if part not in ("", "date") else fitting(value, column, place)
        for place, value in _places(node, path)
    )
    whole_days = values and all(isinstance(v, dt.date) and not isinstance(v, dt.datetime) for v in values)
    if whole_days and column.type.upper() != "DATE" and not part:
        part = "date"  # a day means all of its hours
    return replace(node, column=name, values=values, part=part)


def _among(node: Among, names: Names, path: str) -> Among:
    if names.inner is None:
        raise problem("plan_shape", path, "A condition on another plan has no place here.", "Put it into where.")
    plan, table = names.inner(node.plan, f"{path}.among")
    if not labels(plan):
        hint = "Choose them with select or group_by."
        raise problem("plan_shape", f"{path}.among", "The columns of this plan are not chosen.", hint)
    found = [names.find(name, f"{path}.columns[{place}]") for place, name in enumerate(node.columns)]
    if len(found) != len(table.columns):
        message = f"There are {len(found)} columns here, and {len(table.columns)} in the plan."
        raise problem("plan_shape", f"{path}.columns", message, "Name as many as the plan gives.")
    for place, ((name, column), other) in enumerate(zip(found, table.columns, strict=True)):
        if column.kind != other.kind:
            message = f"{name!r} is {_KINDS[column.kind]}, and {other.name!r} of the plan is {_KINDS[other.kind]}."
            raise problem("plan_column_type", f"{path}.columns[{place}]", message)
    return replace(node, columns=tuple(name for name, _ in found), plan=plan)


def _places(node: Filter | GroupFilter, path: str) -> list[tuple[str, Scalar]]:
    if len(node.values) == 1:
        return [(f"{path}.value", node.values[0])]
    return [(f"{path}.values[{place}]", value) for place, value in enumerate(node.values)]


def _count(operator: Operator, found: int, path: str) -> None:
    wanted = {"between": (2, 2), "null": (0, 0), "not null": (0, 0), "in": (1, 1_000), "not in": (1, 1_000)}
    low, high = wanted.get(operator, (1, 1))
    if not low <= found <= high:
        number = f"{low} to {high:,}" if low < high else str(low)
        hint = "For missing values there are the operators 'null' and 'not null'." if not found else ""
        raise problem("plan_values", path, f"{operator!r} takes {number} value{'s' * (high != 1)}, not {found}.", hint)


def fitting(value: Scalar, column: Column, path: str) -> Scalar:
    """``value`` as one of the column's type."""
    if column.kind == "number":
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    elif column.kind == "text":
        if isinstance(value, str):
            return value
    elif column.kind == "boolean":
        if isinstance(value, bool):
            return value
        said = key(value) if isinstance(value, str) else str(value)
        if said in YES | NO:
            return said in YES
    elif column.kind == "date":
        if isinstance(value, dt.date):
            return value
        if isinstance(value, str):
            return moment(value, path)
    else:
        message = f"{column.name!r} is of type {column.type}, which cannot be compared with values."
        raise problem("plan_value_type", path, message, "Choose another column.")
    hint = f"Write the value as {_KINDS[column.kind]}{_EXAMPLES.get(column.kind, '')}."
    raise problem("plan_value_type", path, f"{column.name!r} is {_KINDS[column.kind]}, and {value!r:.80} is not.", hint)


def moment(text: str, path: str) -> dt.date:
    """The date or date with time that a text says."""
    try:
        return dt.date.fromisoformat(text) if len(text) == 10 else dt.datetime.fromisoformat(text)
    except ValueError:
        hint = "Write it as 2013-05-06 or 2013-05-06 14:30:00; for a whole year or month use part."
        raise problem("plan_value_type", path, f"{text[:80]!r} is not a date.", hint) from None


def _part_value(value: Scalar, part: Part, path: str) -> Scalar:
    if part == "weekday":
        found = [day for day in _WEEKDAYS if isinstance(value, str) and key(value) in (key(day), key(day[:3]))]
        if not found:
            raise problem("plan_value_type", path, f"{value!r:.60} is not a weekday.", valid=_WEEKDAYS)
        return found[0]
    if part == "month" and isinstance(value, str):
        months = [n for n, name in enumerate(_MONTHS, 1) if key(value) in (name, name[:3])]
        if months:
            return months[0]
    if isinstance(value, bool) or not isinstance(value, int):
        raise problem("plan_value_type", path, f"A {part} is a whole number, and {value!r:.60} is not.")
    low, high = _RANGES.get(part, (-9999, 9999))
    if not low <= value <= high:
        raise problem("plan_range", path, f"A {part} is a number from {low} to {high}.")
    return value


def _compare(node: Compare, names: Names, path: str) -> Compare:
    left_node, right_node = node.left, node.right
    left_kind = expression_kind(left_node, names, f"{path}.left")
    if isinstance(right_node, Measure):
        of_all = _plain(right_node, names, f"{path}.right.measure")
        right: Expression | Measure = of_all
        right_kind = measure_kind(of_all, names)
    else:
        right = right_node
        right_kind = expression_kind(right_node, names, f"{path}.right")
    if "date" in (left_kind, right_kind) and left_kind != right_kind:
        if isinstance(right, Value) and isinstance(right.value, str):
            right, right_kind = Value(moment(right.value, f"{path}.right")), "date"
        elif isinstance(left_node, Value) and isinstance(left_node.value, str):
            left_node, left_kind = Value(moment(left_node.value, f"{path}.left")), "date"
    if left_kind != right_kind:
        message = f"{_KINDS[left_kind].capitalize()} cannot be compared with {_KINDS[right_kind]}."
        raise problem("plan_column_type", path, message)
    if not isinstance(right, Measure):
        right = expression(right, names, f"{path}.right")
    return Compare(expression(left_node, names, f"{path}.left"), node.operator, right)


def _group_filter(node: GroupFilter, names: Names, path: str) -> GroupFilter:
    found = measure(node.measure, names, f"{path}.measure")
    kind = measure_kind(found, names)
    if node.groups:
        if node.values or node.operator not in ("=", "<>", "<", "<=", ">", ">="):
            hint = "Use one of =, <>, <, <=, >, >= and no value."
            raise problem("plan_shape", path, "With groups the measure is compared with one number.", hint)
        if kind != "number":
            raise problem("plan_column_type", f"{path}.groups", f"This measure gives {_KINDS[kind]}, not a number.")
        return replace(node, measure=found)
    _count(node.operator, len(node.values), path)
    if node.operator in _TEXT and kind != "text":
        raise problem("plan_column_type", f"{path}.operator", f"{node.operator!r} is for texts.")
    column = Column("the measure", {"number": "DOUBLE", "text": "VARCHAR", "boolean": "BOOLEAN"}.get(kind, "DATE"))
    values = tuple(fitting(value, column, place) for place, value in _places(node, path))
    return replace(node, measure=found, values=values)


# --- measures -------------------------------------------------------------------------------------


def measure(node: Measure | Combination, names: Names, path: str) -> Measure | Combination:
    """The measure with exact names.  Raises ``PlanError``."""
    if isinstance(node, Combination):
        sides = []
        for side, one in (("left", node.left), ("right", node.right)):
            made = measure(one, names, f"{path}.{side}")
            if not isinstance(made, Measure) or measure_kind(made, names) != "number":
                raise problem("plan_column_type", f"{path}.{side}", "Only numbers can be combined.")
            sides.append(made)
        return replace(node, left=sides[0], right=sides[1])
    return _plain(node, names, path)


def _plain(node: Measure, names: Names, path: str) -> Measure:
    if not node.column and node.function != "count":
        raise problem("plan_missing_key", path, f"{node.function!r} needs a column.", "Add the entry 'column'.")
    if node.other and node.function != "correlation":
        raise problem("plan_shape", f"{path}.other", "Only a correlation has a second column.")
    if (node.quantile is not None) != (node.function == "quantile"):
        hint = "Give quantile, a number from 0 to 1, with the function quantile and with no other."
        raise problem("plan_shape", f"{path}.quantile", "The function and the entry quantile do not fit.", hint)
    if node.function == "correlation" and not node.other:
        raise problem("plan_missing_key", path, "A correlation needs a second column.", "Add the entry 'other'.")
    filters = conditions(node.filters, names, f"{path}.where")
    named = {"column": "", "other": ""}
    for entry, said in (("column", node.column), ("other", node.other)):
        if said:
            named[entry], column = names.find(said, f"{path}.{entry}")
            if node.function in _NUMERIC and column.kind != "number":
                raise wrong_kind(column, "number", f"{path}.{entry}", f"A {node.function} needs numbers")
    return replace(node, column=named["column"], other=named["other"], filters=filters)


def measure_kind(node: Measure | Combination, names: Names) -> Kind:
    """What the (exact) measure gives."""
    if isinstance(node, Measure) and node.function in ("min", "max"):
        return names.column(node.column).kind
    return "number"


def wrong_kind(column: Column, wanted: str, path: str, what: str) -> Exception:
    message = f"{what}, and {column.name!r} is {_KINDS[column.kind]} ({column.type})."
    advice = {
        ("number", "text"): "Count its values, or use a number column.",
        ("number", "boolean"): "Count the rows where it is true: function count, with where.",
        ("date", "number"): "If the column holds years or months already, use it as it is.",
    }
    return problem("plan_column_type", path, message, advice.get((wanted, column.kind), "Choose another column."))


# --- expressions ----------------------------------------------------------------------------------

_PERIODS: Final = ("day", "week", "month", "quarter", "year")
_SIGNATURES: Final[dict[str, tuple[tuple[str, ...], Kind]]] = {
    **dict.fromkeys(("+", "-", "*", "/", "%", "bin"), (("number", "number"), "number")),
    **dict.fromkeys(("abs", "floor", "ceil"), (("number",), "number")),
    **dict.fromkeys(("lower", "upper", "trim"), (("text",), "text")),
    "length": (("text",), "number"),
    **dict.fromkeys(("year", "quarter", "month", "week", "day", "hour"), (("date",), "number")),
    "weekday": (("date",), "text"),
    **dict.fromkeys(("date", *(f"start of {period}" for period in _PERIODS)), (("date",), "date")),
    **{f"{unit} between": (("date", "date"), "number") for unit in ("days", "hours", "minutes")},
}  # fmt: skip


def expression(node: Expression, names: Names, path: str) -> Expression:
    """The expression with exact names.  Raises ``PlanError``."""
    return _typed(node, names, path)[0]


def expression_kind(node: Expression, names: Names, path: str) -> Kind:
    return _typed(node, names, path)[1]


def _typed(node: Expression, names: Names, path: str) -> tuple[Expression, Kind]:
    match node:
        case Ref():
            name, column = names.find(node.column, path)
            return Ref(name), column.kind
        case Value():
            return node, _value_kind(node.value)
        case Case():
            return _case(node, names, path)
        case Call():
            return _call(node, names, path)
        case _:
            assert_never(node)


def _value_kind(value: Scalar) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, dt.date):
        return "date"
    return "text" if isinstance(value, str) else "number"


def _case(node: Case, names: Names, path: str) -> tuple[Expression, Kind]:
    branches, kinds = [], []
    for place, branch in enumerate(node.branches):
        when = condition(branch.when, names, f"{path}.case[{place}].when")
        then, kind = _typed(branch.then, names, f"{path}.case[{place}].then")
        branches.append(Branch(when, then))
        kinds.append(kind)
    otherwise = None
    if node.otherwise is not None:
        otherwise, kind = _typed(node.otherwise, names, f"{path}.else")
        kinds.append(kind)
    if len(set(kinds)) > 1:
        said = " and ".join(_KINDS[kind] for kind in dict.fromkeys(kinds))
        raise problem("plan_column_type", path, f"The branches give different things: {said}.", "Make them the same.")
    return Case(tuple(branches), otherwise), kinds[0]


def _call(node: Call, names: Names, path: str) -> tuple[Expression, Kind]:
    typed = [_typed(one, names, f"{path}.of[{place}]") for place, one in enumerate(node.arguments)]
    kinds = [kind for _, kind in typed]
    arguments = [made for made, _ in typed]
    name = node.function
    if name == "concat":
        return Call(name, tuple(arguments)), "text"
    if name == "coalesce":
        if len(set(kinds)) > 1:
            raise problem("plan_column_type", path, "All that coalesce takes must be of one type.")
        return Call(name, tuple(arguments)), kinds[0]
    if name == "round":
        signature: tuple[tuple[str, ...], Kind] = (("number", "number")[: max(1, min(2, len(kinds)))], "number")
    else:
        signature = _SIGNATURES[name]
    wanted, result = signature
    if len(kinds) != len(wanted):
        message = f"{name!r} takes {len(wanted)} value{'s' * (len(wanted) != 1)}, not {len(kinds)}."
        raise problem("plan_values", f"{path}.of", message)
    for place, (kind, right) in enumerate(zip(kinds, wanted, strict=True)):
        argument = arguments[place]
        if right == "date" and isinstance(argument, Value) and isinstance(argument.value, str):
            arguments[place] = Value(moment(argument.value, f"{path}.of[{place}]"))
        elif kind != right:
            message = f"{name!r} takes {_KINDS[right]} here, and this is {_KINDS[kind]}."
            raise problem("plan_column_type", f"{path}.of[{place}]", message)
    if name == "round" and len(arguments) == 2 and not _small_whole(arguments[1]):
        raise problem("plan_values", f"{path}.of[1]", "This must be a whole number of digits, from 0 to 15.")
    if name == "bin" and not (isinstance(arguments[1], Value) and _positive(arguments[1].value)):
        raise problem("plan_values", f"{path}.of[1]", "The width of bins must be a number above 0.")
    return Call(name, tuple(arguments)), result


def _small_whole(node: Expression) -> bool:
    return isinstance(node, Value) and type(node.value) is int and 0 <= node.value <= 15


def _positive(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
