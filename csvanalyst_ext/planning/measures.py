"""Measures of the data dictionary: found in a question, and in a plan replaced by what they stand for.  Pure.

A plan says ``revenue``; afterwards it says the sum of a derived column ``price * quantity``, called revenue.
The plans of models and people and those of the planner go the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..errors import PlanError
from .formula import Aggregate, renamed, written
from .labels import sources
from .names import Names, ambiguous, matching
from .plan import (
    AllOf,
    Among,
    AnyOf,
    Combination,
    Compare,
    Condition,
    Derived,
    Expression,
    GroupFilter,
    Measure,
    Measured,
    Not,
    Plan,
    Window,
)
from .schema import NamedMeasure, Table
from .shapes import close, problem
from .shapes import join as at
from .words import pieces


class Phrases(Protocol):
    def phrase(self, at: int, phrases: Iterable[str]) -> Iterable[tuple[int, str]]:
        """The fixed phrases that stand at ``at``, with their ends."""


def spoken(words: Phrases, at: int, table: Table) -> Iterator[tuple[int, Measure]]:
    """The measures of ``table`` that are named at ``at``; what adds up may be called "total"."""
    for known in table.measures:
        adds_up = known.formula.right is None and known.formula.left.function in ("sum", "count")
        starts = {at, *((end for end, _ in words.phrase(at, ("total", "overall"))) if adds_up else ())}
        for said in {pieces(name) for name in (known.name, *known.synonyms)}:
            own = any(column.pieces == said for column in table.columns)
            for start in starts:
                if start == at or not own:
                    for end, _ in words.phrase(start, (" ".join(said),)):
                        yield end, Measure("measure", known.name)


def expanded(plan: Plan, tables: Sequence[Table]) -> Plan:
    """A plan of the planner, in which all other names are exact, with the formulas of its measures.

    Raises ``PlanError`` when it cannot be said so.
    """
    if not any(table.measures for table in tables):
        return plan
    by_name = {table.name: table for table in tables}
    filters = tuple(_inner(condition, tables) for condition in plan.filters)
    plan = replace(plan, filters=filters, source=expanded(plan.source, tables) if plan.source else None)
    if plan.source is not None:
        return plan
    joined = zip(sources(plan), [plan.table, *(join.table for join in plan.joins)], strict=True)
    names = Names(tuple((source, by_name[name]) for source, name in joined), bool(plan.joins))
    return with_measures(plan, names, "")


def _inner(condition: Condition, tables: Sequence[Table]) -> Condition:
    match condition:
        case Among():
            return replace(condition, plan=expanded(condition.plan, tables))
        case AllOf() | AnyOf():
            return replace(condition, conditions=tuple(_inner(one, tables) for one in condition.conditions))
        case Not():
            return Not(_inner(condition.condition, tables))
        case _:
            return condition


def with_measures(plan: Plan, names: Names, path: str, repeated: Collection[str] = ()) -> Plan:
    """``plan`` with the formulas of the measures that it names.  ``repeated`` are the sources whose rows the joins
    repeat.  Raises ``PlanError``: ``plan_unknown_measure``, ``plan_ambiguous``, ``plan_shape`` or
    ``plan_repeats_rows``."""
    expansion = _Expansion(names, [one.name for one in plan.derived], repeated)
    measures = tuple(expansion.measured(m, at(path, f"measures[{n}]")) for n, m in enumerate(plan.measures))
    having = expansion.conditions(plan.having, at(path, "having"))
    filters = expansion.conditions(plan.filters, at(path, "where"))
    if not expansion.named:
        return plan
    derived = (*expansion.derived, *plan.derived)
    return replace(plan, measures=measures, having=having, filters=filters, derived=derived)


@dataclass
class _Expansion:
    names: Names
    taken: list[str]
    repeated: Collection[str] = ()
    named: bool = False
    derived: list[Derived] = field(default_factory=list)

    def measured(self, node: Measured, path: str) -> Measured:
        if isinstance(node, Window):
            return replace(node, measure=self.either(node.measure, f"{path}.of"))
        return self.either(node, path)

    def either(self, node: Measure | Combination, path: str) -> Measure | Combination:
        if isinstance(node, Measure):
            return self.expanded(node, path)
        left, right = self.simple(node.left, f"{path}.left"), self.simple(node.right, f"{path}.right")
        return replace(node, left=left, right=right)

    def simple(self, node: Measure, path: str) -> Measure:
        found = self.expanded(node, path)
        if isinstance(found, Combination):
            message = f"{node.column[:80]!r} is made of two measures, and only one has a place here."
            raise problem("plan_shape", path, message, "Compute it in an inner plan.")
        return found

    def conditions(self, nodes: Sequence[Condition], path: str) -> tuple[Condition, ...]:
        return tuple(self.condition(node, f"{path}[{n}]") for n, node in enumerate(nodes))

    def condition(self, node: Condition, path: str) -> Condition:
        match node:
            case GroupFilter():
                return replace(node, measure=self.either(node.measure, f"{path}.measure"))
            case Compare() if isinstance(node.right, Measure):
                return replace(node, right=self.simple(node.right, f"{path}.right.measure"))
            case AllOf():
                return AllOf(self.conditions(node.conditions, f"{path}.all"))
            case AnyOf():
                return AnyOf(self.conditions(node.conditions, f"{path}.any"))
            case Not():
                return Not(self.condition(node.condition, f"{path}.not"))
            case _:
                return node

    def expanded(self, node: Measure, path: str) -> Measure | Combination:
        if node.function != "measure":
            self.only_measures(node, path)
            return node
        self.named = True
        source, known = self.find(node.column, path)
        if source in self.repeated:
            message = (
                f"{known.name!r} is of the rows of {source!r}, and the joins repeat these: they would count twice."
            )
            hint = f"Group by columns of {source!r}, or compute the measure in an inner plan."
            raise problem("plan_repeats_rows", path, message, hint)

        def one(part: Aggregate) -> Measure:
            if part.expression is None:
                return Measure(part.function, filters=node.filters)
            column = self.column(part.column, source) if part.column else self.computed(part.expression, source)
            return Measure(part.function, column, filters=node.filters)

        name, formula = node.name or known.name, known.formula
        if formula.right is None or not formula.operator:
            return replace(one(formula.left), name=name)
        return Combination(formula.operator, one(formula.left), one(formula.right), name)

    def only_measures(self, node: Measure, path: str) -> None:
        """A measure is no column of which something could be computed."""
        for source, table in self.names.sources:
            for one in table.measures:
                if node.column in (one.name, f"{source}.{one.name}") and not self.is_column(node.column):
                    message = f"{node.column[:80]!r} is a measure, and has no {node.function}."
                    raise problem("plan_shape", path, message, "Name the measure alone.")

    def is_column(self, name: str) -> bool:
        try:
            self.names.find(name, "")
        except PlanError:
            return name in self.taken
        return True

    def column(self, name: str, source: str) -> str:
        return f"{source}.{name}" if self.names.qualified else name

    def computed(self, expression: Expression, source: str) -> str:
        """The derived column of the expression, made at its first use."""
        own = renamed(expression, lambda name: self.column(name, source))
        for made in self.derived:
            if made.expression == own:
                return made.name
        wanted = written(expression)
        columns = [column.name for _, other in self.names.sources for column in other.columns]
        taken = {name.casefold() for name in (*columns, *self.taken, *(one.name for one in self.derived))}
        several = (wanted, f"{wanted} of {source}", *(f"{wanted} ({n})" for n in range(2, 1000)))
        name = next(name for name in several if name.casefold() not in taken)
        self.derived.append(Derived(name, own))
        return name

    def find(self, said: str, path: str) -> tuple[str, NamedMeasure]:
        known = [(source, one) for source, table in self.names.sources for one in table.measures]
        things = [
            (name, (source, one))
            for source, one in known
            for word in (one.name, *one.synonyms)
            for name in (word, f"{source}.{word}")
        ]
        found = matching(said, things)
        if len(found) == 1:
            return found[0]
        listed = [one.name for _, one in known]
        if found:
            raise ambiguous("measure", said, [f"{source}.{one.name}" for source, one in found], path)
        if matching(said, [(c.name, c) for _, table in self.names.sources for c in table.columns]):
            hint = "For a column, say what to compute of it, such as {function: sum, column: …}."
        else:
            hint = f"There is: {', '.join(['count', *(close(said, listed) or listed)][:20])}."
        message = f"There is no measure {said[:80]!r}."
        raise problem("plan_unknown_measure", path, message, hint, ["count", *listed])
