"""A warm sandbox of each provider, and as many more as a test wants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.providers import Provider
from tests.support.sandbox import FLIGHTS, Sandbox


@pytest.fixture(scope="session")
def sandbox(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox"), provider.configure())
    made.add_table("flights", FLIGHTS)
    yield made
    made.close()
