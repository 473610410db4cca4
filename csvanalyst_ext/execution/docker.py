"""The Docker executor: one sealed, warm container for one analyst session.

Runs on the host.  It starts the container, checks that the engine made what was asked for, carries
one request at a time to the runner, and replaces the container whenever it no longer keeps its
word.  It never runs anything itself.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..config import MIB, Settings
from ..errors import EngineUnavailable, SandboxError, SandboxLost, SpecRefused
from ..protocol import Fault, Kind, Request, SqlRequest, request_to_json, tables_to_json
from . import docker_client, docker_image, docker_reaper
from .base import BodySink, Outcome, ProgressSink, refused_unsent
from .channel import Channel
from .collector import Collector
from .docker_events import ran_out_of_memory
from .docker_spec import GVISOR_PIDS, GVISOR_PROCESSES, LABEL, PIDS, LaunchSpec, differences, is_gvisor, refuse_weaker
from .stream import StreamCarrier

if TYPE_CHECKING:
    import docker

GRACE: Final = 3.0
"""Seconds after a request's deadline within which the runner must have answered."""
QUERY_SHARE: Final = 0.6
"""DuckDB's share of the container's memory: the rest is for Python, Arrow and the libraries."""

RESERVED: Final = 1024 * MIB
"""Address space that a worker may map beyond it under gVisor: allocators reserve up to 900 MiB that they never use."""


@dataclass(slots=True)
class _Container:
    """A container that was created as specified; ``channel`` is its conversation."""

    client: docker.DockerClient
    id: str
    spec: LaunchSpec
    channel: Channel


class DockerExecutor:
    """See ``base.Executor``."""

    def __init__(self, settings: Settings, *, session_id: str, data_dir: Path) -> None:
        self._settings = settings
        self._session_id = session_id
        self._data_dir = data_dir
        self._tables: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._container: _Container | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._facts: dict[str, Any] = {"provider": "docker"}

    def facts(self) -> Mapping[str, Any]:
        return dict(self._facts)

    async def start(self) -> None:
        async with self._turn:
            await self._ready()

    async def set_tables(self, tables: Mapping[str, str]) -> None:
        async with self._turn:
            self._tables = dict(tables)
            if self._container is not None and self._container.channel.lost is None:
                await self._hand_over_tables(self._container)

    async def run(
        self, request: Request, *, progress: ProgressSink | None = None, body: BodySink | None = None
    ) -> Outcome:
        if (refused := refused_unsent(request)) is not None:
            return refused
        async with self._turn, self._awake():
            started = time.perf_counter()
            container = await self._ready()
            ready = time.perf_counter()
            collector = Collector(request, progress, body)
            try:
                within = request.limits.timeout + GRACE
                await container.channel.exchange(Kind.REQUEST, request_to_json(request), collector, within)
                outcome = await asyncio.to_thread(collector.outcome)
            except SandboxLost:
                seconds = time.perf_counter() - ready
                short = await asyncio.to_thread(ran_out_of_memory, container.client, container.id, seconds)
                await self._drop()
                if not short:
                    raise
                outcome = _OUT_OF_MEMORY
            except BaseException as error:
                if container.channel.lost is not None or isinstance(error, SandboxError):
                    await self._drop()
                raise
            timings = {**outcome.timings, "start": ready - started, "total": time.perf_counter() - started}
            return replace(outcome, timings=timings)

    async def close(self) -> None:
        async with self._turn:
            await self._drop()

    @asynccontextmanager
    async def _awake(self) -> AsyncIterator[None]:
        """No rest meanwhile; afterwards the container is removed unless it is needed within ``idle_timeout``."""
        if self._rest is not None:
            self._rest.cancel()
        try:
            yield
        finally:
            self._rest = asyncio.get_running_loop().call_later(self._settings.idle_timeout, self._retire)

    def _retire(self) -> None:
        self._retiring = asyncio.ensure_future(self.close())  # the loop alone would not keep it alive

    async def _ready(self) -> _Container:
        """The running container; a lost one is replaced.  Raises ``SandboxError``."""
        if self._container is not None and self._container.channel.lost is not None:
            await self._drop()
        if self._container is None:
            await self._start()
        assert self._container is not None
        return self._container

    async def _start(self) -> None:
        started = time.perf_counter()
        creation = asyncio.create_task(asyncio.to_thread(self._create))
        # The first result will want it, and its import takes as long as a start has to wait anyway.
        self._arrow = asyncio.create_task(asyncio.to_thread(importlib.import_module, "pyarrow"))
        try:
            async with asyncio.timeout(self._settings.start_timeout):
                client, spec, identity, connection = await asyncio.shield(creation)
                channel = Channel()
                self._container = container = _Container(client, identity, spec, channel)
                channel.carrier = StreamCarrier(connection, asyncio.get_running_loop(), channel)
                await asyncio.to_thread(client.api.start, identity)
                await self._hand_over_tables(container)
                hello = await channel.greeting()
        except BaseException as error:
            creation.add_done_callback(_remove_created)
            await self._drop()
            if isinstance(error, TimeoutError):
                raise SandboxLost(
                    "sandbox_start_timeout",
                    f"The sandbox was not ready within {self._settings.start_timeout:g} seconds.",
                    "The machine or its Docker engine is busy; ask again, or raise CSVANALYST_START_TIMEOUT.",
                ) from error
            raise _typed(error) from error
        spec = container.spec
        self._facts = {
            "provider": "docker",
            "runtime": spec.runtime or "default",
            "carrier": "stream",
            "image": spec.image,
            "protocol": hello.protocol,
            "versions": hello.versions,
            "memory": spec.memory,
            "cpus": spec.cpus,
            "scratch": spec.scratch,
            "pids": spec.pids,
            "container": container.id[:12],
            "start_seconds": time.perf_counter() - started,
        }

    def _create(self) -> tuple[docker.DockerClient, LaunchSpec, str, Any]:
        """Create the container, verify it, attach to it.  Blocks.  Raises ``SandboxError``, or the engine's own."""
        settings = self._settings
        client = docker_client.connect(host=settings.docker_host)
        docker_reaper.reap(client)
        spec = LaunchSpec(
            image=docker_image.find(client, settings.image),
            data_dir=self._data_dir,
            seccomp=docker_image.seccomp_profile(),
            memory=settings.memory,
            cpus=min(settings.cpus, float(os.cpu_count() or 1)),
            scratch=min(settings.scratch, settings.memory),
            arguments=_arguments(settings),
            labels={f"{LABEL}.session": self._session_id, **docker_reaper.owner_labels()},
            runtime=settings.docker_runtime,
            pids=GVISOR_PIDS if is_gvisor(settings.docker_runtime) else PIDS,
        )
        refuse_weaker(spec)
        engine: Any = client.api
        identity = engine.create_container_from_config(spec.for_engine(), name=None)["Id"]
        try:
            wrong = differences(spec, engine.inspect_container(identity))
            if wrong:
                raise SpecRefused(
                    "sandbox_spec_mismatch",
                    f"The engine did not make the sandbox as specified ({'; '.join(wrong[:3])}), so nothing was run.",
                    "Use Docker Engine 20.10 or newer; `csvanalyst doctor` lists what the engine can do.",
                    differences=list(wrong),
                )
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
            return client, spec, identity, engine.attach_socket(identity, params=streams)
        except BaseException:
            docker_reaper.remove(client, identity)
            raise

    async def _hand_over_tables(self, container: _Container) -> None:
        collector = Collector(_NO_REQUEST, None, None)
        await container.channel.exchange(Kind.TABLES, tables_to_json(self._tables), collector, GRACE)

    async def _drop(self) -> None:
        """Close the connection, which ends the runner, then remove the container for certain."""
        container, self._container = self._container, None
        if self._rest is not None:
            self._rest.cancel()
        if container is not None:
            container.channel.close()
            await asyncio.to_thread(docker_reaper.remove, container.client, container.id)
            await asyncio.to_thread(container.client.close)


