"""Which aggregates tell of a group and not of a row, and how many rows each of them stands on.

Runs in the sandbox.  Pure: works on parts of the engine's syntax tree (see ``gate_tree``), and is an
allow-list.  An aggregate that gives cells back (``any_value``, ``list``, ``string_agg``, ``arg_max`` …)
is not on it, nor is an argument that could hide one row among many (``sum(x * (id = 5))``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Node = Mapping[str, Any]

COUNTS: Final = frozenset({"count", "approx_count_distinct", "entropy"})
CONDITIONS: Final = frozenset({"count_if", "countif", "bool_and", "bool_or"})
SUMS: Final = frozenset(
    """
    sum avg mean fsum kahan_sum sumkahan sum_no_overflow favg product geomean geometric_mean stddev stddev_pop
    stddev_samp var_pop var_samp variance skewness kurtosis kurtosis_pop sem corr covar_pop covar_samp regr_avgx
    regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    """.split()  # noqa: SIM905
)
ORDERED: Final = frozenset({"min", "max", "median", "quantile", "quantile_cont", "approx_quantile", "mad"})
"""These give back a value, or one between two: told of numbers and times only."""
AGGREGATES: Final = COUNTS | CONDITIONS | SUMS | ORDERED | {"count_star"}

_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "//", "%", "add", "subtract", "multiply", "divide", "mod"})
_NUMERIC: Final = _ARITHMETIC | frozenset(
    """
    abs round round_even floor ceil ceiling trunc sqrt ln log log10 log2 exp sign length len strlen date_part datepart
    date_diff datediff date_sub datesub year month day hour minute second quarter week dayofweek isodow dayofyear
    weekday epoch age
    """.split()  # noqa: SIM905
)
SCALARS: Final = _NUMERIC | frozenset(
    """
    || concat concat_ws lower upper lcase ucase trim ltrim rtrim substr substring left right replace strip_accents
    regexp_replace regexp_extract split_part coalesce ifnull nullif greatest least pow power ** ^ date_trunc datetrunc
    time_bucket strftime monthname dayname last_day make_date to_days to_months to_years contains starts_with
    ends_with prefix suffix regexp_matches regexp_full_match ~~ !~~ ~~* !~~* ~~~ ilike_escape like_escape
    not_ilike_escape not_like_escape isnan isfinite if printf format format_bytes typeof yearweek weekofyear isoyear
    decade century equi_width_bins strptime try_strptime
    """.split()  # noqa: SIM905
)
_TRUTHS: Final = frozenset({"COMPARISON", "CONJUNCTION", "BETWEEN"})
_TRUTH_OPERATORS: Final = frozenset(
    {"OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "COMPARE_IN", "COMPARE_NOT_IN"}
)
MEASURED_TYPES: Final = r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|DATE|TIME.*|INTERVAL"


class NotAggregating(Exception):
    """This part of a query may give cells of single rows.  ``construct`` names it."""

    def __init__(self, construct: str) -> None:
        super().__init__(construct)
        self.construct = construct


def name_of(function: Node) -> str:
    return str(function.get("function_name", "")).lower()


def arguments_of(function: Node) -> list[Node]:
    return [argument["expression"] for argument in function.get("arguments", ())]


def contributions(function: Node) -> list[Node]:
    """Expressions that are not NULL exactly in the rows on which an aggregate stands: each must be in
    enough rows of the group, or in none.  Empty for ``count(*)``.  Raises ``NotAggregating``."""
    name, arguments = name_of(function), arguments_of(function)
    if not (function.get("order_bys") or {"type": ""}).keys() <= {"type"}:
        raise NotAggregating(f"{name}(… ORDER BY …)")
    if name == "count_star":
        return []
    if not arguments:
        raise NotAggregating(name)
    if name in CONDITIONS:
        return [_when(arguments[0])]
    if name in COUNTS:
        return [arguments[0]]
    if name in ORDERED:
        if any(not _constant(argument) for argument in arguments[1:]) or not _plain(arguments[0]):
            raise NotAggregating(f"{name}(expression)")
        return [arguments[0]]
    return [branch for argument in arguments for branch in _branches(argument)]


def _branches(expression: Node) -> Iterator[Node]:
    """What of ``expression`` is summed up, each where it is: the branches of a CASE one by one."""
    kind = expression.get("class")
    if _constant(expression):
        return
    if kind == "COLUMN_REF":
        yield expression
    elif kind == "CASE":
        yield from _case(expression)
    elif kind == "CAST":
        child = expression["child"]
        if _truth(child):
            yield _when(child)
        else:
            yield from _branches(child)
    elif expression.get("type") == "OPERATOR_COALESCE":
        first, *rest = expression["children"]
        if not all(map(_constant, rest)):
            raise NotAggregating("COALESCE of columns in an aggregate")
        yield from _branches(first)
    elif kind == "FUNCTION" and name_of(expression) in _NUMERIC:
        varying = [argument for argument in arguments_of(expression) if not _constant(argument)]
        if len(varying) == 1:
            yield from _branches(varying[0])
        elif all(map(_number, varying)):
            yield expression
        else:
            raise NotAggregating("a condition inside of arithmetic in an aggregate")
    else:
        raise NotAggregating("this argument of an aggregate")


def _case(expression: Node) -> Iterator[Node]:
    """The CASE once for each branch that counts, with NULL in all the others."""
    checks = expression["case_checks"]
    results = [check["then_expr"] for check in checks] + [expression.get("else_expr") or NULL]
    for place, result in enumerate(results):
        if not (_constant(result) or _number(result)):
            raise NotAggregating("this CASE in an aggregate")
        if _nothing(result):
            continue
        kept = [result if place == other else NULL for other in range(len(results))]
        branches = [{**check, "then_expr": then} for check, then in zip(checks, kept, strict=False)]
        yield {"class": "CASE", "type": "CASE_EXPR", "case_checks": branches, "else_expr": kept[-1]}


def _number(expression: Node) -> bool:
    """Whether a value is reckoned from columns without conditions."""
    if _constant(expression) or expression.get("class") == "COLUMN_REF":
        return True
    if expression.get("class") == "CAST":
        return _number(expression["child"])
    return (
        expression.get("class") == "FUNCTION"
        and name_of(expression) in _NUMERIC
        and all(map(_number, arguments_of(expression)))
    )


def _plain(expression: Node) -> bool:
    """A column, also cut to a unit of time or cast."""
    if expression.get("class") == "CAST":
        return _plain(expression["child"])
    if expression.get("class") == "FUNCTION" and name_of(expression) in ("date_trunc", "datetrunc"):
        return all(_constant(a) or _plain(a) for a in arguments_of(expression))
    return expression.get("class") == "COLUMN_REF"


def _truth(expression: Node) -> bool:
    return expression.get("class") in _TRUTHS or expression.get("type") in _TRUTH_OPERATORS


def _constant(expression: Node) -> bool:
    if expression.get("class") == "CAST":
        return _constant(expression["child"])
    return expression.get("class") == "CONSTANT"


def _nothing(expression: Node) -> bool:
    """The constants NULL and 0, which add nothing."""
    literal = expression.get("literal", {}) if expression.get("class") == "CONSTANT" else {}
    return literal.get("kind") == "NULL_LITERAL" or literal.get("text") in ("0", "0.0")


# --- building -------------------------------------------------------------------------------------

NULL: Final[Node] = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "literal": {"kind": "NULL_LITERAL"}}


def integer(value: int) -> dict[str, Any]:
    return {"class": "CONSTANT", "type": "VALUE_CONSTANT", "literal": {"kind": "INTEGER", "text": str(value)}}


def text(value: str) -> dict[str, Any]:
    return {"class": "CONSTANT", "type": "VALUE_CONSTANT", "literal": {"kind": "STRING", "text": value}}


def column(*path: str) -> dict[str, Any]:
    return {"class": "COLUMN_REF", "type": "COLUMN_REF", "column_names": list(path)}


def call(name: str, *arguments: Node, distinct: bool = False, where: Node | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "class": "FUNCTION",
        "type": "FUNCTION",
        "function_name": name,
        "order_bys": {"type": "ORDER_MODIFIER"},
        "arguments": [{"expression": argument} for argument in arguments],
        "qualified_name": {"path": [name]},
    }
    return made | ({"distinct": True} if distinct else {}) | ({"filter": where} if where else {})


def is_some(expression: Node) -> dict[str, Any]:
    return {"class": "OPERATOR", "type": "OPERATOR_IS_NOT_NULL", "children": [expression]}


def choose(condition: Node, then: Node) -> dict[str, Any]:
    """``then`` where ``condition`` holds, else NULL."""
    checks = [{"when_expr": condition, "then_expr": then}]
    return {"class": "CASE", "type": "CASE_EXPR", "case_checks": checks, "else_expr": NULL}


def _when(condition: Node) -> dict[str, Any]:
    return choose(condition, integer(1))


def none_or_at_least(count: Node, least: int) -> dict[str, Any]:
    few = {
        "class": "BETWEEN",
        "type": "COMPARE_BETWEEN",
        "input": count,
        "lower": integer(1),
        "upper": integer(least - 1),
    }
    return {"class": "OPERATOR", "type": "OPERATOR_NOT", "children": [few]}


def both(*conditions: Node) -> Node:
    if len(conditions) == 1:
        return conditions[0]
    return {"class": "CONJUNCTION", "type": "CONJUNCTION_AND", "children": list(conditions)}
