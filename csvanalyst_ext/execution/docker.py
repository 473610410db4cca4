"""The Docker executor: one sealed, warm container for one analyst session.

Runs on the host.  It starts the container, checks that the engine made what was asked for, carries
one request at a time to the runner, and replaces the container whenever it no longer keeps its
word.  It never runs anything itself.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from ..errors import EngineUnavailable, RunnerMisbehaved, SandboxLost, SpecRefused
from ..protocol import Fault, Kind, Request, SqlRequest, request_to_json, tables_to_json
from . import docker_carrier, docker_client, docker_image, docker_reaper
from .admission import Admission
from .base import BodySink, Outcome, ProgressSink, refused_unsent
from .channel import Channel, OnlyEnds
from .collector import Collector
from .docker_events import ran_out_of_memory
from .docker_spec import DATA_TARGET, GVISOR_PIDS, GVISOR_PROCESSES, LABEL, PIDS, LaunchSpec, differences, is_gvisor
from .docker_validator import refuse_weaker
from .local import SOCKET_NAME, Door, LocalCarrier, Mappings
from .stream import StreamCarrier

if TYPE_CHECKING:
    import docker

GRACE: Final = 3.0
"""Seconds after a request's deadline within which the runner must have answered."""
UNDONE_WITHIN: Final = 10.0
"""Seconds that closing waits for starts that were given up, until nothing of them is left."""
QUERY_SHARE: Final = 0.6
"""DuckDB's share of the container's memory: the rest is for Python, Arrow and the libraries."""
RESERVED: Final = 1024 * MIB
"""Address space that a worker may map beyond it under gVisor: allocators reserve up to 900 MiB that they never use."""
KEEP_SHARE: Final = 0.125
"""The share of the container's memory for results that are kept by name."""


@dataclass(slots=True)
class _Created:
    """A container as the engine made it, to specification, not yet started.  ``door`` is there for the
    local carrier only; ``attached`` is the engine's connection to its standard streams."""

    client: docker.DockerClient
    id: str
    spec: LaunchSpec
    carrier: str
    attached: Any
    door: Door | None

    def remove(self) -> None:
        """Blocks."""
        wrapped = getattr(self.attached, "_sock", None)  # closing the wrapper forgets it and leaves it open
        self.attached.close()
        if wrapped is not None:
            wrapped.close()
        if self.door is not None:
            self.door.close()
        docker_reaper.remove(self.client, self.id)
        self.client.close()


@dataclass(slots=True)
class _Container:
    """A container with a ``channel`` to its runner; ``drain`` keeps its standard streams empty."""

    created: _Created
    channel: Channel
    drain: StreamCarrier | None = None

    def close(self) -> None:
        self.channel.close()
        if self.drain is not None:
            self.drain.close()


