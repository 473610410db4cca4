"""The supervisor: PID 1 of the sandbox, between the host's stream and one-shot workers.

Runs in the sandbox.  Standard library only; it never looks into data, SQL or Python.  One request
is active at a time.  A request goes to a worker that was forked, sealed and connected before it
came; when the worker answers, fails, passes its deadline or is cancelled, its whole process group
is killed and reaped *before* the reply is released, and the scratch directory is emptied.  When
the host's end of the stream closes, the supervisor exits, and the sandbox with it.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from csvanalyst_ext.protocol import (
    Decoder,
    Frame,
    Kind,
    ProtocolError,
    Reply,
    Request,
    encode,
    failure,
    protocol_hash,
    request_from_json,
    request_to_json,
    tables_from_json,
)

from . import processes, scratch, sealing, zygote

MOST_OUTGOING: Final = 16 * 1024 * 1024
"""Bytes waiting for the host above which the worker is no longer read."""
MOST_PROGRESS: Final = 256
"""Bytes of a progress frame; larger ones are not passed on."""
PROGRESS_EVERY: Final = 0.05
"""Seconds within which one progress frame is enough."""
MOST_FAILED_STARTS: Final = 5
"""Workers in a row that may die before they are ready; then the sandbox gives itself up."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """``memory`` is DuckDB's limit in bytes; the container's own limit is the real one.  ``most_growth``: see
    ``rlimits``."""

    memory: int
    threads: int
    ready: int = 2
    python: bool = True
    most_growth: int | None = None
    incoming_dir: str = "/data/incoming"
    tables_dir: str = "/data/tables"
    scratch_dir: str = "/tmp"


@dataclass(slots=True)
class Active:
    """The request that is being served."""

    number: int
    request: Request
    received: float
    deadline: float
    worker: processes.Worker | None = None
    dispatched: float = 0.0
    told: float = 0.0
    kills_before: int | None = None


class Supervisor:
    """The event loop.  ``serve`` returns the exit status of the sandbox."""

    def __init__(self, configuration: Configuration, *, incoming: int = 0, outgoing: int = 1) -> None:
        self._configuration = configuration
        self._in, self._out = incoming, outgoing
        self._selector: selectors.BaseSelector
        self._decoder = Decoder()
        self._outgoing = bytearray()
        self._tables: dict[str, str] | None = None  # workers are made once the host has said which
        self._ready: list[processes.Worker] = []
        self._starting: list[processes.Worker] = []
        self._active: Active | None = None
        self._workers = 0
        self._started = time.monotonic()
        self._versions: dict[str, str] = {}
        self._greeted = False
        self._failed_starts = 0
        self._stopped: int | None = None

    def serve(self) -> int:
        sealing.hide_memory()
        os.chdir("/")  # nothing is to be looked for where questions write
        scratch.empty(self._configuration.scratch_dir)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            self._control.close()
            _redirect_standard_streams()
            zygote.serve(theirs)
        theirs.close()
        self._selector = selectors.DefaultSelector()  # not before: the workers must not hold it too
        for descriptor in (self._in, self._out):
            os.set_blocking(descriptor, False)
        self._listen_to_signals()
        self._selector.register(self._in, selectors.EVENT_READ, self._read_host)
        self._selector.register(self._control, selectors.EVENT_READ, self._read_zygote)
        while self._stopped is None:
            for key, _ in self._selector.select(self._patience()):
                # What is called may unwatch others of this round, whose descriptors are then used again.
                if self._stopped is None and self._selector.get_map().get(key.fd) is key:
                    key.data()
            self._check_deadline()
        return self._stopped

    # --- the host ---------------------------------------------------------------------------

    def _read_host(self) -> None:
        try:
            data = os.read(self._in, 1024 * 1024)
            if not data:
                self._stopped = 0
                return
            for frame in self._decoder.feed(data):
                self._from_host(frame)
        except BlockingIOError:
            return
        except ProtocolError:
            self._stopped = 4  # the host never breaks the protocol; whoever did gets no second try

    def _from_host(self, frame: Frame) -> None:
        if frame.kind is Kind.TABLES:
            self._tables = tables_from_json(frame.json())
            for worker in list(self._ready):
                self._discard(worker)
            for worker in self._starting:
                worker.stale = True
            self._refill()
            self._send(encode(Kind.REPLY, frame.request, Reply("ok").to_json()))
        elif frame.kind is Kind.REQUEST:
            self._accept(frame)
        elif frame.kind is Kind.CANCEL:
            if self._active and self._active.number == frame.request:
                self._finish(failure("cancelled", "cancelled", "The question was stopped.", "Ask again when you like."))
        else:
            raise ProtocolError("frame_kind", f"the host does not send {frame.kind.name}")

    def _accept(self, frame: Frame) -> None:
        if self._active:
            raise ProtocolError("busy", "one request at a time")
        now = time.monotonic()
        try:
            request = request_from_json(frame.json())
        except ProtocolError as error:
            fault = failure("error", error.code, f"The request could not be read: {error}.")
            self._send(encode(Kind.REPLY, frame.request, fault.to_json()))
            return
        self._active = Active(frame.request, request, now, now + request.limits.timeout)
        self._dispatch()

    def _send(self, data: bytes) -> None:
        self._outgoing += data
        self._write_host()

    def _write_host(self) -> None:
        while self._outgoing:
            try:
                written = os.write(self._out, memoryview(self._outgoing)[:65536])
            except BlockingIOError:
                break
            except BrokenPipeError:
                self._stopped = 0
                return
            del self._outgoing[:written]
        waiting = self._out in self._selector.get_map()
        if self._outgoing and not waiting:
            self._selector.register(self._out, selectors.EVENT_WRITE, self._write_host)
        elif not self._outgoing and waiting:
            self._selector.unregister(self._out)
        self._throttle()

    def _throttle(self) -> None:
        worker = self._active.worker if self._active else None
        if worker is None:
            return
        reading = worker.channel in self._selector.get_map()
        if len(self._outgoing) > MOST_OUTGOING and reading:
            self._selector.unregister(worker.channel)
        elif len(self._outgoing) <= MOST_OUTGOING and not reading:
            self._watch(worker.channel, partial(self._read_worker, worker))

    # --- workers ----------------------------------------------------------------------------

    def _refill(self) -> None:
        """Order workers until enough are ready.  Never while a request runs: what it does to memory and
        process numbers must not reach the preparation of the next one."""
        configuration = self._configuration
        if self._tables is None or (self._active and self._active.worker):
            return
        while len(self._ready) + sum(not worker.stale for worker in self._starting) < configuration.ready:
            self._workers += 1
            worker, theirs = processes.new_worker(os.path.join(configuration.scratch_dir, f"w{self._workers}"))
            order = {
                "tables": self._tables,
                "tables_dir": configuration.tables_dir,
                "incoming_dir": configuration.incoming_dir,
                "place": worker.place,
                "memory": configuration.memory,
                "threads": configuration.threads,
                "python": configuration.python,
                "most_growth": configuration.most_growth,
            }
            zygote.send_order(self._control, order, list(theirs))
            for descriptor in theirs:
                os.close(descriptor)
            self._starting.append(worker)
            self._watch(worker.channel, partial(self._read_worker, worker))
            self._watch(worker.output.descriptor, partial(self._read_output, worker))

    def _watch(self, source: Any, call: Callable[[], object]) -> None:
        self._selector.register(source, selectors.EVENT_READ, call)

    def _unwatch(self, source: Any) -> None:
        if source in self._selector.get_map():
            self._selector.unregister(source)

    def _discard(self, worker: processes.Worker) -> None:
        """End a worker that serves nothing; one that did not say its number yet ends itself at end of file."""
        for group in (self._ready, self._starting):
            if worker in group:
                group.remove(worker)
        self._unwatch(worker.channel)
        self._unwatch(worker.output.descriptor)
        worker.channel.close()
        processes.end(worker)
        os.close(worker.output.descriptor)

    def _read_zygote(self) -> None:
        try:
            message = self._control.recv(zygote.MAX_ORDER)
        except ConnectionError:
            message = b""
        if not message:
            self._stopped = 3  # no zygote, no workers: the host starts another sandbox
            return
        self._versions = dict(Frame(Kind.HELLO, 0, message).json())

    def _read_worker(self, worker: processes.Worker) -> bool:
        """Take what the worker sent; ``False`` when there was nothing."""
        try:
            data = worker.channel.recv(1024 * 1024)
            frames = worker.decoder.feed(data)
        except BlockingIOError:
            return False
        except (ConnectionError, ProtocolError):
            data, frames = b"", []
        for frame in processes.joined(frames):
            self._from_worker(worker, frame)
        if not data:
            self._worker_ended(worker)
        return bool(data)

    def _from_worker(self, worker: processes.Worker, frame: Frame) -> None:
        active = self._active
        if worker in self._starting:
            if frame.kind is Kind.PROGRESS:
                worker.sealed = True
                self._dispatch()
                return
            raw = frame.json()
            worker.pid, worker.fault = raw["pid"], raw["fault"]
            if worker.stale or (worker.fault and self._active and self._active.worker):
                self._discard(worker)  # the fault perhaps for want of what the running request took
                return
            self._starting.remove(worker)
            self._ready.append(worker)
            self._failed_starts = 0
            self._greet()
            self._dispatch()
        elif active and active.worker is worker:
            if frame.kind is Kind.REPLY:
                try:
                    self._finish(Reply.from_json(frame.json()))
                except ProtocolError as error:
                    self._finish(failure("crashed", "worker_misbehaved", f"The worker's answer is not valid: {error}."))
            elif frame.kind is Kind.BODY:
                self._send(encode(Kind.BODY, active.number, frame.payload))
            elif frame.kind is Kind.PROGRESS and len(frame.payload) <= MOST_PROGRESS:
                now = time.monotonic()
                if now - active.told >= PROGRESS_EVERY:
                    active.told = now
                    self._send(encode(Kind.PROGRESS, active.number, frame.payload))

    def _greet(self) -> None:
        if not self._greeted:
            self._greeted = True
            seconds = time.monotonic() - self._started
            hello = {"protocol": protocol_hash(), "versions": self._versions, "seconds": seconds}
            self._send(encode(Kind.HELLO, 0, hello))

    def _read_output(self, worker: processes.Worker) -> None:
        if not worker.output.drain():
            self._unwatch(worker.output.descriptor)

    def _worker_ended(self, worker: processes.Worker) -> None:
        if self._active and self._active.worker is worker:
            self._finish(None)
        elif worker in self._ready or worker in self._starting:
            self._failed_starts += worker in self._starting
            self._discard(worker)
            if self._failed_starts >= MOST_FAILED_STARTS:
                self._stopped = 5
            self._refill()
            self._dispatch()

    # --- one request --------------------------------------------------------------------------

    def _dispatch(self) -> None:
        active = self._active
        if active is None or active.worker is not None or not self._ready:
            return
        if not all(worker.sealed for worker in self._starting):
            return  # what the request runs could reach into one whose memory is still open
        worker = self._ready.pop(0)
        if worker.fault is not None:
            self._discard(worker)
            self._release(active, failure("error", **worker.fault), None)
            return
        os.makedirs(worker.place, 0o700, exist_ok=True)
        active.worker, active.dispatched = worker, time.monotonic()
        active.kills_before = processes.out_of_memory_kills()
        worker.output.most = active.request.limits.max_stdout
        worker.channel.setblocking(True)
        worker.channel.sendall(encode(Kind.REQUEST, active.number, request_to_json(active.request)))
        worker.channel.setblocking(False)

    def _finish(self, reply: Reply | None) -> None:
        """End the active request with ``reply``; ``None`` when its worker died without one."""
        active = self._active
        if active is None:
            return
        worker = active.worker
        if worker is not None:
            self._unwatch(worker.channel)
            self._unwatch(worker.output.descriptor)
            processes.end(worker)
            worker.output.drain()
            worker.close()
            scratch.empty(self._configuration.scratch_dir)
        status = worker.exit_status if worker else None
        if reply is None:  # where memory is refused before it is short, nothing is killed for it
            killer = self._configuration.most_growth is None
            reply = _cause_of_death(status, active.kills_before, killer=killer)
        self._release(active, reply, worker)

    def _release(self, active: Active, reply: Reply, worker: processes.Worker | None) -> None:
        now = time.monotonic()
        timings = {**reply.timings, "sandbox": now - active.received}
        if worker is not None:
            timings["wait"] = active.dispatched - active.received
            output = worker.output
            reply = replace(reply, stdout=output.text(), stdout_truncated=output.total > len(output.kept))
        self._active = None
        try:
            data = encode(Kind.REPLY, active.number, replace(reply, timings=timings).to_json())
        except ProtocolError as error:  # with the captured output it may have grown beyond one frame
            reply = failure("crashed", "worker_misbehaved", f"The worker's answer is not valid: {error}.")
            data = encode(Kind.REPLY, active.number, replace(reply, timings={"sandbox": timings["sandbox"]}).to_json())
        self._send(data)
        self._refill()

    def _patience(self) -> float | None:
        return None if self._active is None else max(0.0, self._active.deadline - time.monotonic())

    def _check_deadline(self) -> None:
        if self._active and time.monotonic() >= self._active.deadline:
            seconds = self._active.request.limits.timeout
            self._finish(
                failure(
                    "timeout",
                    "timeout",
                    f"It took longer than the {seconds:g} seconds allowed and was stopped.",
                    "Ask for less (filter, aggregate, LIMIT), or allow more time (--timeout).",
                    seconds=seconds,
                )
            )

    # --- signals ------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        read, write = socket.socketpair()
        read.setblocking(False)
        write.setblocking(False)
        self._signals = (read, write)
        signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "_stopped", 0))
        self._watch(read, self._reap)

    def _reap(self) -> None:
        """Take leave of the dead: orphans at once, a worker after what it still had to say.

        A worker's own end counts, not that of its channel: a child of it may hold that open.
        """
        self._signals[0].recv(4096)
        while (dead := _next_dead()) is not None:
            worker = next((w for w in self._workers_with_pid() if w.pid == dead), None)
            if worker is None:
                os.waitpid(dead, 0)
                continue
            while worker in self._workers_with_pid() and self._read_worker(worker):
                pass
            if worker in self._workers_with_pid():
                self._worker_ended(worker)

    def _workers_with_pid(self) -> list[processes.Worker]:
        active = [self._active.worker] if self._active and self._active.worker else []
        return [*active, *self._ready]


def _next_dead() -> int | None:
    try:
        dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return dead.si_pid if dead else None


def _cause_of_death(status: int | None, kills_before: int | None, *, killer: bool) -> Reply:
    kills = processes.out_of_memory_kills()
    killed = status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if killer and killed and (kills is None or kills_before is None or kills > kills_before):
        return failure(
            "memory",
            "out_of_memory",
            "The memory limit of the sandbox was reached and the worker was killed.",
            "Aggregate or filter first, use fewer columns, or allow more memory (CSVANALYST_MEMORY).",
        )
    if status is not None and os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return failure("crashed", "worker_crashed", f"The worker process died of {name}.", signal=name)
    code = None if status is None else os.WEXITSTATUS(status)
    return failure(
        "crashed",
        "worker_exited",
        f"The worker process ended (exit status {code}) before it gave a result.",
        "Do not call os._exit or exit the process in the code.",
        exit_status=code,
    )


def _redirect_standard_streams() -> None:
    """The zygote and its children must not reach the host's stream; what the zygote itself complains of may."""
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    os.close(null)
