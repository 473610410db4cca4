"""From a source to a registered table: stage, look up, ingest in the sandbox, link.

Runs on the host, on the engine's loop; disk work goes to threads.  The bytes of a source are linked or
copied and hashed here and parsed nowhere but in the sandbox.  A large file is hashed while the sandbox
already reads it.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from ..config import Settings
from ..datasets import forecast
from ..datasets.cache import Cache, Entry, Writer, cache_key
from ..datasets.frames import write_ipc
from ..datasets.known import Known, rested
from ..datasets.opening import Signature, signature
from ..datasets.registry import Registered
from ..datasets.report import dataset_from_report
from ..datasets.sources import FileSource, FrameSource, Source
from ..datasets.staging import Workspace
from ..errors import DataError, ImageUnavailable, RunnerMisbehaved, StorageError
from ..execution.base import Executor, Outcome, ProgressSink
from ..protocol import IngestRequest, protocol_hash
from .headway import Headway

CACHE_BYTES: Final = 20 * 1024**3
"""How much the cache of ingested tables may hold before the least used go."""
_SLOWEST: Final = 4 * 1024 * 1024
"""Bytes a second that an ingest must manage at least; its deadline grows with the source."""
_AGAIN: Final = "ingest_again"
_COPYING: Final = 0.15
_READ: Final = 0.9
"""The shares of the work after which a file is copied, and after which it is read; then its profile is made."""

Options = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class _Material:
    """A source's bytes in the incoming directory; ``name`` is empty when they are known and were not staged again.
    ``sha256`` is empty as long as it was not computed."""

    name: str
    size: int
    sha256: str
    signature: Signature | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Job:
    """One source on its way."""

    source: Source
    format: str
    compression: str
    options: Options
    headway: Headway


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
        self._known = Known(settings.home)

    async def take(self, source: Source, name: str, options: Options, progress: ProgressSink | None) -> Registered:
        """``source`` as a table named ``name``; its file is linked, but nothing is registered.

        Raises ``DataError``, ``StorageError``, ``SandboxError`` or a ``QuestionError`` (time, memory).
        """
        format_, compression, chosen = _format(source, options)
        size = _size(source)
        job = _Job(source, format_, compression, chosen, Headway(progress, size))
        material, entry = await self._recalled(job)
        began = time.time_ns()
        if entry is None:
            material = await self._stage(job)
            try:
                material, entry = await self._made(job, material)
            finally:
                self._workspace.discard(material.name)
        file = await asyncio.to_thread(self._workspace.link_table, entry.path)
        dataset = dataset_from_report(name, source.label, format_, material.sha256, file, material.size, entry.report)
        seen = await asyncio.to_thread(self._remembered, source, material, began)
        noted = replace(dataset, notes=(*source.notes, *material.notes, *dataset.notes))
        return Registered(noted, source, seen, entry.key)

    async def prune(self, keep: frozenset[str]) -> None:
        await asyncio.to_thread(self._cache.prune, CACHE_BYTES, keep)

    # --- files that were read before ----------------------------------------------------------------

    async def _recalled(self, job: _Job) -> tuple[_Material, Entry | None]:
        """A file that was read before and has not changed since, and its table, if that is still in the cache."""
        nothing = _Material("", 0, "", None)
        now = signature(job.source.path) if isinstance(job.source, FileSource) else None
        sha256 = await asyncio.to_thread(self._known.find, now) if now is not None else None
        if now is None or sha256 is None:
            return nothing, None
        entry = await asyncio.to_thread(self._cache.get, self._key(job, sha256))
        return _Material("", now.size, sha256, now), entry

    def _remembered(self, source: Source, material: _Material, began: int) -> Signature | None:
        """What the source looks like now that it was read, which is also remembered.  Raises ``DataError``."""
        before = material.signature
        if not isinstance(source, FileSource) or before is None:
            return before
        now = signature(source.path)
        if now is None or not before.same_bytes(now):
            return before  # changed since: the next question finds out
        if rested(now, began):
            with suppress(StorageError):
                self._known.remember(now, material.sha256)
        return now

    def _key(self, job: _Job, sha256: str) -> str:
        return cache_key(sha256, job.format, job.compression, job.options, self._ingest_version())

    # --- staging ------------------------------------------------------------------------------------

    async def _stage(self, job: _Job) -> _Material:
        loop = asyncio.get_running_loop()
        told = job.headway.part(0.0, _COPYING)

        def copied(size: int) -> None:
            loop.call_soon_threadsafe(told, 0, size)

        work = asyncio.create_task(asyncio.to_thread(self._stage_now, job, copied))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(self._forget)
            raise

    def _stage_now(self, job: _Job, copied: Callable[[int], object]) -> _Material:
        source, most = job.source, self._settings.max_source
        if isinstance(source, FrameSource):
            return self._stage_frame(source)
        # A Parquet file may become the table itself, and that must be a copy.
        staged = None if job.format == "parquet" else self._workspace.link_file(source.path, most)
        try:
            needs = forecast.forecast(source.path, job.format, job.compression, most, linked=staged is not None)
            forecast.require(needs, source.path, self._settings.home)
        except BaseException:
            if staged is not None:
                self._workspace.discard(staged.name)
            raise
        staged = staged or self._workspace.stage_file(source.path, most, copied)
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

    # --- the table ----------------------------------------------------------------------------------

    async def _made(self, job: _Job, material: _Material) -> tuple[_Material, Entry]:
        """The table of a staged source, from the cache or ingested, and the material with its hash."""
        if material.sha256:
            key = self._key(job, material.sha256)
            entry = await asyncio.to_thread(self._cache.get, key)
            return material, entry or await self._ingest(job, material, asyncio.ensure_future(_given(key)))
        stop = threading.Event()
        hashing = asyncio.create_task(asyncio.to_thread(self._workspace.hash_file, material.name, stop.is_set))
        key_task = asyncio.create_task(self._key_of(job, hashing))
        ingest = asyncio.create_task(self._ingest(job, material, key_task))
        try:
            await asyncio.wait({hashing, ingest}, return_when=asyncio.FIRST_COMPLETED)
            if not ingest.done():
                material = replace(material, sha256=await hashing)
                entry = await asyncio.to_thread(self._cache.get, self._key(job, material.sha256))
                if entry is not None:
                    return material, entry
            entry = await ingest
            return replace(material, sha256=await hashing), entry
        finally:
            stop.set()
            ingest.cancel()
            await asyncio.gather(ingest, hashing, key_task, return_exceptions=True)

    async def _key_of(self, job: _Job, hashing: asyncio.Task[str]) -> str:
        return self._key(job, await asyncio.shield(hashing))

    async def _ingest(self, job: _Job, material: _Material, key: Awaitable[str]) -> Entry:
        exact = {"exact": True} if job.format == "parquet" else {}  # of those, the statistics are proved
        request = self._request(material.name, job.format, job.compression, {**job.options, **exact}, material.size)
        start = 0.0 if not material.sha256 else _COPYING
        for attempt in (request, replace(request, options={**request.options, "exact": True})):
            with self._cache.writer(max_bytes=self._settings.max_source) as writer:
                told = job.headway.part(start, _READ)
                outcome = await self._executor.run(attempt, progress=told, body=writer.write)
                if outcome.fault is not None and outcome.fault.code == _AGAIN and attempt is request:
                    continue
                _raise_for(outcome)
                report = dict(outcome.report)
                state = report.pop("state", "whole")
                if state == "unprofiled":
                    report = await self._profiled(writer, report, job.headway)
                found = await key
                self._require_unchanged(job, material)
                if state == "as_is":
                    if request.format != "parquet":
                        raise RunnerMisbehaved("bad_table", "The sandbox wants to keep a file that is no table.")
                    path = self._workspace.incoming / material.name
                    await asyncio.to_thread(writer.adopt, path, material.sha256)
                return await asyncio.to_thread(writer.commit, report, found)
        raise AssertionError("unreachable")

    def _request(self, name: str, format_: str, compression: str, options: Options, size: int) -> IngestRequest:
        limits = self._settings.limits(
            timeout=self._settings.timeout + size / _SLOWEST, max_bytes=self._settings.max_source
        )
        return IngestRequest(name, format_, compression, dict(options), limits)

    async def _profiled(self, writer: Writer, report: dict[str, Any], headway: Headway) -> dict[str, Any]:
        """``report`` with the profile of the finished table, which another worker reads completely."""
        name = await asyncio.to_thread(self._workspace.stage_linked, writer.path)
        try:
            size = writer.path.stat().st_size
            told = headway.part(_READ, 1.0, size)
            request = self._request(name, "parquet", "", {}, size)
            outcome = await self._executor.run(request, progress=told, body=lambda _: None)
        finally:
            self._workspace.discard(name)
        _raise_for(outcome)
        return _merged(report, outcome.report)

    def _require_unchanged(self, job: _Job, material: _Material) -> None:
        """Raises ``DataError`` (``data_changed``) when the file itself was read and was written to meanwhile."""
        if material.signature is None or not isinstance(job.source, FileSource):
            return
        path = self._workspace.incoming / material.name
        if material.signature.inode == path.stat().st_ino and not material.signature.same_bytes(signature(path)):
            raise DataError(
                "data_changed",
                f"{job.source.path.name!r} was written to while it was read, "
                "so the table may be half old and half new.",
                "Add it again when the writing is done.",
            )


async def _given(key: str) -> str:
    return key


def _raise_for(outcome: Outcome) -> None:
    fault = outcome.fault
    if fault is not None and outcome.status in ("error", "refused"):
        raise DataError(fault.code, fault.message, fault.hint, **fault.details)
    outcome.raise_for_status()


def _merged(report: dict[str, Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    """The report of the reading with the columns of the profile.  What does not fit is refused by who checks it."""
    try:
        columns = [
            {**found, "name": column["name"], "type": column["type"], "words": column["words"]}
            for column, found in zip(report["columns"], profile["columns"], strict=True)
        ]
        if report["rows"] != profile["rows"]:
            raise ValueError
        return {**report, "columns": columns, "notes": [*report["notes"], *profile["notes"]]}
    except (KeyError, TypeError, ValueError) as error:
        raise RunnerMisbehaved("bad_report", "The sandbox described a table in two ways.") from error


def _size(source: Source) -> int:
    found = signature(source.path) if isinstance(source, FileSource) else None
    return 0 if found is None else found.size


def _format(source: Source, options: Options) -> tuple[str, str, dict[str, Any]]:
    if isinstance(source, FrameSource):
        if options.get("null") or options.get("text"):
            message = "The options null and text are for delimited text; the columns of a variable have types."
            raise DataError("option_not_for_format", message, "Leave them out, or change the variable.")
        return "arrow", "", {}
    return source.format.format, source.format.compression, {**source.format.options, **options}


def image_version(settings: Settings) -> Callable[[], str]:
    """What the tables in the cache depend on besides their source: the sources of the runner that made them."""

    @functools.cache
    def version() -> str:
        from ..execution import docker_image

        try:
            own = docker_image.expected().build_hash
        except ImageUnavailable:
            own = protocol_hash()
        return f"{own}/{settings.image}"

    return version
