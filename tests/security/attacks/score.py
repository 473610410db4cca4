"""The table that is printed after the attacks: each case by provider and pass, and which layer held it.

A test belongs to a case by its mark, ``attack(number, name)``, and to a column by its parameters.  It is contained when
it passes.  Which layer held it is what the test says with the fixture ``held``; a test that says nothing runs on the
host alone.  Several tests with the same mark are one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.providers import Provider

SCORE = pytest.StashKey["Score"]()
_HELD = pytest.StashKey[list[str]]()
HOST: Final = "host alone"
NO_GATE: Final = "no gate"
SAME: Final = "="
REPORT: Final = Path(__file__).resolve().parents[3] / ".cache" / "reports" / "attacks.json"
LEGEND: Final = (
    "gate: the decision on the syntax tree · engine: DuckDB's locked connection · worker: the sealed one-shot process "
    "and its supervisor · container: launch specification and filter · host: what the host refuses or bounds",
    f"'{NO_GATE}': the same SQL with the gate switched off.  '{SAME}': no SQL; Python's text is not checked, "
    "so there is nothing to switch off, and the one pass shows the lower layers.",
)


@dataclass
class Cell:
    layers: list[str] = field(default_factory=list)
    tests: int = 0
    contained: int = 0
    skipped: str = ""

    def shown(self) -> str:
        if self.contained < self.tests:
            return "NOT CONTAINED"
        if not self.tests:
            return f"skipped: {self.skipped}"
        several = f" ({self.tests})" if self.tests > 1 else ""
        return " + ".join(dict.fromkeys(self.layers)) + several


@dataclass
class Score:
    cells: dict[tuple[int, str], dict[str, Cell]] = field(default_factory=dict)

    def cell(self, number: int, name: str, column: str) -> Cell:
        return self.cells.setdefault((number, name), {}).setdefault(column, Cell())

    def columns(self) -> list[str]:
        found = {column for line in self.cells.values() for column in line}
        return sorted(found, key=lambda column: (column != HOST, "gvisor" in column, column))

    def totals(self) -> tuple[int, int, int]:
        """Cells contained, cells that ran, cells that were skipped."""
        every = [cell for line in self.cells.values() for cell in line.values()]
        ran = [cell for cell in every if cell.tests]
        return sum(cell.contained == cell.tests for cell in ran), len(ran), len(every) - len(ran)

    def shown(self, line: dict[str, Cell], column: str) -> str:
        if column in line:
            return line[column].shown()
        return SAME if column.removesuffix(f", {NO_GATE}") in line else ""

    def rows(self) -> list[tuple[str, ...]]:
        columns = self.columns()
        return [
            (str(number), name, *(self.shown(line, column) for column in columns))
            for (number, name), line in sorted(self.cells.items())
        ]

    def table(self) -> list[str]:
        rows = [("case", "name", *self.columns()), *self.rows()]
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        contained, ran, skipped = self.totals()
        reasons = sorted({cell.skipped for line in self.cells.values() for cell in line.values() if not cell.tests})
        left_out = [f"skipped {skipped}: {'; '.join(reasons)}"] if skipped else []
        return [*shown, "", *LEGEND, *left_out, f"contained {contained}/{ran}"]

    def to_json(self) -> dict[str, Any]:
        contained, ran, skipped = self.totals()
        columns = ["case", "name", *self.columns()]
        return {"contained": contained, "ran": ran, "skipped": skipped, "columns": columns, "rows": self.rows()}


# --- the plugin: ``tests/security/conftest.py`` imports what follows --------------------------------


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Says which layers held the attack of this test."""

    def say(*layers: str) -> None:
        request.node.stash.setdefault(_HELD, []).extend(layers)

    return say


def column_of(item: pytest.Item) -> str:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    provider = parameters.get("provider")
    if not isinstance(provider, Provider):
        return HOST
    return provider.name if parameters.get("gate", True) else f"{provider.name}, {NO_GATE}"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "attack(number, name): a case of the attack list")
    config.stash[SCORE] = Score()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    mark = item.get_closest_marker("attack")
    if mark is not None and (report.when == "call" or not report.passed):
        cell = item.config.stash[SCORE].cell(*mark.args, column_of(item))
        if report.skipped and not hasattr(report, "wasxfail"):
            cell.skipped = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else ""
        else:
            cell.tests += report.when != "teardown" or not report.passed
            cell.contained += report.passed
            cell.layers += item.stash.get(_HELD, ["host"])
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    score = config.stash[SCORE]
    if score.cells:
        terminalreporter.section("attacks")
        for line in score.table():
            terminalreporter.write_line(line)
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(json.dumps(score.to_json(), indent=1, ensure_ascii=False) + "\n")
