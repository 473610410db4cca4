"""Measures that a person writes as a formula, such as ``sum(price * quantity)`` or ``sum(profit) / count(*)``.  Pure.

A formula is one aggregate of numbers of a row, or two of them set against each other.  It is read here and
never evaluated: a plan says the same in its own terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from .plan import Call, Expression, Function, Ref, Value

MAX_FORMULA: Final = 300
_MOST_DEPTH: Final = 20
_MOST_DIGITS: Final = 15
_FUNCTIONS: Final[Mapping[str, Function]] = {
    "sum": "sum", "total": "sum", "avg": "mean", "mean": "mean", "average": "mean", "median": "median",
    "min": "min", "max": "max", "count": "count", "stddev": "stddev",
}  # fmt: skip
FUNCTIONS: Final = (*_FUNCTIONS, "count(distinct …)")

Operator = Literal["", "+", "-", "*", "/", "percent"]

_SCANNER: Final = re.compile(
    r"""(?x) \s* (?:
    (?P<number> \d+ (?:\.\d+)? | \.\d+ ) (?![\w.])
  | (?P<name>   [^\W\d]\w* )
  | (?P<quoted> "(?:[^"]|"")+" | `[^`]+` )
  | (?P<sign>   [-+*/%()] ) )
    """
)


class BadFormula(ValueError):
    """The text is no formula; its message says why, for people."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``function`` of ``expression`` in each row; without one it counts rows."""

    function: Function
    expression: Expression | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return () if self.expression is None else tuple(dict.fromkeys(_columns(self.expression)))

    @property
    def column(self) -> str:
        """The column, where the expression is no more than one."""
        return self.expression.column if isinstance(self.expression, Ref) else ""

    def __str__(self) -> str:
        distinct = "distinct " if self.function == "count distinct" else ""
        name = {"count distinct": "count", "mean": "avg"}.get(self.function, self.function)
        return f"{name}({distinct}{'*' if self.expression is None else written(self.expression)})"


@dataclass(frozen=True, slots=True)
class Formula:
    """One aggregate, or ``left`` and ``right`` with an operator between them (``percent``: 100 times the ratio)."""

    left: Aggregate
    operator: Operator = ""
    right: Aggregate | None = None

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        return (self.left,) if self.right is None else (self.left, self.right)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for one in self.aggregates for name in one.columns))

    def renamed(self, name: Callable[[str], str]) -> Formula:
        """The same with ``name`` of every column in its place."""

        def of(one: Aggregate) -> Aggregate:
            return one if one.expression is None else replace(one, expression=renamed(one.expression, name))

        return replace(self, left=of(self.left), right=None if self.right is None else of(self.right))

    def __str__(self) -> str:
        if self.right is None:
            return str(self.left)
        factor, sign = ("100 * ", "/") if self.operator == "percent" else ("", self.operator)
        return f"{factor}{self.left} {sign} {self.right}"


def written(node: Expression, *, inner: bool = False) -> str:
    """An expression as a formula has it."""
    if isinstance(node, Ref):
        plain = re.fullmatch(r"[^\W\d]\w*", node.column)
        return node.column if plain else '"' + node.column.replace('"', '""') + '"'
    if isinstance(node, Value):
        return str(node.value)
    if not isinstance(node, Call):
        raise TypeError("no expression of a formula")
    text = f" {node.function} ".join(written(one, inner=True) for one in node.arguments)
    return f"({text})" if inner else text


def renamed(node: Expression, name: Callable[[str], str]) -> Expression:
    """The expression of a formula with ``name`` of every column in its place."""
    if isinstance(node, Ref):
        return Ref(name(node.column))
    if isinstance(node, Call):
        return replace(node, arguments=tuple(renamed(one, name) for one in node.arguments))
    return node


def _columns(node: Expression) -> Iterator[str]:
    if isinstance(node, Ref):
        yield node.column
    elif isinstance(node, Call):
        for one in node.arguments:
            yield from _columns(one)


