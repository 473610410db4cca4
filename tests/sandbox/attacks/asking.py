"""A whole session over a real sandbox, with plain calls and small limits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from csvanalyst_ext.config import MIB, Settings
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.run import Run
from csvanalyst_ext.session.session import AnalystSession


class Asking:
    def __init__(self, home: Path, **settings: Any) -> None:
        self.home = home
        self.loop = asyncio.new_event_loop()
        small = {"timeout": 5.0, "memory": 768 * MIB, "scratch": 256 * MIB}
        self.session = AnalystSession.open(Settings(home=home, **{**small, **settings}))

    def do(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def add(self, path: object, **options: Any) -> Any:
        [dataset] = self.do(self.session.add(str(path), **options))
        return dataset

    def ask(self, text: str, **options: Any) -> Run:
        return self.do(self.session.ask(parse(text, **options)))

    def rows(self, text: str) -> list[dict[str, Any]]:
        """The rows of a SQL query that must succeed."""
        run = self.ask(f"SQL: {text}").raise_for_status()
        assert run.result is not None
        assert run.result.table is not None
        return list(run.result.table.to_pylist())

    def close(self) -> None:
        self.do(self.session.close())
        self.loop.close()
