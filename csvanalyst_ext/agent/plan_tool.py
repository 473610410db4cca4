"""Query plans over registered data: the function behind ``PLAN:`` questions, and the agent's tool ``run_plan``.

Runs on the host.  A plan is read and held against the data's descriptions here; what runs is its SQL, in the
sandbox, by the same road as any other SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..datasets.dictionary import Dictionary
from ..errors import PlanError
from ..planning.compile import compile_plan
from ..planning.document import document_of, plan_of, read_plan
from ..planning.plan import Plan
from ..planning.resolve import resolve
from ..planning.schema import Column, Table, declared
from ..protocol import Fault

if TYPE_CHECKING:
    from ..datasets.model import Dataset, ResultTable


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that fits the data, and the SQL that it stands for."""

    plan: Plan
    sql: str

    def document(self) -> dict[str, Any]:
        """The plan as JSON values, with all names as they are in the data."""
        return document_of(self.plan)


def prepare(
    given: str | Mapping[str, Any], datasets: Sequence[Dataset], results: Sequence[ResultTable] = ()
) -> Prepared:
    """The plan in a JSON or YAML text, or in JSON values, over these data sets and named results.  Runs nothing.

    Raises ``PlanError``.
    """
    plan = read_plan(given) if isinstance(given, str) else plan_of(given)
    plan = resolve(plan, [*map(table_of, datasets), *map(table_of_result, results)])
    return Prepared(plan, compile_plan(plan))


def table_of(dataset: Dataset) -> Table:
    """What is known of a data set, as the plans' checks take it."""
    said = dataset.dictionary or Dictionary()
    columns = tuple(
        Column(
            name=column.name,
            type=column.type,
            nulls=column.nulls,
            distinct=column.distinct,
            minimum=column.minimum,
            maximum=column.maximum,
            values=column.values,
            complete=column.all_values,
            words=column.words,
            synonyms=said.column(column.name).synonyms,
            unit=said.column(column.name).unit,
        )
        for column in dataset.columns
    )
    return declared(
        Table(dataset.name, dataset.rows, columns, said.synonyms),
        [(measure.name, measure.formula, measure.synonyms) for measure in said.measures],
        [(reference.columns, reference.table, reference.keys) for reference in said.references],
        said.key,
    )


def table_of_result(result: ResultTable) -> Table:
    """The same of a named result.  Nothing is known of its values, so that each column counts as one whose values
    repeat: a join with it that would add numbers up several times is refused, and not guessed at."""
    return Table(result.name, result.rows, tuple(Column(name, kind) for name, kind in result.columns))


def fault_of(error: PlanError) -> Fault:
    """The error as data: ``details`` has the place in the plan and what would have been possible there."""
    return Fault(error.code, error.message, error.hint, dict(error.details))
