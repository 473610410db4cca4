"""Attacks that need sandboxes of their own: on what happens only once, or to several sandboxes at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from csvanalyst_ext.protocol import Limits, PythonRequest, SqlRequest
from tests.support.providers import Provider
from tests.support.sandbox import Sandbox

from .ground import SMALL, Canaries, Ground
from .layers import held_by
from .seen import Seen

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
SEARCH = """
import os
found, looked = [], 0
for start in '/data /tmp /run /var /opt /home /root /mnt /srv /dev /proc/1/root /proc/self/cwd'.split():
    for place, _, names in os.walk(start):
        for name in names:
            path = os.path.join(place, name)
            try:
                if os.path.isfile(path) and os.path.getsize(path) < 1_000_000:
                    looked += 1
                    if b'MARKER' in open(path, 'rb').read():
                        found.append(path)
            except OSError:
                pass
{'found': ' '.join(found), 'looked': looked > 0}
"""


@pytest.fixture
def fresh(provider: Provider, tmp_path: Path, canaries: Canaries) -> Iterator[Callable[[], Ground]]:
    made: list[Ground] = []

    def make() -> Ground:
        made.append(Ground(tmp_path, canaries, provider))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.attack(124, "chart settings planted before the charts are loaded")
def test_what_is_loaded_ahead_of_time_reads_nothing_that_a_question_wrote(
    fresh: Callable[[], Ground], held: Callable[..., None]
) -> None:
    ground = fresh()
    ground.do(ground.executor.close())  # a container in which nothing has been loaded in the background yet
    assert ground.python(PLANT_CHART_SETTINGS).status == "ok"
    for _ in range(4):  # the waiting workers were made before, the later ones after
        table = ground.python(CHART_SETTINGS).raise_for_status().table
        assert table is not None
        assert table.column(0).to_pylist() == [1.5, 1.5]
    ground.require_as_new()
    held("worker")


@pytest.mark.attack(2, "another session's data, while that session runs")
def test_a_session_finds_nothing_of_another_one(provider: Provider, tmp_path: Path, held: Callable[..., None]) -> None:
    theirs, ours = (Sandbox(tmp_path, provider.configure(SMALL)) for _ in range(2))
    try:
        marker = "theirs-alone-4711"
        theirs.add_table("secret", pa.table({"x": [marker]}))
        ours.add_table("own", pa.table({"x": [1]}))
        assert theirs.value("SELECT x FROM secret") == marker
        table = ours.python(SEARCH.replace("MARKER", marker)).raise_for_status().table
        assert table is not None
        [row] = table.to_pylist()
        assert row == {"found": "", "looked": True}
        for text in (
            "FROM secret",
            f"FROM '{theirs.data}/tables/secret.parquet'",
            "FROM '/data/../tables/secret.parquet'",
        ):
            for gate in (True, False):
                seen = Seen(ours.sql(text, gate=gate), None, 0.0)
                assert seen.status in ("refused", "error")
        assert theirs.value("SELECT x FROM secret") == marker
    finally:
        theirs.close()
        ours.close()
    held("container")


@pytest.mark.attack(82, "several sessions at once, one of them hostile")
def test_sessions_at_once_each_get_their_own_answers(
    provider: Provider, tmp_path: Path, held: Callable[..., None]
) -> None:
    """One of them misbehaves all the time; the others get right answers and see nothing of it."""
    count = 4
    settings = provider.configure(SMALL)
    hostile, *honest = sandboxes = [Sandbox(tmp_path, settings) for _ in range(count)]
    bomb = PythonRequest(
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", None, Limits(timeout=3.0)
    )
    for number, sandbox in enumerate(sandboxes):
        sandbox.add_table("own", pa.table({"number": [number]}))

    async def ask(sandbox: Sandbox) -> list[int]:
        answers = []
        for _ in range(3):
            outcome = await sandbox.executor.run(SqlRequest("SELECT number FROM own", None, True, Limits(timeout=60.0)))
            assert outcome.table is not None, outcome.fault
            answers.append(outcome.table.column(0)[0].as_py())
        return answers

    async def explode() -> Seen:
        try:
            return Seen(await hostile.executor.run(bomb), None, 0.0)
        except Exception as error:
            return Seen(None, error, 0.0)  # type: ignore[arg-type]

    async def all_at_once() -> tuple[Seen, list[list[int]], int]:
        try:
            exploding = asyncio.ensure_future(explode())
            answers = await asyncio.gather(*map(ask, honest))
            seen = await exploding
            return seen, answers, len({container for sandbox in honest for container in sandbox.containers()})
        finally:
            await asyncio.gather(*(sandbox.executor.close() for sandbox in sandboxes))

    seen, answers, containers = asyncio.run(all_at_once())
    assert seen.status == "timeout" or (provider.name != "docker-runc" and seen.status in ("lost", "memory")), seen
    assert answers == [[number] * 3 for number in range(1, count)]
    assert containers == count - 1
    assert [sandbox.containers() for sandbox in sandboxes] == [[]] * count
    for sandbox in sandboxes:
        sandbox.close()
    held(*held_by(seen, gate=True, otherwise=("worker",)), "container")
