"""Workers as the supervisor sees them: how they are started, listened to and ended.

Runs in the sandbox, in the supervisor (PID 1).  Standard library only.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from csvanalyst_ext.protocol import BODY_CHUNK, Decoder, Frame, Kind

from . import segment

LOOK_EVERY: Final = 0.0002
MOST_LOOKS: Final = 25_000
"""How often killed processes are looked for, seconds apart, before the sandbox gives itself up.  Looks and not
seconds by the clock: a machine that stood still has not waited."""


class CannotEnd(Exception):
    """A worker's processes did not go away; the sandbox can no longer keep its promises."""


@dataclass(slots=True)
class Output:
    """What a worker wrote to stdout and stderr: the first ``most`` bytes are kept, all are read."""

    descriptor: int
    kept: bytearray = field(default_factory=bytearray)
    most: int = 0
    total: int = 0

    def drain(self) -> bool:
        """Read what is there; ``False`` at end of file."""
        while True:
            try:
                data = os.read(self.descriptor, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.kept += data[: max(0, self.most - len(self.kept))]
            self.total += len(data)
            if self.total > self.most + 1024 * 1024:
                return True  # a flood: let the event loop breathe

    def text(self) -> str:
        return self.kept.decode("utf-8", "replace")


@dataclass(slots=True)
class Worker:
    """A forked worker.  ``segment`` is the memory file of its results.  ``pid`` is 0 until it said that it
    is ready; ``sealed`` once its memory is closed to others; ``stale`` when it was ordered for other
    tables than those of now."""

    channel: socket.socket
    output: Output
    segment: int
    place: str
    decoder: Decoder = field(default_factory=Decoder)
    sealed: bool = False
    stale: bool = False
    pid: int = 0
    fault: dict[str, Any] | None = None
    exit_status: int | None = None

    def close(self) -> None:
        self.channel.close()
        os.close(self.output.descriptor)
        os.close(self.segment)


def new_worker(place: str) -> tuple[Worker, tuple[int, int, int]]:
    """A worker to be, and the descriptors that it gets: channel, output, segment (to be closed here once sent)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    read, write = os.pipe()
    os.set_blocking(read, False)
    ours.setblocking(False)
    file = segment.create()
    return Worker(ours, Output(read), file, place), (theirs.detach(), write, os.dup(file))


def joined(frames: list[Frame]) -> Iterator[Frame]:
    """The frames of a worker, small pieces of a body joined: what the host has to look at is then bounded
    by bytes, whatever the pieces that a worker sends."""
    body = bytearray()
    for frame in frames:
        if frame.kind is Kind.BODY:
            if body and (frame.payload[:1] != body[:1] or len(body) + len(frame.payload) > BODY_CHUNK):
                yield Frame(Kind.BODY, 0, bytes(body))
                body.clear()
            body += memoryview(frame.payload)[1:] if body else frame.payload
        else:
            if body and frame.kind is Kind.REPLY:
                yield Frame(Kind.BODY, 0, bytes(body))
                body.clear()
            yield frame
    if body:
        yield Frame(Kind.BODY, 0, bytes(body))


def stop(worker: Worker) -> None:
    """Kill the worker with all its descendants: none of them goes on with its program after this.

    They cannot have left the process group (see ``sealing``), and signalling a group is atomic
    against forks in it (kill(2)): when the call returns, SIGKILL is pending for every thread.  What
    then takes milliseconds is the kernel taking down their memory; ``reap`` waits for that.
    """
    if worker.pid:
        _signal_group(worker.pid)


def reap(worker: Worker) -> None:
    """Wait until nothing is left of a worker that was stopped: no process, no memory.  Raises ``CannotEnd``."""
    if not worker.pid:
        return
    for _ in range(MOST_LOOKS):
        if not _signal_group(worker.pid):
            return
        _reap_group(worker)
        time.sleep(LOOK_EVERY)
    raise CannotEnd(f"processes of worker {worker.pid} are still there")


def _signal_group(group: int) -> bool:
    """Kill the group; whether there is one."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _reap_group(worker: Worker) -> None:
    while True:
        try:
            pid, status = os.waitpid(-worker.pid, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid == worker.pid:
            worker.exit_status = status
