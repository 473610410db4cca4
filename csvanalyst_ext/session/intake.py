"""From a source to a registered table: stage, look up, ingest in the sandbox, link.

Runs on the host, on the engine's loop; disk work goes to threads.  The bytes of a source are copied
and hashed here and parsed nowhere but in the sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..config import Settings
from ..datasets.cache import Cache, Entry, cache_key
from ..datasets.frames import write_ipc
from ..datasets.opening import Signature, signature
from ..datasets.registry import Registered
from ..datasets.report import dataset_from_report
from ..datasets.sources import FileSource, FrameSource, Source
from ..datasets.staging import Workspace
from ..errors import DataError
from ..execution.base import Executor, ProgressSink
from ..protocol import IngestRequest

CACHE_BYTES: Final = 20 * 1024**3
"""How much the cache of ingested tables may hold before the least used go."""
_SLOWEST: Final = 4 * 1024 * 1024
"""Bytes a second that an ingest must manage at least; its deadline grows with the source."""

Options = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class _Material:
    """A source's bytes in the incoming directory; ``name`` is empty when they are known and were not copied again."""

    name: str
    size: int
    sha256: str
    signature: Signature | None
    notes: tuple[str, ...] = ()


class Intake:
    """Makes tables of sources.  ``ingest_version`` says which code reads them, for the cache."""

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        cache: Cache,
        executor: Executor,
        ingest_version: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._cache = cache
        self._executor = executor
        self._ingest_version = ingest_version
        self._seen: dict[tuple[Path, Signature], tuple[int, str]] = {}

    async def take(self, source: Source, name: str, options: Options, progress: ProgressSink | None) -> Registered:
        """``source`` as a table named ``name``; its file is linked, but nothing is registered.

        Raises ``DataError``, ``StorageError``, ``SandboxError`` or a ``QuestionError`` (time, memory).
        """
        format_, compression, chosen = _format(source, options)
        material = await self._known(source, format_, compression, chosen) or await self._stage(source)
        try:
            key = cache_key(material.sha256, format_, compression, chosen, self._ingest_version())
            entry = await asyncio.to_thread(self._cache.get, key)
            if entry is None:
                request = IngestRequest(
                    material.name,
                    format_,
                    compression,
                    dict(chosen),
                    self._settings.limits(
                        timeout=self._settings.timeout + material.size / _SLOWEST, max_bytes=self._settings.max_source
                    ),
                )
                entry = await self._ingest(key, request, progress)
        finally:
            if material.name:
                self._workspace.discard(material.name)
        file = await asyncio.to_thread(self._workspace.link_table, entry.path)
        dataset = dataset_from_report(name, source.label, format_, material.sha256, file, material.size, entry.report)
        if isinstance(source, FileSource) and material.signature is not None:
            self._seen[source.path, material.signature] = (material.size, material.sha256)
        noted = replace(dataset, notes=(*source.notes, *material.notes, *dataset.notes))
        return Registered(noted, source, material.signature, key)

    async def prune(self, keep: frozenset[str]) -> None:
        await asyncio.to_thread(self._cache.prune, CACHE_BYTES, keep)

    async def _known(self, source: Source, format_: str, compression: str, options: Options) -> _Material | None:
        """A file that was read before and has not changed since, when its table is still in the cache."""
        if not isinstance(source, FileSource):
            return None
        now = signature(source.path)
        seen = self._seen.get((source.path, now)) if now is not None else None
        if seen is None:
            return None
        size, sha256 = seen
        key = cache_key(sha256, format_, compression, options, self._ingest_version())
        entry = await asyncio.to_thread(self._cache.get, key)
        return None if entry is None else _Material("", size, sha256, now)

    async def _stage(self, source: Source) -> _Material:
        work = asyncio.create_task(asyncio.to_thread(self._stage_now, source))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(self._forget)
            raise

    def _stage_now(self, source: Source) -> _Material:
        if isinstance(source, FrameSource):
            return self._stage_frame(source)
        staged = self._workspace.stage_file(source.path, self._settings.max_source)
        return _Material(staged.name, staged.size, staged.sha256, staged.signature)

    def _stage_frame(self, source: FrameSource) -> _Material:
        name, facts = self._workspace.stage_written(
            lambda path: write_ipc(source.value, path, max_bytes=self._settings.max_source)
        )
        return _Material(name, facts.bytes, facts.sha256, None, facts.notes)

    def _forget(self, work: asyncio.Task[_Material]) -> None:
        """The person stopped it, but a thread cannot be stopped: remove what it has made in the end."""
        if not work.cancelled() and work.exception() is None:
            self._workspace.discard(work.result().name)

    async def _ingest(self, key: str, request: IngestRequest, progress: ProgressSink | None) -> Entry:
        with self._cache.writer(key, max_bytes=self._settings.max_source) as writer:
            outcome = await self._executor.run(request, progress=progress, body=writer.write)
            fault = outcome.fault
            if fault is not None and outcome.status in ("error", "refused"):
                raise DataError(fault.code, fault.message, fault.hint, **fault.details)
            outcome.raise_for_status()
            return await asyncio.to_thread(writer.commit, outcome.report)


def _format(source: Source, options: Options) -> tuple[str, str, dict[str, Any]]:
    if isinstance(source, FrameSource):
        return "arrow", "", {}
    return source.format.format, source.format.compression, {**source.format.options, **options}