class DockerExecutor:
    """See ``base.Executor``."""

    def __init__(self, settings: Settings, *, session_id: str, data_dir: Path) -> None:
        self._settings = settings
        self._session_id = session_id
        self._data_dir = data_dir
        self._admission = Admission(settings.home, settings.queue_timeout)
        self._tables: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._container: _Container | None = None
        self._carrier = settings.carrier
        self._mappings = Mappings()
        self._rest: asyncio.TimerHandle | None = None
        self._given_up: set[asyncio.Task[None]] = set()
        self._facts: dict[str, Any] = {"provider": "docker"}

    def facts(self) -> Mapping[str, Any]:
        return dict(self._facts)

    async def start(self) -> None:
        async with self._turn, self._awake():
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
            for last in (False, True):
                container = await self._ready()
                ready = time.perf_counter()
                collector = Collector(request, progress, body)
                try:
                    outcome = await self._ask(container, request, collector)
                    break
                except SandboxLost as error:
                    # Before a worker had the request it was not the cause, and may be asked again.
                    if last or collector.begun or error.code != "sandbox_lost":
                        raise
            timings = {**outcome.timings, "start": ready - started, "total": time.perf_counter() - started}
            return replace(outcome, timings=timings)

    async def _ask(self, container: _Container, request: Request, collector: Collector) -> Outcome:
        """The outcome in this container, which is dropped when it can no longer be relied on."""
        began = time.perf_counter()
        try:
            within = request.limits.timeout + GRACE
            async with self._admission.running():
                await container.channel.exchange(Kind.REQUEST, request_to_json(request), collector, within)
            return await _outcome(collector)
        except SandboxLost:
            seconds = time.perf_counter() - began
            made = container.created
            short = collector.begun and await asyncio.to_thread(ran_out_of_memory, made.client, made.id, seconds)
            await self._drop()
            if short:
                return _OUT_OF_MEMORY
            raise
        except BaseException as error:
            if container.channel.lost is not None or isinstance(error, RunnerMisbehaved):
                await self._drop()
            raise

    async def close(self) -> None:
        async with self._turn:
            await self._drop()
            if self._given_up:
                await asyncio.wait(self._given_up, timeout=UNDONE_WITHIN)

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
            async with self._admission.starting():
                await self._start()
        assert self._container is not None
        return self._container

    async def _start(self) -> None:
        """Start a container; one more with the stream carrier where the local one was our own choice and failed."""
        try:
            await self._start_with(self._carrier)
        except SandboxLost as error:
            late = error.code == "sandbox_start_timeout"
            if late or self._carrier != "auto" or self._facts.get("carrier") != "local":
                raise
            self._carrier = "stream"
            await self._start_with(self._carrier)

    async def _start_with(self, carrier: str) -> None:
        started = time.perf_counter()
        abandoned = threading.Event()
        creation = asyncio.create_task(asyncio.to_thread(self._create_unless, abandoned, carrier))
        # The first result will want it, and its import takes as long as a start has to wait anyway.
        self._arrow = asyncio.create_task(asyncio.to_thread(importlib.import_module, "pyarrow"))
        try:
            async with asyncio.timeout(self._settings.start_timeout):
                created = await asyncio.shield(creation)
                self._facts = {"provider": "docker", "carrier": created.carrier}
                self._container = container = _Container(created, Channel())
                await self._connect(container)
                await self._hand_over_tables(container, self._settings.start_timeout)
                hello = await container.channel.greeting()
        except BaseException as error:
            if self._container is None:
                abandoned.set()
                undoing = asyncio.create_task(_undo(creation))
                self._given_up.add(undoing)
                undoing.add_done_callback(self._given_up.discard)
            await self._drop()
            if isinstance(error, TimeoutError):
                raise SandboxLost(
                    "sandbox_start_timeout",
                    f"The sandbox was not ready within {self._settings.start_timeout:g} seconds.",
                    "The machine or its Docker engine is busy; ask again, or raise CSVANALYST_START_TIMEOUT.",
                ) from error
            raise _typed(error) from error
        spec = created.spec
        self._facts |= {
            "runtime": spec.runtime or "default",
            "image": spec.image,
            "protocol": hello.protocol,
            "versions": hello.versions,
            "memory": spec.memory,
            "cpus": spec.cpus,
            "scratch": spec.scratch,
            "pids": spec.pids,
            "container": created.id[:12],
            "start_seconds": time.perf_counter() - started,
        }

    async def _connect(self, container: _Container) -> None:
        """Start the container and give its channel a carrier."""
        created, channel = container.created, container.channel
        loop = asyncio.get_running_loop()
        if created.door is None:
            channel.carrier = StreamCarrier(created.attached, loop, channel)
            await asyncio.to_thread(created.client.api.start, created.id)
            return
        container.drain = StreamCarrier(created.attached, loop, OnlyEnds(channel))
        pid = await asyncio.to_thread(_started, created)
        connection = await channel.unless_lost(created.door.visitor(pid))
        created.door.close()
        channel.carrier = LocalCarrier(connection, loop, channel, self._mappings)

    def _create_unless(self, abandoned: threading.Event, wanted: str) -> _Created:
        """``_create``, but what is no longer wanted once it is there is removed, whether or not a loop still runs."""
        created = self._create(wanted)
        if abandoned.is_set():
            created.remove()
        return created

    def _create(self, wanted: str) -> _Created:
        """Create the container, verify it, attach to it.  Blocks.  Raises ``SandboxError``, or the engine's own."""
        client = docker_client.connect(host=self._settings.docker_host)
        try:
            return self._create_by(client, wanted)
        except BaseException:
            client.close()
            raise

    def _create_by(self, client: docker.DockerClient, wanted: str) -> _Created:
        settings = self._settings
        docker_reaper.reap(client)
        carrier, _ = docker_carrier.choose(wanted, settings.docker_runtime, client)
        spec = LaunchSpec(
            image=docker_image.find(client, settings.image),
            data_dir=self._data_dir,
            seccomp=docker_image.seccomp_profile(),
            memory=settings.memory,
            cpus=min(settings.cpus, float(os.cpu_count() or 1)),
            scratch=min(settings.scratch, settings.memory),
            arguments=_arguments(settings, carrier),
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
            attached = engine.attach_socket(identity, params=streams)
            door = Door(self._data_dir) if carrier == "local" else None
            return _Created(client, identity, spec, carrier, attached, door)
        except BaseException:
            docker_reaper.remove(client, identity)
            raise

    async def _hand_over_tables(self, container: _Container, within: float = GRACE) -> None:
        collector = Collector(_NO_REQUEST, None, None)
        await container.channel.exchange(Kind.TABLES, tables_to_json(self._tables), collector, within)

    async def _drop(self) -> None:
        """Close the connection, which ends the runner, then remove the container for certain."""
        container, self._container = self._container, None
        if self._rest is not None:
            self._rest.cancel()
        self._facts = {name: fact for name, fact in self._facts.items() if name not in ("container", "start_seconds")}
        if container is not None:
            container.close()
            await asyncio.to_thread(container.created.remove)


_NO_REQUEST: Final = SqlRequest("")
_OUT_OF_MEMORY: Final = Outcome(
    "memory",
    Fault(
        "out_of_memory",
        "The memory limit of the sandbox was reached and the sandbox was ended.",
        "Aggregate or filter first, use fewer columns, or allow more memory (CSVANALYST_MEMORY).",
    ),
)
AT_ONCE: Final = 256 * 1024
"""Bytes of a result that are validated without handing them to another thread: that takes longer."""


async def _outcome(collector: Collector) -> Outcome:
    if collector.size <= AT_ONCE:
        return collector.outcome()
    return await asyncio.to_thread(collector.outcome)


def _arguments(settings: Settings, carrier: str) -> tuple[str, ...]:
    threads = max(1, round(min(settings.cpus, float(os.cpu_count() or 1))))
    arguments = ["--memory", str(int(settings.memory * QUERY_SHARE)), "--threads", str(threads)]
    arguments += ["--keep", str(int(settings.memory * KEEP_SHARE))]
    if is_gvisor(settings.docker_runtime):  # the engine's limits would end the whole sandbox
        growth = str(settings.memory + RESERVED)
        arguments += ["--most-processes", str(GVISOR_PROCESSES), "--most-growth", growth]
    if carrier == "local":
        arguments += ["--socket", f"{DATA_TARGET}/{SOCKET_NAME}"]
    return tuple(arguments if settings.python_enabled else [*arguments, "--no-python"])


def _started(created: _Created) -> int:
    """Start the container; the number of its first process on this host.  Blocks."""
    engine: Any = created.client.api
    engine.start(created.id)
    return int(engine.inspect_container(created.id)["State"]["Pid"])


async def _undo(creation: asyncio.Task[_Created]) -> None:
    """Remove what a start that was given up has made, or will have made."""
    with contextlib.suppress(Exception):
        created = await creation
        await asyncio.to_thread(created.remove)


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
