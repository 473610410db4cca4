"""Where a fault happens: a whole session over a real sandbox, with one table whose sum is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import docker

from csvanalyst_ext.config import MIB, Settings
from csvanalyst_ext.errors import AnalystError
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.run import Run
from csvanalyst_ext.session.session import AnalystSession

SMALL: Final = {"memory": 768 * MIB, "scratch": 128 * MIB, "timeout": 20.0, "queue_timeout": 30.0}
RIGHT: Final = 4849
ENDLESS: Final = "PYTHON: while True: pass"
PATIENCE: Final = 40.0
"""Seconds after which a question that has not ended counts as one that hangs."""


class Stage:
    """``engine`` is a client of its own, which the faults of the session's engine do not reach."""

    def __init__(self, root: Path, engine: docker.DockerClient, **settings: Any) -> None:
        self.root = root
        self.home = Path(settings.pop("home", root / "home"))
        self.engine = engine
        self.seen = ""
        self.settings = Settings(home=self.home, **{**SMALL, **settings})
        self.source = root / "trips.csv"
        self.source.write_text("id,distance\n1,1400\n2,760\n3,1400\n4,200\n5,1089\n")
        self.loop = asyncio.new_event_loop()
        self.sessions: list[str] = []
        self.open()

    def open(self) -> None:
        before = self._names()
        self.session = AnalystSession.open(self.settings)
        self.sessions += sorted(self._names() - before)

    def _names(self) -> set[str]:
        place = self.home / "sessions"
        return {path.name for path in place.iterdir() if path.is_dir()} if place.is_dir() else set()

    @property
    def directory(self) -> Path:
        """The session's own, which the sandbox sees."""
        return self.home / "sessions" / self.sessions[-1]

    @property
    def carrier(self) -> str:
        return str(self.session.facts().get("carrier"))

    def do(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, PATIENCE))

    def add(self, path: Path | None = None, **options: Any) -> Any:
        [dataset] = self.do(self.session.add(str(path or self.source), **options))
        return dataset

    def ask(self, text: str, **options: Any) -> Run:
        return self.do(self.session.ask(parse(text, **options)))

    def value(self, text: str) -> Any:
        """The single value of a SQL query that must succeed."""
        return value_of(self.ask(f"SQL: {text}").raise_for_status())

    def ready(self) -> None:
        """Have the table and a running sandbox."""
        self.add()
        self.require_right()
        self.do(self.until(lambda: not self.busy()))  # what is made ready for later questions is ready

    def require_right(self) -> None:
        """The next question gets the right answer."""
        assert self.value("SELECT sum(distance) FROM trips") == RIGHT

    # --- what the person sees -----------------------------------------------------------------------

    def sees(self, what: str) -> None:
        self.seen = f"{self.seen}, then {what}" if self.seen else what

    def sees_error(self, error: BaseException | None, *codes: str) -> None:
        """One typed error with one of these codes, and a next step."""
        assert isinstance(error, AnalystError), error
        assert error.code in codes, f"{error.code}: {error}"
        assert error.message
        assert error.hint, f"{error.code} names no next step"
        self.sees(f"{type(error).__name__} {error.code}")

    def fails(self, text: str, *codes: str, **options: Any) -> Run:
        run = self.ask(text, **options)
        self.sees_error(run.error, *codes)
        return run

    def during(self, text: str, happen: Callable[[], Any], **options: Any) -> Run:
        """The run of a question in the middle of which something happens."""

        async def both() -> Run:
            task = asyncio.ensure_future(self.session.ask(parse(text, **options)))
            await self.until(self.busy)
            await asyncio.to_thread(happen)
            return await task

        return self.do(both())

    # --- the sandbox --------------------------------------------------------------------------------

    def containers(self) -> list[str]:
        """Ids of this stage's containers, whatever their state."""
        labels = [f"csvanalyst.session={self.sessions[-1]}"]
        return [found["Id"] for found in self.engine.api.containers(all=True, filters={"label": labels})]

    def container(self) -> str:
        [found] = self.containers()
        return found

    def processes(self) -> list[tuple[int, str]]:
        """Process number on this machine and state of what runs in the sandbox, in the order of their start; none
        when there is no container."""
        found = []
        for container in self.containers():
            try:
                rows = self.engine.api.top(container, ps_args="-eo pid,stat")["Processes"]
            except docker.errors.APIError:
                continue
            found += [(int(pid), state) for pid, state in rows]
        return sorted(found)

    def busy(self) -> list[int]:
        """The processes of the sandbox that burn processor time: once it is ready, those of a question."""
        return [pid for pid, state in self.processes() if state.startswith("R")]

    async def until(self, condition: Callable[[], Any], within: float = 20.0) -> None:
        async with asyncio.timeout(within):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)

    def close_session(self) -> None:
        self.do(self.session.close())

    def close(self) -> None:
        try:
            self.close_session()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()


def value_of(run: Run) -> Any:
    assert run.result is not None
    assert run.result.table is not None
    return run.result.table.column(0)[0].as_py()
