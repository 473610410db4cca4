"""Every row of the attack list has a test here, and every test's number is a row of it or beyond it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from .attack_list import ROWS

HERE = Path(__file__).parent
BEYOND = 101


def modules() -> Iterator[ModuleType]:
    for path in sorted([*HERE.glob("test_*.py"), *HERE.parent.glob("test_*.py")]):
        place = "tests.security.attacks" if path.parent == HERE else "tests.security"
        yield importlib.import_module(f"{place}.{path.stem}")


def marks_of(module: ModuleType) -> Iterator[pytest.Mark]:
    """The marks of a module's tests: of all of them, of one, and of one of its parameters."""
    given = getattr(module, "pytestmark", [])
    marks = [given] if isinstance(given, pytest.MarkDecorator) else list(given)
    for name, value in vars(module).items():
        if name.startswith("test_"):
            marks += getattr(value, "pytestmark", [])
    for mark in (getattr(mark, "mark", mark) for mark in marks):
        if mark.name == "attack":
            yield mark
        elif mark.name == "parametrize":
            values = mark.args[1]
            yield from (
                inner.mark for value in values for inner in getattr(value, "marks", ()) if inner.name == "attack"
            )


@pytest.fixture(scope="module")
def cases() -> set[tuple[int, str]]:
    return {mark.args for module in modules() for mark in marks_of(module)}


def test_every_row_of_the_list_has_a_test(cases: set[tuple[int, str]]) -> None:
    numbers = {number for number, _ in cases}
    assert [f"{number}: {title}" for number, title in ROWS.items() if number not in numbers] == []


def test_a_number_that_is_no_row_lies_beyond_the_list(cases: set[tuple[int, str]]) -> None:
    assert [case for case in cases if case[0] not in ROWS and case[0] < BEYOND] == []
