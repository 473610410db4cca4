"""For each provider a warm sandbox for all tests, and as many more as a test that breaks its own asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.config import Settings
from tests.support.providers import Provider
from tests.support.sandbox import FLIGHTS, Sandbox


@pytest.fixture(scope="session")
def sandbox(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox"), provider.configure())
    made.add_table("flights", FLIGHTS)
    yield made
    made.close()
    assert provider.outside.sandboxes(made.session) == []


@pytest.fixture
def new_sandbox(provider: Provider, tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """A sandbox that has not started; its arguments are settings."""
    made: list[Sandbox] = []

    def make(**settings: Any) -> Sandbox:
        made.append(Sandbox(tmp_path, provider.configure(Settings(**settings))))
        made[-1].add_table("flights", FLIGHTS)
        return made[-1]

    yield make
    for one in made:
        one.close()
        assert provider.outside.sandboxes(one.session) == []