def read_formula(text: str) -> Formula:
    """The formula that ``text`` is.  Raises ``BadFormula``."""
    if len(text) > MAX_FORMULA:
        raise BadFormula(f"it is longer than {MAX_FORMULA} characters")
    reader = _Reader(tuple(_tokens(text)))
    found = reader.formula()
    if reader.kind:
        raise BadFormula(f"{reader.text!r} is too much; a formula has one or two aggregates, such as sum(a) / sum(b)")
    return found


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = _SCANNER.match(text, at)
        if found is None:
            raise BadFormula(f"{text[at:].strip()[:20]!r} cannot be read")
        kind = found.lastgroup or ""
        yield kind, found[kind]
        at = found.end()


@dataclass
class _Reader:
    tokens: tuple[tuple[str, str], ...]
    at: int = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    @property
    def text(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else "the end"

    def take(self, *signs: str) -> str:
        """The sign that comes next if it is one of these."""
        if self.kind == "sign" and self.text in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise BadFormula(f"there should be {sign!r} where {self.text!r} is")

    def formula(self) -> Formula:
        percent = self.tokens[self.at : self.at + 2] == (("number", "100"), ("sign", "*"))
        self.at += 2 * percent
        left = self.aggregate()
        sign = self.take("/") if percent else self.take("+", "-", "*", "/")
        if percent and not sign:
            raise BadFormula("after 100 * there should be a ratio, such as 100 * sum(a) / sum(b)")
        if not sign:
            return Formula(left)
        operator: Operator = "percent" if percent else sign  # type: ignore[assignment]
        return Formula(left, operator, self.aggregate())

    def aggregate(self) -> Aggregate:
        said = self.text
        if self.kind != "name" or said.lower() not in _FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise BadFormula(f"{said!r} is no function of many rows; there is {known}, such as sum(price * quantity)")
        self.at += 1
        self.need("(")
        function = _FUNCTIONS[said.lower()]
        if function == "count" and (self.take("*") or (self.kind, self.text) == ("sign", ")")):
            self.need(")")
            return Aggregate("count")
        if function == "count" and self.kind == "name" and self.text.lower() == "distinct":
            self.at += 1
            function = "count distinct"
        inner = self.sum_of(0)
        self.need(")")
        if function in ("count", "count distinct") and not isinstance(inner, Ref):
            raise BadFormula(f"{said} counts the values of one column")
        return Aggregate(function, inner)

    def sum_of(self, depth: int) -> Expression:
        node = self.product(depth)
        while sign := self.take("+", "-"):
            node = Call(sign, (node, self.product(depth)))  # type: ignore[arg-type]
        return node

    def product(self, depth: int) -> Expression:
        node = self.value(depth)
        while sign := self.take("*", "/", "%"):
            node = Call(sign, (node, self.value(depth)))  # type: ignore[arg-type]
        return node

    def value(self, depth: int) -> Expression:
        if depth > _MOST_DEPTH:
            raise BadFormula("it has too many brackets")
        if self.take("-"):
            inner = self.value(depth + 1)
            if isinstance(inner, Value) and isinstance(inner.value, int | float):
                return Value(-inner.value)
            return Call("-", (Value(0), inner))
        if self.take("("):
            node = self.sum_of(depth + 1)
            self.need(")")
            return node
        kind, text = self.kind, self.text
        self.at += 1
        if kind == "number":
            if len(text) > _MOST_DIGITS:
                raise BadFormula(f"a number has at most {_MOST_DIGITS} digits")
            return Value(float(text) if "." in text else int(text))
        if kind == "quoted":
            return Ref(text[1:-1].replace('""', '"') if text[0] == '"' else text[1:-1])
        if kind == "name" and (self.kind, self.text) != ("sign", "("):
            return Ref(text)
        if kind == "name":
            raise BadFormula(f"{text}(…) cannot stand inside; columns, numbers, + - * / % and brackets can")
        raise BadFormula(f"there should be a column or a number where {text!r} is")
