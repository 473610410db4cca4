"""A stage for each fault, the conditions that hold after every one, and the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from csvanalyst_ext.execution import docker_client
from tests.support.engine_proxy import EngineProxy

from .score import SCORE, Score
from .stage import Stage
from .traces import Traces, left_behind

Fault = Callable[..., AbstractContextManager[Stage]]


@pytest.fixture(scope="session")
def score(request: pytest.FixtureRequest) -> Score:
    return request.config.stash.setdefault(SCORE, Score())


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker_client.connect()
    yield client
    client.close()


@pytest.fixture(scope="session")
def loaded(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a process loads once (libraries with their threads and files) is loaded, and counts for no fault."""
    stage = Stage(tmp_path_factory.mktemp("loaded"), engine)
    stage.ready()
    stage.close()


@pytest.fixture
def fault(score: Score, engine: docker.DockerClient, loaded: None, tmp_path: Path) -> Fault:
    """``with fault("what happens") as stage``: the block makes it happen and says what the person sees; then the
    next question must be answered right, and nothing may be left behind."""

    @contextmanager
    def happening(what: str, *, ready: bool = True, **settings: Any) -> Iterator[Stage]:
        line = score.begin(what)
        engine.close()  # idle connections; it goes on working
        before = Traces.now()
        stage = Stage(tmp_path, engine, **settings)
        try:
            if ready:
                stage.ready()
            yield stage
            assert stage.seen, "the test does not say what the person sees"
            line.seen = stage.seen
            if not stage.session.datasets:
                stage.add()
            stage.require_right()
            line.following = "right"
        finally:
            stage.close()
        left = left_behind(before, stage.home, engine, stage.sessions)
        line.left = "; ".join(left) or "nothing"
        assert left == []
        line.survived = True

    return happening


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineProxy]:
    """An engine that can be spoiled, for the sessions of this test."""
    made = EngineProxy(tmp_path / "engine.sock")
    monkeypatch.setenv("DOCKER_HOST", made.address)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    score = config.stash.get(SCORE, None)
    if score is not None and score.lines:
        terminalreporter.section("faults")
        for line in score.table():
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    score = config.stash.get(SCORE, None)
    if score is not None and score.lines:
        print(score.last_line())  # below pytest's own last line
