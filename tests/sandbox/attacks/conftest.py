"""One warm sandbox for all attacks, the canaries on the host, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .ground import Canaries, Ground
from .score import SCORE, Score


@pytest.fixture(scope="session")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    made = Canaries(tmp_path_factory.mktemp("host"))
    yield made
    made.require_untouched()
    made.close()


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Iterator[Ground]:
    made = Ground(tmp_path_factory.mktemp("ground"), canaries)
    yield made
    made.close()
    assert made.loop.is_closed()


@pytest.fixture(scope="session")
def score(request: pytest.FixtureRequest) -> Score:
    return request.config.stash.setdefault(SCORE, Score())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    score = config.stash.get(SCORE, None)
    if score is not None and score.lines:
        terminalreporter.section("attacks")
        for line in score.table():
            terminalreporter.write_line(line)
