"""Attacks that need a sandbox of their own: on what happens only once, or to several sandboxes at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from csvanalyst_ext.protocol import Limits, PythonRequest, SqlRequest
from tests.support.sandbox import Sandbox

from .ground import SMALL, Canaries, Ground
from .score import Score

PLANT_CHART_SETTINGS = """
import os, time
os.makedirs('/tmp/matplotlib/stylelib')
for name in ('/tmp/matplotlib/matplotlibrc', '/tmp/matplotlib/stylelib/ggplot.mplstyle', '/tmp/matplotlibrc'):
    with open(name, 'w') as file:
        file.write('lines.linewidth: 77\\n')
time.sleep(2)
"""
CHART_SETTINGS = """
import matplotlib.pyplot as plt
[plt.rcParams['lines.linewidth'], plt.style.library['ggplot'].get('lines.linewidth', 1.5)]
"""


@pytest.fixture
def fresh(tmp_path: Path, canaries: Canaries) -> Iterator[Callable[[], Ground]]:
    made: list[Ground] = []

    def make() -> Ground:
        made.append(Ground(tmp_path, canaries))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_what_is_loaded_ahead_of_time_reads_nothing_that_a_question_wrote(
    fresh: Callable[[], Ground], score: Score
) -> None:
    line = score.begin(124, "chart settings planted before the charts are loaded", "worker")
    ground = fresh()
    ground.do(ground.executor.close())  # a container in which nothing has been loaded in the background yet
    assert ground.python(PLANT_CHART_SETTINGS).status == "ok"
    for _ in range(4):  # the waiting workers were made before, the later ones after
        table = ground.python(CHART_SETTINGS).raise_for_status().table
        assert table is not None
        assert table.column(0).to_pylist() == [1.5, 1.5]
    ground.require_as_new()
    score.hold(line, "ok")


def test_eight_sessions_at_once_each_get_their_own_answers(tmp_path: Path, score: Score) -> None:
    """One of them misbehaves all the time; the others get right answers and see nothing of it."""
    line = score.begin(82, "eight sessions at once, one of them hostile", "container", "host")
    hostile, *honest = sandboxes = [Sandbox(tmp_path, SMALL) for _ in range(8)]
    bomb = PythonRequest(
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", None, Limits(timeout=3.0)
    )
    for number, sandbox in enumerate(sandboxes):
        sandbox.add_table("own", pa.table({"number": [number]}))

    async def ask(sandbox: Sandbox) -> list[int]:
        answers = []
        for _ in range(5):
            outcome = await sandbox.executor.run(SqlRequest("SELECT number FROM own", None, True, Limits(timeout=60.0)))
            assert outcome.table is not None, outcome.fault
            answers.append(outcome.table.column(0)[0].as_py())
        return answers

    async def all_at_once() -> tuple[str, list[list[int]], int]:
        try:
            exploding = asyncio.ensure_future(hostile.executor.run(bomb))
            answers = await asyncio.gather(*map(ask, honest))
            status = (await exploding).status
            return status, answers, len({container for sandbox in sandboxes for container in sandbox.containers()})
        finally:
            await asyncio.gather(*(sandbox.executor.close() for sandbox in sandboxes))

    status, answers, containers = asyncio.run(all_at_once())
    assert status == "timeout"
    assert answers == [[number] * 5 for number in range(1, 8)]
    assert containers == 8
    assert [sandbox.containers() for sandbox in sandboxes] == [[]] * 8
    for sandbox in sandboxes:
        sandbox.close()
    score.hold(line, "ok")
