"""A whole session over a real sandbox, with plain calls and small limits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from csvanalyst_ext.config import MIB, Settings
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.run import Run
from csvanalyst_ext.session.session import AnalystSession
from tests.support.providers import Provider

SMALL = Settings(timeout=20.0, memory=768 * MIB, scratch=256 * MIB)


class Asking:
    """``settings`` are changes to the small limits; times are longer where the provider is slower."""

    def __init__(self, home: Path, provider: Provider, **settings: Any) -> None:
        self.home = home
        self.loop = asyncio.new_event_loop()
        memory = SMALL.memory if provider.name == "docker-runc" else 2048 * MIB  # gVisor counts address space
        small = replace(SMALL, home=home, timeout=SMALL.timeout * provider.slowness, memory=memory)
        self.session = AnalystSession.open(replace(provider.configure(small), **settings))

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


def written_down(home: Path) -> str:
    """Everything that is kept of the questions: capsules, caches, workspaces."""
    return "\n".join(path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file())
