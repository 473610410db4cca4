"""A whole analyst session with plain calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from csvanalyst_ext.config import Settings
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.run import Run
from csvanalyst_ext.session.session import AnalystSession


class Asking:
    """A session with plain calls; small limits, so that running into them is quick."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.home = home
        self.loop = asyncio.new_event_loop()
        self.session = AnalystSession.open(Settings(home=home, **settings))

    def add(self, path: object, **options: Any) -> Any:
        return self.loop.run_until_complete(self.session.add(str(path), **options))

    def ask(self, text: str, **options: Any) -> Run:
        return self.loop.run_until_complete(self.session.ask(parse(text, **options)))

    def value(self, text: str) -> Any:
        run = self.ask(f"SQL: {text}").raise_for_status()
        assert run.result is not None
        assert run.result.table is not None
        return run.result.table.column(0)[0].as_py()

    def close(self) -> None:
        self.loop.run_until_complete(self.session.close())
        self.loop.close()
