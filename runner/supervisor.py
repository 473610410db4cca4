"""The supervisor: PID 1 of the sandbox, between the host and one-shot workers.

Runs in the sandbox.  Standard library only; it never looks into data, SQL or Python.  One request
is active at a time.  A request goes to a worker that was forked, sealed and connected before it
came; when the worker answers, fails, passes its deadline or is cancelled, its whole process group
is killed *before* the reply is released, and reaped, its scratch directory emptied, before the next
request begins.  When the host's end of the link closes, the supervisor exits, and the sandbox with it.
"""

from __future__ import annotations

import array
import contextlib
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
    IngestRequest,
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

from . import endings, processes, scratch, sealing, zygote
from .kept import KeptResults
from .link import Link
from .pool import Configuration, Pool
from .processes import Worker

MOST_OUTGOING: Final = 16 * 1024 * 1024
"""Bytes waiting for the host above which the worker is no longer read."""
MOST_PROGRESS: Final = 256
"""Bytes of a progress frame; larger ones are not passed on."""
PROGRESS_EVERY: Final = 0.05
"""Seconds within which one progress frame is enough."""


@dataclass(slots=True)
class Active:
    """The request that is being served.  ``begun`` once a worker said that it has it; ``deaths`` counts the
    workers that died before they could."""

    number: int
    request: Request
    received: float
    deadline: float
    worker: Worker | None = None
    dispatched: float = 0.0
    told: float = 0.0
    kills_before: int | None = None
    begun: bool = False
    deaths: int = 0


