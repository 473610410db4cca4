"""Generated plans in the real sandbox: the SQL of each passes the gate and gives what the reference gives.

The reference runs in the sandbox too, as Python over the same tables.  Everything goes in two requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from csvanalyst_ext.agent.plan_tool import prepare, table_of
from csvanalyst_ext.planning.compile import compile_plan
from csvanalyst_ext.planning.document import document_of
from csvanalyst_ext.planning.plan import Plan
from csvanalyst_ext.planning.resolve import resolve
from tests.support import plan_reference
from tests.support.asking import Asking
from tests.support.plan_strategies import COLUMNS, CUSTOMERS, plans

PLANS = 120

_COMPARE = """
def text(value):
    value = cell(value)
    if value is None or isinstance(value, (str, bool)):
        return repr(value)
    if isinstance(value, dt.date):
        return moment(value).isoformat()
    return format(float(value) if abs(value) > 1e-9 else 0.0, ".7g")

import json
cases = json.loads({cases!r})
tables = {{"sales": sales, "customers": customers}}
wrong = []
for number, (statement, plan) in enumerate(cases):
    found = sorted([text(value) for value in row] for row in sql(statement).itertuples(index=False, name=None))
    wanted = sorted([text(value) for value in row] for row in run(plan, tables))
    if found != wanted:
        wrong.append((number, statement, repr(found)[:300], repr(wanted)[:300]))
result = pd.DataFrame(wrong, columns=["number", "sql", "found", "wanted"])
"""


def sales() -> pd.DataFrame:
    """Forty rows in which the values and the gaps of all columns meet in many ways."""
    made = {}
    for place, (name, (_, values)) in enumerate(COLUMNS.items()):
        step, gap = 2 * place + 3, place + 4
        made[name] = [None if row % gap == 0 else values[(row * step + row // 7) % len(values)] for row in range(40)]
    frame = pd.DataFrame(made, dtype=object)
    types = {"BIGINT": "Int64", "DOUBLE": "float64", "BOOLEAN": "boolean", "TIMESTAMP": "datetime64[us]"}
    return frame.astype({n: types[kind] for n, (kind, _) in COLUMNS.items() if kind in types})


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    home: Path = tmp_path_factory.mktemp("plans")
    made = Asking(home)
    customers = pd.DataFrame({name: pd.Series(values) for name, (_, values) in CUSTOMERS.items()})
    made.add("sales", variables={"sales": sales()})
    made.add("customers", variables={"customers": customers})
    yield made
    made.close()


def generated(asking: Asking) -> list[Plan]:
    tables = [table_of(dataset) for dataset in asking.session.datasets]
    found: list[Plan] = []

    @settings(
        max_examples=PLANS, phases=[Phase.generate], derandomize=True, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(plans())
    def collect(plan: Plan) -> None:
        found.append(resolve(plan, tables))

    collect()
    return found


def test_generated_plans_give_in_the_sandbox_what_the_reference_gives(asking: Asking) -> None:
    made = generated(asking)
    cases = [[compile_plan(plan), document_of(plan)] for plan in made]
    assert len({query for query, _ in cases}) > PLANS // 2
    source = Path(plan_reference.__file__).read_text("utf-8")
    run = asking.ask(f"PYTHON:\n{source}\n{_COMPARE.format(cases=json.dumps(cases))}", timeout=300)
    run.raise_for_status()
    assert run.result is not None and run.result.table is not None
    assert run.result.table.to_pylist() == []


def test_a_plan_question_runs_in_the_sandbox(asking: Asking) -> None:
    text = "{from: Sales, group_by: Region, measures: count, order: {by: rows, descending: true}, first: 1}"
    run = asking.ask(f"PLAN: {text}").raise_for_status()
    assert run.result is not None and run.result.table is not None
    assert run.steps[0].code == prepare(text, asking.session.datasets).sql
    assert set(run.result.table.column_names) == {"region", "rows"}


PASSING = [
    "{from: customers, where: {columns: customer_id, negated: true, among: {from: sales, select: [customer_id]}}}",
    "{from: sales, group_by: [region, {column: sold_on, part: month}], measures: [count], pivot: month of sold_on}",
    "{from: sales, group_by: {column: sold_on, bucket: week}, measures: {window: growth, of: count}}",
    "{from: {from: sales, group_by: region, measures: count}, measures: {function: mean, column: rows}}",
    "{from: customers, joins: [{table: sales, kind: anti, where: {column: units, operator: at least, value: 9}}]}",
    "{from: sales, derive: [{name: h, expression: {call: hours between, of: [sold_on, at]}}], select: [h]}",
    "{from: sales, select: [region], sets: [{operator: except, plan: {from: customers, select: [name]}}]}",
    "{from: sales, measures: [{function: correlation, column: units, other: price}]}",
]


@pytest.mark.parametrize("text", PASSING)
def test_every_kind_of_statement_passes_the_gate(asking: Asking, text: str) -> None:
    asking.ask(f"PLAN: {text}").raise_for_status()
