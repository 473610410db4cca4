"""The data sets of a session as they come, change and go.

Runs on the host, on the engine's loop.  What is visible changes in one step: either everything
that was asked for is there, or all is as it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..agent.events import Event, ToolEnded, ToolProgress, ToolStarted
from ..datasets.dictionary import Dictionary
from ..datasets.model import Dataset
from ..datasets.naming import check_name, table_name
from ..datasets.opening import signature
from ..datasets.registry import Registered, Registry
from ..datasets.sources import FileSource, Source
from ..datasets.staging import Workspace
from ..execution.base import Executor
from .dictionaries import of_source
from .intake import Intake, Options

Emit = Callable[[Event], None]


class Shelf:
    """The registry, kept in step with the sandbox and with the files it was made from."""

    def __init__(self, executor: Executor, workspace: Workspace, intake: Intake) -> None:
        self.registry = Registry()
        self._executor = executor
        self._workspace = workspace
        self._intake = intake
        self._options: dict[str, Options] = {}
        self._said: dict[str, Dictionary] = {}

    async def add(
        self,
        sources: Sequence[Source],
        name: str | None,
        options: Options,
        emit: Emit,
        dictionary: Path | None = None,
    ) -> tuple[Dataset, ...]:
        """Register all of ``sources``, or none.  See ``AnalystSession.add``."""
        registry, taken = self.registry, []
        try:
            for source in sources:
                known = await asyncio.to_thread(of_source, source, dictionary)
                item = await self._take(source, _name(registry, source, name), options, emit)
                if dictionary is None:  # what was given for it before is still meant
                    known = self._said.get(item.dataset.name, known)
                item = replace(item, dataset=replace(item.dataset, dictionary=known))
                registry = registry.add(item)
                taken.append(item)
            await self._adopt(registry)
        except BaseException:
            self._unlink(registry, keep=self.registry)
            raise
        self._options.update({item.dataset.name: dict(options) for item in taken})
        if dictionary is not None:
            self._said.update({i.dataset.name: i.dataset.dictionary for i in taken if i.dataset.dictionary is not None})
        await self._intake.prune(self.registry.cache_keys)
        return tuple(item.dataset for item in taken)

    def attach(self, name: str, dictionary: Dictionary) -> Dataset:
        """Put ``dictionary`` in force for a data set.  Raises ``DataError`` (``data_unknown``)."""
        item = self.registry.find(name)
        dataset = replace(item.dataset, dictionary=dictionary)
        self.registry = self.registry.add(replace(item, dataset=dataset))
        self._said[dataset.name] = dictionary
        return dataset

    def options(self, name: str) -> Options:
        """With what the data set ``name`` is read."""
        return self._options.get(name, {})

    async def clear(self) -> None:
        self._options.clear()
        self._said.clear()
        await self._adopt(Registry())

    async def refresh(self, names: Sequence[str], emit: Emit) -> list[str]:
        """Read again those of ``names`` whose files have changed; what happened, in sentences."""
        notes, registry = [], self.registry
        for change in registry.changed():
            dataset = change.registered.dataset
            if dataset.name not in names:
                continue
            if change.what == "missing":
                notes.append(f"{dataset.source} is gone; the table {dataset.name} as it was read before was used.")
                continue
            item = await self._take(change.registered.source, dataset.name, self.options(dataset.name), emit)
            item = replace(item, dataset=replace(item.dataset, dictionary=dataset.dictionary))
            registry = registry.add(item)
            if item.dataset.fingerprint != dataset.fingerprint:
                notes.append(f"{dataset.source} had changed and was read again: {item.dataset.rows:,} rows.")
        for item in registry:
            dataset = item.dataset
            if dataset.name in names and not self._workspace.has_table(dataset.file):
                again = await self._take(item.source, dataset.name, self.options(dataset.name), emit)
                registry = registry.add(replace(again, dataset=replace(again.dataset, dictionary=dataset.dictionary)))
                notes.append(f"The file of the table {dataset.name} had been deleted and was made again.")
        if registry is not self.registry:
            await self._adopt(registry)
        return notes

    async def _take(self, source: Source, name: str, options: Options, emit: Emit) -> Registered:
        call, started = f"add-{name}", time.perf_counter()
        emit(ToolStarted(call, "add", {"source": source.label, **_extent(source)}))
        try:
            item = await self._intake.take(
                source, name, options, lambda rows, size: emit(ToolProgress(call, rows, size))
            )
        except BaseException:
            emit(ToolEnded(call, "add", "error", name, time.perf_counter() - started))
            raise
        emit(ToolEnded(call, "add", "ok", f"{name}, {item.dataset.rows:,} rows", time.perf_counter() - started))
        return item

    async def _adopt(self, registry: Registry) -> None:
        old = self.registry
        await self._executor.set_tables(registry.tables())
        self.registry = registry
        self._unlink(old, keep=registry)

    def _unlink(self, registry: Registry, keep: Registry) -> None:
        for file in set(registry.tables().values()) - set(keep.tables().values()):
            self._workspace.unlink_table(file)


def _extent(source: Source) -> dict[str, int]:
    """The bytes that progress counts up to, where they are known beforehand."""
    if not isinstance(source, FileSource) or source.format.compression:
        return {}
    found = signature(source.path)
    return {} if found is None else {"bytes": found.size}


def _name(registry: Registry, source: Source, wanted: str | None) -> str:
    same = registry.of_source(source)
    if wanted is None:
        return same.dataset.name if same else table_name(source.stem, registry.names)
    return check_name(wanted, [name for name in registry.names if same is None or name != same.dataset.name])