class Supervisor:
    """The event loop.  ``serve`` returns the exit status of the sandbox."""

    def __init__(self, configuration: Configuration, link: Link) -> None:
        self._configuration = configuration
        self._link = link
        self._selector: selectors.BaseSelector
        self._decoder = Decoder()
        self._pool: Pool
        self._kept = KeptResults(configuration.keep)
        self._active: Active | None = None
        self._started = time.monotonic()
        self._versions: dict[str, str] = {}
        self._greeted = False
        self._stopped: int | None = None

    def serve(self) -> int:
        sealing.hide_memory()
        os.chdir("/")  # nothing is to be looked for where questions write
        scratch.empty(self._configuration.scratch_dir)
        self._control = zygote.start(self._link)
        self._selector = selectors.DefaultSelector()  # not before: the workers must not hold it too
        self._pool = Pool(self._configuration, self._control, self._watch_worker, self._unwatch_worker)
        self._listen_to_signals()
        self._watch(self._link.reading, self._read_host)
        self._watch(self._control, self._read_zygote)
        while self._stopped is None:
            for key, _ in self._selector.select(self._patience()):
                # What is called may unwatch others of this round, whose descriptors are then used again.
                if self._stopped is None and self._selector.get_map().get(key.fd) is key:
                    key.data()
            self._check_deadline()
        return self._stopped

    def _watch(self, source: Any, call: Callable[[], object]) -> None:
        self._selector.register(source, selectors.EVENT_READ, call)

    def _unwatch(self, source: Any) -> None:
        if source in self._selector.get_map():
            self._selector.unregister(source)

    def _watch_worker(self, worker: Worker) -> None:
        self._watch(worker.channel, partial(self._read_worker, worker))
        self._watch(worker.output.descriptor, partial(self._read_output, worker))

    def _unwatch_worker(self, worker: Worker) -> None:
        self._unwatch(worker.channel)
        self._unwatch(worker.output.descriptor)

    # --- the host ---------------------------------------------------------------------------

    def _read_host(self) -> None:
        try:
            data = self._link.read()
            if not data:
                self._stopped = 0
                return
            for frame in self._decoder.feed(data):
                self._from_host(frame)
        except BlockingIOError:
            return
        except ConnectionError:
            self._stopped = 0
        except ProtocolError:
            self._stopped = 4  # the host never breaks the protocol; whoever did gets no second try

    def _from_host(self, frame: Frame) -> None:
        if frame.kind is Kind.TABLES:
            self._pool.set_tables(tables_from_json(frame.json()))
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
        self._link.send(data)
        self._flush()

    def _flush(self) -> None:
        try:
            done = self._link.flush()
        except OSError:
            self._stopped = 0  # the host is gone
            return
        waiting = self._link.writing in self._selector.get_map()
        if not done and not waiting:
            self._selector.register(self._link.writing, selectors.EVENT_WRITE, self._flush)
        elif done and waiting:
            self._selector.unregister(self._link.writing)
        self._throttle()

    def _throttle(self) -> None:
        worker = self._active.worker if self._active else None
        if worker is None:
            return
        reading = worker.channel in self._selector.get_map()
        if self._link.waiting > MOST_OUTGOING and reading:
            self._selector.unregister(worker.channel)
        elif self._link.waiting <= MOST_OUTGOING and not reading:
            self._watch(worker.channel, partial(self._read_worker, worker))

    # --- workers ----------------------------------------------------------------------------

    def _refill(self) -> None:
        if not (self._active and self._active.worker):
            self._pool.refill()

    def _read_zygote(self) -> None:
        try:
            message = self._control.recv(zygote.MAX_ORDER)
        except ConnectionError:
            message = b""
        if not message:
            self._stopped = 3  # no zygote, no workers: the host starts another sandbox
            return
        self._versions = dict(Frame(Kind.HELLO, 0, message).json())

    def _read_worker(self, worker: Worker) -> bool:
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

    def _from_worker(self, worker: Worker, frame: Frame) -> None:
        active = self._active
        if worker in self._pool:
            self._pool.heard(worker, frame, busy=bool(active and active.worker))
            if worker.pid and worker in self._pool:
                self._greet()
            self._dispatch()
        elif active and active.worker is worker:
            if frame.kind is Kind.REPLY:
                try:
                    self._finish(Reply.from_json(frame.json()))
                except ProtocolError as error:
                    self._finish(endings.misbehaved(str(error)))
            elif frame.kind is Kind.BODY:
                self._send(encode(Kind.BODY, active.number, frame.payload))
            elif frame.kind is Kind.PROGRESS and len(frame.payload) <= MOST_PROGRESS:
                self._tell_progress(active, frame.payload)

    def _tell_progress(self, active: Active, payload: bytes) -> None:
        now = time.monotonic()
        if active.begun and now - active.told < PROGRESS_EVERY:
            return
        active.told = now if active.begun else 0.0  # the first word only tells that the worker has the request
        active.begun = True
        self._send(encode(Kind.PROGRESS, active.number, payload))

    def _greet(self) -> None:
        if not self._greeted:
            self._greeted = True
            seconds = time.monotonic() - self._started
            hello = {"protocol": protocol_hash(), "versions": self._versions, "seconds": seconds}
            self._send(encode(Kind.HELLO, 0, hello))

    def _read_output(self, worker: Worker) -> None:
        if not worker.output.drain():
            self._unwatch(worker.output.descriptor)

    def _worker_ended(self, worker: Worker) -> None:
        active = self._active
        if active and active.worker is worker:
            active.deaths += 1
            if active.begun or active.deaths > self._configuration.ready:
                self._finish(None)
                return
            self._pool.discard(worker)  # it died of what came before, unnoticed
            active.worker = None
            self._refill()
            self._dispatch()
        elif worker in self._pool:
            self._pool.ended(worker)
            if self._pool.given_up:
                self._stopped = 5
            self._refill()
            self._dispatch()

    # --- one request --------------------------------------------------------------------------

    def _dispatch(self) -> None:
        active = self._active
        if active is None or active.worker is not None:
            return
        worker = self._pool.take()
        if worker is None:
            return
        if worker.fault is not None:
            self._pool.discard(worker)
            self._release(active, failure("error", **worker.fault), None)
            self._refill()
            return
        os.makedirs(worker.place, 0o700, exist_ok=True)
        active.worker, active.dispatched = worker, time.monotonic()
        active.kills_before = endings.out_of_memory_kills()
        worker.output.most = active.request.limits.max_stdout
        worker.channel.setblocking(True)
        message = {"request": request_to_json(active.request), "results": self._kept.described()}
        data = encode(Kind.REQUEST, active.number, message)
        rights = array.array("i", self._kept.descriptors())
        with contextlib.suppress(ConnectionError):  # a worker that has died is noticed as such
            sent = worker.channel.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if rights else [])
            worker.channel.sendall(data[sent:])
        worker.channel.setblocking(False)

    def _finish(self, reply: Reply | None) -> None:
        """End the active request with ``reply``; ``None`` when its worker died without one."""
        active = self._active
        if active is None:
            return
        worker = active.worker
        if worker is None:
            if reply is not None:
                self._release(active, reply, None)
            return
        self._unwatch_worker(worker)
        processes.stop(worker)
        worker.output.drain()
        if reply is None:
            processes.reap(worker)
            reply = endings.cause_of_death(
                worker.exit_status, active.kills_before, killer=self._configuration.most_growth is None
            )
        self._release(active, reply, worker)
        processes.reap(worker)
        worker.close()
        scratch.empty(self._configuration.scratch_dir)
        self._refill()

    def _release(self, active: Active, reply: Reply, worker: Worker | None) -> None:
        """Send the results and the reply.  The worker, if there was one, no longer runs."""
        timings = dict(reply.timings)
        descriptor = None
        if worker is not None:
            timings["wait"] = active.dispatched - active.received
            output = worker.output
            reply = replace(reply, stdout=output.text(), stdout_truncated=output.total > len(output.kept))
            if not isinstance(active.request, IngestRequest):  # whose body went ahead, as it was made
                reply, descriptor = endings.sealed(worker, reply)
        self._kept.add(active.request, reply, descriptor)
        reply = replace(reply, kept=tuple(self._kept.names))
        self._active = None
        timings["sandbox"] = time.monotonic() - active.received
        try:
            data = encode(Kind.REPLY, active.number, replace(reply, timings=timings).to_json())
        except ProtocolError as error:  # with the captured output it may have grown beyond one frame
            data = encode(Kind.REPLY, active.number, endings.misbehaved(str(error)).to_json())
            descriptor = None
        if descriptor is not None:
            self._link.send_bodies(active.number, reply.bodies, os.dup(descriptor))
        self._send(data)

    def _patience(self) -> float | None:
        return None if self._active is None else max(0.0, self._active.deadline - time.monotonic())

    def _check_deadline(self) -> None:
        if self._active and time.monotonic() >= self._active.deadline:
            self._finish(endings.timed_out(self._active.request.limits.timeout))

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
        while (dead := endings.next_dead()) is not None:
            worker = self._with_pid(dead)
            if worker is None:
                os.waitpid(dead, 0)
                continue
            while self._with_pid(dead) is worker and self._read_worker(worker):
                pass
            if self._with_pid(dead) is worker:
                self._worker_ended(worker)

    def _with_pid(self, pid: int) -> Worker | None:
        if self._active and self._active.worker and self._active.worker.pid == pid:
            return self._active.worker
        return self._pool.with_pid(pid)
