"""A sandbox that starts ahead of its first request: nobody waits for it but who needs it."""

import asyncio

import pytest

from csvanalyst_ext.errors import EngineUnavailable, SandboxLost
from csvanalyst_ext.protocol import SqlRequest
from csvanalyst_ext.session.early import EarlyStart
from tests.support.fakes import FakeExecutor, table_outcome

ASK = SqlRequest("SELECT 1")


class SlowExecutor(FakeExecutor):
    """Its start lasts until ``up`` is set."""

    def __init__(self, workspace):
        import pyarrow as pa

        super().__init__(workspace, {"SELECT 1": table_outcome(pa.table({"n": [1]}))})
        self.up = asyncio.Event()
        self.given = []

    async def start(self):
        await self.up.wait()
        await super().start()

    async def set_tables(self, tables):
        self.given.append(dict(tables))
        await super().set_tables(tables)


@pytest.fixture
def made(tmp_path):
    inner = SlowExecutor(tmp_path)
    return EarlyStart(inner), inner


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_request_waits_for_the_start_that_is_under_way_and_there_is_only_one(made):
    early, inner = made

    async def steps():
        early.begin()
        early.begin()
        asked = asyncio.create_task(early.run(ASK))
        await turns()
        assert not inner.requests
        inner.up.set()
        return await asked

    assert asyncio.run(steps()).status == "ok"
    assert inner.starts == 1


def test_tables_do_not_wait_for_the_start_and_are_handed_over_after_it(made):
    early, inner = made

    async def steps():
        early.begin()
        await early.set_tables({"a": "a.parquet"})
        await early.set_tables({"b": "b.parquet"})
        assert inner.given == []
        inner.up.set()
        await early.start()

    asyncio.run(steps())
    assert inner.given == [{"b": "b.parquet"}]


def test_the_error_of_a_start_is_told_once_by_the_request_that_waited(made):
    early, inner = made
    inner.broken = EngineUnavailable("sandbox_no_engine", "No engine.", "Start it.")

    async def steps():
        early.begin()
        asked = asyncio.create_task(early.run(ASK))
        await turns()
        inner.up.set()
        with pytest.raises(EngineUnavailable):
            await asked
        assert (inner.starts, inner.requests) == (1, [])
        inner.broken = None
        return await early.run(ASK)

    assert asyncio.run(steps()).status == "ok"


def test_the_error_of_a_start_that_nobody_waited_for_is_forgotten(made):
    early, inner = made
    inner.broken = EngineUnavailable("sandbox_no_engine", "No engine.", "Start it.")
    inner.up.set()
    reported = []

    async def steps():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        early.begin()
        await turns()
        inner.broken = None
        return await early.run(ASK)

    assert asyncio.run(steps()).status == "ok"
    assert reported == []


def test_a_stopped_question_leaves_the_start_to_the_next_one(made):
    early, inner = made

    async def steps():
        early.begin()
        asked = asyncio.create_task(early.run(ASK))
        await turns()
        asked.cancel()
        await turns()
        inner.up.set()
        return await early.run(ASK)

    assert asyncio.run(steps()).status == "ok"
    assert inner.starts == 1


def test_close_stops_a_start_that_is_under_way(made):
    early, inner = made

    async def steps():
        early.begin()
        await turns()
        await early.close()

    asyncio.run(steps())
    assert (inner.starts, inner.closes) == (0, 1)


def test_a_sandbox_that_dies_while_it_is_told_of_tables_does_not_fail_the_registration(made):
    early, inner = made
    inner.up.set()
    told = []

    async def dies(tables):
        told.append(dict(tables))
        raise SandboxLost("sandbox_lost", "It ended.")

    inner.set_tables = dies

    async def steps():
        await early.set_tables({"a": "a.parquet"})
        return await early.run(ASK)

    assert asyncio.run(steps()).status == "ok"
    assert told == [{"a": "a.parquet"}]


def test_a_hand_over_that_was_stopped_is_made_good_with_the_tables_of_before(made):
    early, inner = made
    inner.up.set()

    async def steps():
        await early.set_tables({"a": "a.parquet"})
        whole, inner.set_tables = inner.set_tables, lambda tables: asyncio.Event().wait()
        stopped = asyncio.create_task(early.set_tables({"b": "b.parquet"}))
        await turns()
        stopped.cancel()
        await turns()
        inner.set_tables = whole
        await early.run(ASK)

    asyncio.run(steps())
    assert inner.given == [{"a": "a.parquet"}, {"a": "a.parquet"}]
