"""A warm sandbox for the module; tests that break theirs ask for one of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from csvanalyst_ext.config import Settings
from tests.support.sandbox import FLIGHTS, Sandbox


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox"))
    made.add_table("flights", FLIGHTS)
    yield made
    made.close()


@pytest.fixture
def new_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    made: list[Sandbox] = []

    def make(settings: Settings | None = None) -> Sandbox:
        made.append(Sandbox(tmp_path, settings))
        made[-1].add_table("flights", FLIGHTS)
        return made[-1]

    yield make
    for one in made:
        one.close()
