"""Hypothesis strategies for query plans over the two tables of ``ROWS``, and for their rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from csvanalyst_ext.planning.labels import dimension_label as label_of
from csvanalyst_ext.planning.plan import (
    AllOf,
    AnyOf,
    Branch,
    Call,
    Case,
    Combination,
    Compare,
    Condition,
    Derived,
    Dimension,
    Expression,
    Filter,
    GroupFilter,
    Join,
    Measure,
    Not,
    Order,
    Plan,
    Ref,
    SetOperation,
    Value,
    Window,
)
from csvanalyst_ext.planning.schema import Column, Table

TEXTS = ["north", "South", "O'Hare", 'a"b', "x; DROP TABLE sales --", "%", "ß", "line\nbreak", ""]
NUMBERS = [-2, 0, 1, 2, 3, 5]
HALVES = [-1.5, 0.0, 0.5, 1.0, 2.5, 4.0]
DAYS = [dt.date(2019, 12, 30), dt.date(2020, 1, 1), dt.date(2020, 1, 31), dt.date(2020, 2, 29), dt.date(2021, 3, 7)]
TIMES = [dt.datetime(2019, 12, 30, 23, 59), dt.datetime(2020, 1, 1), dt.datetime(2020, 2, 29, 9, 30)]
COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "region": ("VARCHAR", TEXTS),
    'odd "name": x.y': ("VARCHAR", TEXTS[:4]),
    "units": ("BIGINT", NUMBERS),
    "price": ("DOUBLE", HALVES),
    "sold_on": ("DATE", DAYS),
    "at": ("TIMESTAMP", TIMES),
    "paid": ("BOOLEAN", [True, False]),
    "customer_id": ("BIGINT", [1, 2, 3, 9]),
}
CUSTOMERS: dict[str, tuple[str, list[Any]]] = {
    "customer_id": ("BIGINT", [1, 2, 3, 4]),
    "name": ("VARCHAR", ["Ada", "Bob", "Ada", None]),
    "bonus": ("DOUBLE", [0.5, 1.5, None, 2.0]),
}
TABLES = (
    Table("sales", 30, tuple(Column(name, kind, nulls=1, distinct=9) for name, (kind, _) in COLUMNS.items())),
    Table("customers", 4, tuple(Column(name, kind, distinct=4) for name, (kind, _) in CUSTOMERS.items())),
)
KINDS = {"VARCHAR": "text", "BIGINT": "number", "DOUBLE": "number", "DATE": "date", "TIMESTAMP": "date", "BOOLEAN": "b"}


def rows() -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Rows of the table ``sales``."""
    cells = [st.none() | st.sampled_from(values) for _, values in COLUMNS.values()]
    return st.lists(st.tuples(*cells), max_size=12)


@st.composite
def plans(draw: st.DrawFn, depth: int = 1) -> Plan:
    names = Drawn(draw)
    plan = Plan("sales", joins=draw(joins()))
    names.columns = dict(COLUMNS)
    if plan.joins:
        names.columns = {f"sales.{name}": column for name, column in COLUMNS.items()}
        if plan.joins[0].kind in ("inner", "left"):
            names.columns |= {f"{plan.joins[0].source}.{name}": column for name, column in CUSTOMERS.items()}
    if draw(st.booleans()):
        name, expression, kind = names.derived()
        plan = replace(plan, derived=(Derived(name, expression),))
        values: list[Any] = {"DOUBLE": HALVES, "VARCHAR": TEXTS, "DATE": DAYS}[kind]
        names.columns[name] = (kind, values)
    plan = replace(plan, filters=tuple(names.condition(2) for _ in range(draw(st.integers(0, 2)))))
    plan = names.grouped(plan) if draw(st.booleans()) else names.listed(plan)
    if depth and not plan.grouped and plan.select and draw(st.integers(0, 5)) == 0:
        other = replace(plan, filters=(names.condition(1),), order=None, first=None, place=None, within=(), then=())
        kind_ = draw(st.sampled_from(["intersect", "except", "union"]))
        bare = replace(other, filters=plan.filters)
        return replace(bare, sets=(SetOperation(kind_, other),))  # type: ignore[arg-type]
    return plan


def joins() -> st.SearchStrategy[tuple[Join, ...]]:
    kinds = st.sampled_from(["inner", "left", "semi", "anti"])
    chosen = st.sampled_from([(), (Filter("c.bonus", ">", (0.5,)),), (Filter("c.name", "not null"),)])
    one = st.builds(
        lambda kind, filters: Join("customers", (("sales.customer_id", "customer_id"),), kind, "c", filters),
        kinds,
        chosen,
    )
    return st.just(()) | st.just(()) | one.map(lambda join: (join,))


