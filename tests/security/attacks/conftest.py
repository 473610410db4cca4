"""One warm sandbox of each provider for all attacks, and the canaries on the host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.providers import Provider

from .ground import Canaries, Ground


@pytest.fixture(scope="session")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    made = Canaries(tmp_path_factory.mktemp("host"))
    yield made
    made.require_untouched()
    made.close()


@pytest.fixture(scope="session")
def ground(provider: Provider, tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Iterator[Ground]:
    made = Ground(tmp_path_factory.mktemp("ground"), canaries, provider)
    yield made
    made.settle()
    made.close()
    assert made.loop.is_closed()
