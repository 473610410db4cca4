"""A sandbox that is started before it is needed.

Runs on the host, on the engine's loop.  ``EarlyStart`` is an ``Executor`` around another one: a
start in the background costs nobody time, a request waits for it, and its error is told once, by
the request that waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..errors import SandboxError
from ..execution.base import BodySink, Executor, Outcome, ProgressSink
from ..protocol import Request


class EarlyStart:
    """See ``execution.base.Executor``; ``begin`` is what it adds."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._start: asyncio.Task[None] | None = None
        self._tables: Mapping[str, str] = {}
        self._due = False

    def begin(self) -> None:
        """Start the sandbox in the background.  An error of a start that nobody waits for is dropped: the next
        request tries again and tells what it finds then."""
        if self._starting() is None:
            self._start = asyncio.create_task(self._prepare())
            self._start.add_done_callback(self._done)

    async def start(self) -> None:
        if not await self._started():
            await self._executor.start()

    async def set_tables(self, tables: Mapping[str, str]) -> None:
        """Never waits for a start: the tables are handed over after it."""
        before, self._tables = self._tables, dict(tables)
        self._due = True
        if self._starting() is not None:
            return
        try:
            await self._hand_over()
        except BaseException:
            self._tables = before  # nobody was told of the new ones; the next request hands these over again
            raise

    async def run(
        self, request: Request, *, progress: ProgressSink | None = None, body: BodySink | None = None
    ) -> Outcome:
        await self._started()
        await self._hand_over()
        return await self._executor.run(request, progress=progress, body=body)

    async def close(self) -> None:
        if self._start is not None:
            self._start.cancel()
            await asyncio.gather(self._start, return_exceptions=True)
        await self._executor.close()

    def facts(self) -> Mapping[str, Any]:
        return self._executor.facts()

    def _starting(self) -> asyncio.Task[None] | None:
        return self._start if self._start is not None and not self._start.done() else None

    async def _started(self) -> bool:
        """Wait for a start that is under way and share its error; whether there was one."""
        start = self._starting()
        if start is None:
            return False
        await asyncio.shield(start)
        return True

    async def _prepare(self) -> None:
        await self._executor.start()
        await self._hand_over()

    async def _hand_over(self) -> None:
        """Tell the sandbox of the tables if it does not know.  One that fails meanwhile is no error here: the
        one that takes its place gets them."""
        while self._due:
            self._due = False
            try:
                await self._executor.set_tables(self._tables)
            except SandboxError:
                continue
            except BaseException:
                self._due = True
                raise

    def _done(self, start: asyncio.Task[None]) -> None:
        """Whoever waits gets the error; without anybody, asyncio would report it as forgotten."""
        self._start = None
        if not start.cancelled():
            start.exception()
