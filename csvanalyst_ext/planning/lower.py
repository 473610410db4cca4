"""From what a question means to the plan that answers it.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from . import plan as p
from .graph import Graph, Path
from .query import (
    Against,
    AnyOf,
    Beside,
    Calc,
    Condition,
    Expression,
    Field,
    Having,
    Known,
    NotAll,
    Pair,
    Query,
    Related,
    Test,
    Versus,
)
from .spoken import shift

_PERCENT = "percent"


def lower(query: Query, graph: Graph) -> p.Plan:
    """The plan for ``query``."""
    return _Lowering(query, graph).plan()


@dataclass
class _Lowering:
    query: Query
    graph: Graph
    aliases: dict[Path, str] = field(default_factory=dict)
    joins: list[p.Join] = field(default_factory=list)

    def plan(self) -> p.Plan:
        query = self.query
        self._sources()
        filters = tuple(found for condition in query.where for found in self.condition(condition))
        plan = p.Plan(query.root, filters=filters, joins=tuple(self.joins), limit=query.limit)
        if query.outer:
            return self._outer(replace(query, outer=""))
        if query.group or any(not isinstance(e, Field) for e in query.select):
            return self._grouped(plan)
        select = tuple(self.column(e) for e in query.select if isinstance(e, Field))
        orders = [p.Order(s.descending, column=self.column(s.by)) for s in query.sort if isinstance(s.by, Field)]
        return replace(
            plan, select=select, distinct=query.distinct, order=orders[0] if orders else None, then=tuple(orders[1:]),
            first=query.first, place=query.nth,
        )  # fmt: skip

    def _grouped(self, plan: p.Plan) -> p.Plan:
        query = self.query
        shown = [e for e in query.select if isinstance(e, Field)]
        hidden = [f for f in query.group if f not in shown and not self._told_apart(f, shown)]
        dimensions = tuple(
            p.Dimension(self.column(f), f.part, f.bucket) for f in (*[s for s in shown if s in query.group], *hidden)
        )
        calcs = [e for e in query.select if not isinstance(e, Field)]
        calcs += [s.by for s in query.sort if not isinstance(s.by, Field) and s.by not in calcs]
        measures = tuple(map(self.measured, calcs))
        orders = []
        for sort in query.sort:
            if isinstance(sort.by, Field):
                label = next(
                    (
                        d
                        for d in dimensions
                        if d.column == self.column(sort.by) and (d.part, d.bucket) == (sort.by.part, sort.by.bucket)
                    ),
                    None,
                )
                if label is not None:
                    orders.append(p.Order(sort.descending, column=label.name or self._label(label)))
            else:
                orders.append(p.Order(sort.descending, measure=calcs.index(sort.by)))
        having = tuple(self._having(one) for one in query.having)
        grouped = replace(
            plan, dimensions=dimensions, measures=measures, having=having, order=orders[0] if orders else None,
            then=tuple(orders[1:]), first=query.first, place=query.nth,
        )  # fmt: skip
        return self._in_percent(grouped, calcs)

    def _outer(self, query: Query) -> p.Plan:
        """A function of the groups' one measure, or their number."""
        present = tuple(Test(p.Filter(f.column, "not null"), f.path) for f in query.group)
        inner = lower(replace(query, where=(*query.where, *present)), self.graph)
        from .labels import labels

        if self.query.outer == "count":
            return p.Plan(source=replace(inner, order=None), measures=(p.Measure("count"),))
        return p.Plan(source=inner, measures=(p.Measure(self.query.outer, labels(inner)[-1]),))  # type: ignore[arg-type]

    def _label(self, dimension: p.Dimension) -> str:
        from .labels import dimension_label

        return dimension_label(dimension)

    def _in_percent(self, plan: p.Plan, calcs: Sequence[Expression]) -> p.Plan:
        """Shares and growth as percentages: a step around the plan, since a plan gives them as parts of 1."""
        from .labels import labels

        names = labels(plan)
        derived, shown = [], []
        for place, name in enumerate(names):
            calc = calcs[place - len(plan.dimensions)] if place >= len(plan.dimensions) else None
            if isinstance(calc, Beside) and calc.function in ("share", "growth"):
                call = p.Call("*", (p.Ref(name), p.Value(100)))
                derived.append(p.Derived(f"{name} in percent", call))
                shown.append(f"{name} in percent")
            else:
                shown.append(name)
        growth = next((c for c in calcs if isinstance(c, Pair) and c.operator == "growth"), None)
        if growth is not None:
            both = replace(plan, measures=(self.calc(growth.left, "after"), self.calc(growth.right, "before")))
            change = p.Call("/", (p.Call("-", (p.Ref("after"), p.Ref("before"))), p.Ref("before")))
            percent = p.Derived("growth in percent", p.Call("*", (p.Value(100), change)))
            return p.Plan(source=both, derived=(percent,), select=("growth in percent", "before", "after"))
        if not derived:
            return plan
        return p.Plan(source=replace(plan, order=None), derived=tuple(derived), select=tuple(shown))

    def _told_apart(self, hidden: Field, shown: Sequence[Field]) -> bool:
        """Whether a shown name already tells apart the rows that the hidden key does."""
        table = self._table(hidden.path)
        return any(
            f.path == hidden.path and self.graph.tables[table].unique(self.graph.tables[table].column(f.column)) is True
            for f in shown
        )

    # --- sources -----------------------------------------------------------------------------------

    def _sources(self) -> None:
        """One join for every way, shorter ones first."""
        paths = {path[:n] for path in _paths(self.query) for n in range(1, len(path) + 1)}
        taken = {self.query.root}
        self.aliases[()] = self.query.root
        for path in sorted(paths, key=lambda one: (len(one), repr(one))):
            edge = path[-1].edge
            alias = edge.target
            if alias in taken:
                alias = next(a for n in range(2, 99) if (a := f"{edge.target}_{n}") not in taken)
            taken.add(alias)
            self.aliases[path] = alias
            base = self.aliases[path[:-1]]
            on = tuple((f"{base}.{c}", k) for c, k in zip(edge.columns, edge.keys, strict=True))
            self.joins.append(p.Join(edge.target, on, alias=alias if alias != edge.target else ""))

    def column(self, named: Field) -> str:
        return f"{self.aliases[named.path]}.{named.column}" if self.joins else named.column

    def _table(self, path: Path) -> str:
        return path[-1].end if path else self.query.root

    # --- conditions ----------------------------------------------------------------------------------

    def condition(self, condition: Condition) -> tuple[p.Condition, ...]:
        match condition:
            case Test():
                return (replace(condition.filter, column=self.column(Field(condition.filter.column, condition.path))),)
            case Versus():
                where = tuple(f for c in condition.where for f in self.condition(shift(c, condition.field.path)))
                measure = p.Measure(condition.function, self.column(condition.field), filters=where)
                return (p.Compare(p.Ref(self.column(condition.field)), condition.operator, measure),)
            case Against():
                left, right = p.Ref(self.column(condition.left)), p.Ref(self.column(condition.right))
                return (p.Compare(left, condition.operator, right),)
            case AnyOf():
                return (p.AnyOf(tuple(p.AllOf(self._all(option)) for option in condition.options)),)
            case NotAll():
                if len(condition.where) == 1 and isinstance(condition.where[0], Known):
                    return (self._unknown(condition.where[0].path),)
                return (p.Not(p.AllOf(self._all(condition.where))),)
            case Known():
                return (self._known(condition.path),)
            case Related():
                return (self._related(condition),)

    def _all(self, conditions: Sequence[Condition]) -> tuple[p.Condition, ...]:
        return tuple(found for condition in conditions for found in self.condition(condition))

    def _known(self, path: Path) -> p.Among:
        edge, rest = path[0].edge, path[1:]
        inner = Query(edge.target, tuple(Field(k) for k in edge.keys), where=(Known(rest),) if rest else ())
        return p.Among(tuple(self.column(Field(c)) for c in edge.columns), lower(inner, self.graph))

    def _unknown(self, path: Path) -> p.Condition:
        table = self.graph.tables[self.query.root]
        there = replace(self._known(path), negated=True)
        empty = [p.Filter(self.column(Field(c)), "null") for c in path[0].edge.columns if table.column(c).nulls]
        return p.AnyOf((*empty, there)) if empty else there

    def _related(self, related: Related) -> p.Condition:
        down = next(at for at, step in enumerate(related.path) if not step.up)
        ups, edge, rest = related.path[:down], related.path[down].edge, related.path[down + 1 :]
        where: tuple[Condition, ...]
        if any(not step.up for step in rest):
            where = (Related(rest, related.where),)
        else:
            where = tuple(shift(condition, rest) for condition in related.where)
            if rest and not where:
                where = ()
        table = self.graph.tables[edge.source]
        where += tuple(Test(p.Filter(c, "not null")) for c in edge.columns if table.column(c).nulls)
        fields = tuple(Field(column) for column in edge.columns)
        operator, number = related.operator, related.number
        negated = operator in ("<", "<=") or (operator == "=" and number == 0)
        if negated:
            operator, number = (">", number) if operator == "<=" else (">=", number if operator == "<" else 1)
        if (operator, number) in ((">=", 1), (">", 0)):
            inner = Query(edge.source, fields, distinct=False, where=where)
        else:
            counted = Calc("count")
            if rest and len(rest[-1].edge.columns) == 1:  # each row at the end once, however often it is referred to
                counted = Calc("count distinct", Field(rest[-1].edge.columns[0], rest[:-1]))
            inner = Query(edge.source, fields, where=where, group=fields, having=(Having(counted, operator, number),))
        columns = tuple(self.column(Field(key, ups)) for key in edge.keys)
        return p.Among(columns, lower(inner, self.graph), negated)

    def _having(self, having: Having) -> p.Condition:
        return p.GroupFilter(self.calc(having.calc), having.operator, (having.number,))

    # --- measures --------------------------------------------------------------------------------------

    def measured(self, node: Expression) -> p.Measured:
        match node:
            case Pair():
                operator = _PERCENT if node.operator == "growth" else node.operator
                name = {"-": "difference", "/": "ratio"}.get(node.operator, _PERCENT)
                return p.Combination(operator, self.calc(node.left), self.calc(node.right), name)  # type: ignore[arg-type]
            case Beside():
                return p.Window(node.function, self.calc(node.calc))
            case Calc():
                return self.calc(node)
            case Field():
                raise TypeError("a field is no measure")

    def calc(self, calc: Calc, name: str = "") -> p.Measure:
        column = self.column(calc.field) if calc.field else ""
        other = self.column(calc.other) if calc.other else ""
        filters = tuple(found for condition in calc.where for found in self.condition(condition))
        return p.Measure(calc.function, column, other, calc.quantile, filters, name or calc.name)


def _paths(query: Query) -> set[Path]:
    """The ways of everything in the query but what lies in inner queries."""
    found: set[Path] = set()

    def of_condition(condition: Condition) -> None:
        match condition:
            case Test():
                found.add(condition.path)
            case Versus():
                found.add(condition.field.path)
            case Against():
                found.update((condition.left.path, condition.right.path))
            case AnyOf():
                for option in condition.options:
                    for inner in option:
                        of_condition(inner)
            case NotAll():
                for inner in condition.where:
                    of_condition(inner)
            case Known():
                pass
            case Related():
                down = next(at for at, step in enumerate(condition.path) if not step.up)
                found.add(condition.path[:down])

    def of_expression(node: Expression) -> None:
        match node:
            case Field():
                found.add(node.path)
            case Calc():
                found.update(f.path for f in (node.field, node.other) if f is not None)
                for condition in node.where:
                    of_condition(condition)
            case Pair():
                of_expression(node.left)
                of_expression(node.right)
            case Beside():
                of_expression(node.calc)

    for condition in query.where:
        of_condition(condition)
    for node in (*query.select, *query.group, *(s.by for s in query.sort), *(h.calc for h in query.having)):
        of_expression(node)
    return found - {()}