_NO_REQUEST: Final = SqlRequest("")
_OUT_OF_MEMORY: Final = Outcome(
    "memory",
    Fault(
        "out_of_memory",
        "The memory limit of the sandbox was reached and the sandbox was ended.",
        "Aggregate or filter first, use fewer columns, or allow more memory (CSVANALYST_MEMORY).",
    ),
)


def _arguments(settings: Settings) -> tuple[str, ...]:
    threads = max(1, round(min(settings.cpus, float(os.cpu_count() or 1))))
    arguments: tuple[str, ...] = ("--memory", str(int(settings.memory * QUERY_SHARE)), "--threads", str(threads))
    if is_gvisor(settings.docker_runtime):  # the engine's limits would end the whole sandbox
        growth = str(settings.memory + RESERVED)
        arguments = (*arguments, "--most-processes", str(GVISOR_PROCESSES), "--most-growth", growth)
    return arguments if settings.python_enabled else (*arguments, "--no-python")


def _remove_created(creation: asyncio.Task[tuple[docker.DockerClient, LaunchSpec, str, Any]]) -> None:
    """Remove what a start that was given up has made, or will have made."""
    if not creation.cancelled() and creation.exception() is None:
        client, _, identity, connection = creation.result()
        connection.close()
        threading.Thread(target=docker_reaper.remove, args=(client, identity), daemon=True).start()


def _typed(error: BaseException) -> BaseException:
    """An error of the engine or its client as a ``SandboxError``; others as they are."""
    import docker
    import requests

    if isinstance(error, docker.errors.APIError):
        return EngineUnavailable(
            "sandbox_engine_refused",
            f"The Docker engine refused to start the sandbox: {str(error.explanation)[:500]}",
            "`csvanalyst doctor` lists what the engine can do.",
        )
    if isinstance(error, docker.errors.DockerException | requests.RequestException | ConnectionError):
        return docker_client.unavailable(error)
    return error