class Drawn:
    """Parts of a plan over ``columns``."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.columns: dict[str, tuple[str, list[Any]]] = {}

    def one(self, values: Any) -> Any:
        return self.draw(st.sampled_from(list(values)))

    def column(self, *kinds: str) -> str:
        return str(self.one([n for n, (kind, _) in self.columns.items() if not kinds or KINDS[kind] in kinds]))

    def derived(self) -> tuple[str, Expression, str]:
        number, other, date, text = (
            self.column("number"),
            self.column("number"),
            self.column("date"),
            self.column("text"),
        )
        branch = Branch(self.condition(1), Value("yes"))
        return self.one(
            [
                ("made", Call(self.one(["+", "-", "*", "/"]), (Ref(number), Ref(other))), "DOUBLE"),
                ("made", Call("bin", (Call("+", (Ref(number), Value(0.5))), Value(2))), "DOUBLE"),
                ("made", Call("coalesce", (Ref(number), Value(0))), "DOUBLE"),
                ("made", Call(self.one(["upper", "lower"]), (Ref(text),)), "VARCHAR"),
                ("made", Case((branch,), Value("no")), "VARCHAR"),
                ("made", Call("start of month", (Ref(date),)), "DATE"),
                ("made", Call("days between", (Value(dt.date(2020, 1, 1)), Ref(date))), "DOUBLE"),
            ]
        )  # type: ignore[no-any-return]

    def condition(self, depth: int) -> Condition:
        kind = self.draw(st.integers(0, 9))
        if depth and kind == 0:
            return AnyOf((self.condition(depth - 1), self.condition(depth - 1)))
        if depth and kind == 1:
            return AllOf((self.condition(depth - 1), self.condition(depth - 1)))
        if depth and kind == 2:
            return Not(self.condition(depth - 1))
        sign = self.one(["=", "<>", "<", "<=", ">", ">="])
        if kind == 3:
            return Compare(Ref(self.column("number")), sign, Ref(self.column("number")))
        if kind == 4 and depth == 2:
            function = self.one(["mean", "max", "min", "median"])
            return Compare(Ref(self.column("number")), sign, Measure(function, self.column("number")))
        return self.filter(sign)

    def filter(self, sign: Any) -> Filter:
        name = self.column()
        type_, values = self.columns[name]
        values = [value for value in values if value is not None]
        one, other = self.one(values), self.one(values)
        if self.draw(st.integers(0, 7)) == 0:
            return Filter(name, self.one(["null", "not null"]))
        if KINDS[type_] == "date" and self.draw(st.booleans()):
            return Filter(name, sign, (self.one([1, 2, 4]),), self.one(["month", "quarter", "week", "day"]))
        if KINDS[type_] == "text" and self.draw(st.booleans()):
            said = self.one([one[:2], one.upper(), "o"])
            return Filter(name, self.one(["contains", "starts with", "ends with", "="]), (said,), fold=True)
        if KINDS[type_] == "b":
            return Filter(name, self.one(["=", "<>"]), (one,))
        part = "date" if type_ == "TIMESTAMP" and type(one) is dt.date else ""
        if self.draw(st.integers(0, 3)) == 0:
            return Filter(name, "between", (min(one, other), max(one, other)), part)
        if self.draw(st.integers(0, 3)) == 0:
            return Filter(name, self.one(["in", "not in"]), (one, other), part)
        return Filter(name, sign, (one,), part)

    # --- shapes -----------------------------------------------------------------------------------

    def listed(self, plan: Plan) -> Plan:
        select = tuple(dict.fromkeys(self.column() for _ in range(self.draw(st.integers(1, 3)))))
        distinct = self.draw(st.booleans())
        plan = replace(plan, select=select, distinct=distinct)
        if self.draw(st.booleans()):
            order = Order(self.draw(st.booleans()), column=self.one(select) if distinct else self.column("number"))
            plan = replace(plan, order=order)
            if not distinct and self.draw(st.booleans()):
                plan = self.placed(plan, self.column())
        return plan

    def placed(self, plan: Plan, within: str) -> Plan:
        number = self.draw(st.integers(1, 3))
        chosen = (within,) if self.draw(st.integers(0, 2)) == 0 else ()
        if self.draw(st.booleans()):
            return replace(plan, first=number, within=chosen)
        return replace(plan, place=number, within=chosen)

    def grouped(self, plan: Plan) -> Plan:
        dimensions = tuple(dict.fromkeys(self.dimension() for _ in range(self.draw(st.integers(0, 2)))))
        if len({label_of(dimension) for dimension in dimensions}) < len(dimensions):
            dimensions = dimensions[:1]
        measures: list[Any] = [self.measure() for _ in range(self.draw(st.integers(1, 2)))]
        axes = [d for d in dimensions if d.bucket or (d.part and d.part != "weekday")]
        if dimensions and self.draw(st.booleans()):
            measures.append(self.window(dimensions, axes))
        taken = {label_of(dimension) for dimension in dimensions}
        names = [f"m{place}" for place in range(3)]
        if self.draw(st.booleans()):  # names that columns have already
            names = [name for name in ("units", "region", "price", "rows", "paid") if name not in taken]
        named = tuple(replace(measure, name=names[place]) for place, measure in enumerate(measures))
        plan = replace(plan, dimensions=dimensions, measures=named)
        if self.draw(st.integers(0, 2)) == 0:
            plan = replace(plan, having=(self.having(2),))
        if dimensions and self.draw(st.booleans()):
            plain = [place for place, measure in enumerate(named) if isinstance(measure, Measure)]
            down = self.draw(st.booleans())
            order = Order(down, measure=self.one(plain)) if plain else Order(down, column=label_of(dimensions[0]))
            plan = replace(plan, order=order)
            if self.draw(st.booleans()):
                plan = self.placed(plan, label_of(dimensions[0]))
        return plan

    def dimension(self) -> Dimension:
        name = self.column()
        type_ = self.columns[name][0]
        if KINDS[type_] == "date" and self.draw(st.integers(0, 4)):
            hours = ["hour"] if type_ == "TIMESTAMP" else []
            if self.draw(st.booleans()):
                return Dimension(name, bucket=self.one(["day", "week", "month", "quarter", "year", *hours]))
            return Dimension(name, self.one(["date", "year", "quarter", "month", "week", "day", "weekday", *hours]))
        return Dimension(name, name=self.one(["", "", "price", "customer_id"]))

    def measure(self) -> Measure | Combination:
        if self.draw(st.integers(0, 5)) == 0:
            one, other = self.plain(), self.plain()
            return Combination(self.one(["-", "+", "/", "percent"]), one, other)
        return self.plain()

    def plain(self) -> Measure:
        filters = (self.filter(">="),) if self.draw(st.integers(0, 3)) == 0 else ()
        function = self.one(
            ["count", "count", "count distinct", "sum", "mean", "median", "min", "max", "quantile", "stddev",
             "stddev population", "correlation"]
        )  # fmt: skip
        if function == "count":
            return Measure("count", self.one(["", self.column()]), filters=filters)
        if function == "count distinct":
            return Measure(function, self.column(), filters=filters)
        if function == "correlation":
            return Measure(function, self.column("number"), self.column("number"), filters=filters)
        quantile = self.one([0.0, 0.25, 0.9, 1.0]) if function == "quantile" else None
        return Measure(function, self.column("number"), quantile=quantile, filters=filters)

    def exact(self) -> Measure:
        """A measure without rounding, so that equal values are equal in every engine."""
        return Measure(self.one(["sum", "count", "min", "max"]), self.column("number"))

    def window(self, dimensions: tuple[Dimension, ...], axes: list[Dimension]) -> Window:
        within = (label_of(dimensions[0]),) if self.draw(st.booleans()) else ()
        if axes and self.draw(st.booleans()):
            function = self.one(["running total", "change", "growth"])
            return Window(function, self.exact(), along=label_of(self.one(axes)))
        if self.draw(st.booleans()):
            return Window("share", Measure("count"), within=within)
        return Window("rank", self.exact(), within=within, descending=self.draw(st.booleans()))

    def having(self, depth: int) -> Condition:
        kind = self.draw(st.integers(0, 5))
        if depth and kind == 0:
            return AnyOf((self.having(depth - 1), self.having(depth - 1)))
        if depth and kind == 1:
            return Not(self.having(depth - 1))
        sign = self.one(["=", "<>", "<", "<=", ">", ">="])
        if kind == 2:
            return GroupFilter(Measure("count"), sign, groups=self.one(["mean", "median"]))
        return GroupFilter(self.exact(), sign, (self.one([0, 1, 2, 3]),))
