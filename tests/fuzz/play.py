"""Plays a script against the host's real parts, over a real socket, and says how each exchange ended.

The peer is a task on the host's own loop.  A peer that stalls costs no waiting: once everything it sent has been
read, the loop's clock jumps past every deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import selectors
import socket
import struct
import termios
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from csvanalyst_ext.errors import AnalystError
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.execution.channel import Channel
from csvanalyst_ext.execution.collector import Collector
from csvanalyst_ext.execution.local import LocalCarrier, Mappings
from csvanalyst_ext.execution.stream import StreamCarrier
from csvanalyst_ext.protocol import Decoder, Kind, SqlRequest, request_to_json, tables_to_json

from .script import INGEST, File, Handed, Piece, Script

JUMP = 1000.0
ADD_SEALS = 1033  # <linux/fcntl.h>
HUGE_PAGE = 2 * 2**20
COST_OF_HANDING = 128 * 1024
"""Bytes that a piece with descriptors counts as in a flood."""
_OPEN = Path("/proc/self/fd")
PATIENCE = 0.04
"""Seconds that one side waits for the other, on the clock of the wall."""
ENOUGH = 128 * 2**20
"""Bytes of a flood until the deadline passes; then as many follow."""
SETTLED = 0.003
"""Seconds after which what the carrier's thread has read is on the loop."""

Ending = Outcome | AnalystError | asyncio.CancelledError


class Loop(asyncio.SelectorEventLoop):
    """A loop whose clock can jump, and which remembers what nobody caught."""

    def __init__(self) -> None:
        super().__init__(selectors.DefaultSelector())
        self._ahead = 0.0
        self.uncaught: list[str] = []
        self.set_exception_handler(lambda _, context: self.uncaught.append(repr(context)[:500]))

    def time(self) -> float:
        return super().time() + self._ahead

    def jump(self) -> None:
        self._ahead += JUMP


@dataclass(slots=True)
class Played:
    """``descriptors`` is how many more were open at some time than before; ``ends`` how each exchange ended."""

    ends: list[Ending] = field(default_factory=list)
    descriptors: int = 0


async def play(script: Script) -> Played:
    """Exceptions of other kinds than those that the host means are raised: they are faults."""
    loop = asyncio.get_running_loop()
    played = Played()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    channel = Channel()
    if script.local:
        channel.carrier = LocalCarrier(ours, loop, channel, Mappings())
    else:
        channel.carrier = StreamCarrier(ours, loop, channel)
    peer = asyncio.create_task(_peer(script, theirs, played))
    try:
        played.ends = await _host(script, channel)
        return played
    finally:
        channel.close()
        peer.cancel()
        await asyncio.gather(peer, return_exceptions=True)
        theirs.close()
        if isinstance(channel.carrier, StreamCarrier):
            await asyncio.to_thread(channel.carrier._thread.join)  # descriptors and memory are counted afterwards


async def _host(script: Script, channel: Channel) -> list[Ending]:
    ends: list[Ending] = []
    try:
        if script.greet:
            async with asyncio.timeout(PATIENCE):
                await channel.greeting()
        if script.tables:
            collector = Collector(SqlRequest(""), None, None)
            await channel.exchange(Kind.TABLES, tables_to_json({"t": "file"}), collector, 5)
    except TimeoutError:
        return ends
    except AnalystError as error:
        ends.append(error)
    for _ in range(2):
        ends.append(await _ask(script, channel))
    return ends


async def _ask(script: Script, channel: Channel) -> Ending:
    kept: list[int] = []
    sink = (lambda data: kept.append(len(data))) if script.request == INGEST else None
    collector = Collector(script.request, lambda rows, size: None, sink)
    message = request_to_json(script.request)
    asking = asyncio.create_task(channel.exchange(Kind.REQUEST, message, collector, script.request.limits.timeout))
    try:
        if script.cancel:
            await asyncio.sleep(SETTLED)
            asking.cancel()
        await asking
        return await asyncio.to_thread(collector.outcome)
    except (AnalystError, asyncio.CancelledError) as error:
        return error


async def _heard(loop: Loop, theirs: socket.socket, *, patient: bool) -> bytes:
    """What the host said; its deadlines pass while both sides wait for each other, unless one is ``patient``."""
    while True:
        try:
            async with asyncio.timeout(None if patient else PATIENCE):
                return await loop.sock_recv(theirs, 1 << 20)
        except TimeoutError:
            if not _unread(theirs):
                loop.jump()


async def _peer(script: Script, theirs: socket.socket, played: Played) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    open_before = _descriptors()

    async def send(pieces: tuple[Piece, ...]) -> None:
        for piece in pieces:
            if isinstance(piece, Handed):
                await _hand(theirs, piece)
                played.descriptors = max(played.descriptors, _descriptors() - open_before)
            else:
                await loop.sock_sendall(theirs, piece)

    try:
        await send(script.first)
        heard = Decoder()
        answers = list(script.answers)
        while answers and (data := await _heard(loop, theirs, patient=script.expected is not None)):
            for _ in heard.feed(data):
                await send(answers.pop(0) if answers else ())
        if script.ending == "endless":
            await _flood(loop, theirs, script.answers[-1][-1:], send)
        if script.ending == "close":
            theirs.close()
        elif script.ending == "half_close":
            theirs.shutdown(socket.SHUT_WR)
        while script.ending in ("stall", "endless"):
            while _unread(theirs):
                await asyncio.sleep(0.001)
            await asyncio.sleep(SETTLED)
            loop.jump()
    except OSError:  # the host has closed the connection
        theirs.close()


async def _flood(
    loop: Loop, theirs: socket.socket, piece: tuple[Piece, ...], send: Callable[[tuple[Piece, ...]], Awaitable[None]]
) -> None:
    size = sum(len(part) if isinstance(part, bytes) else COST_OF_HANDING for part in piece)
    enough = ENOUGH // (size or 1)
    for count in range(2 * enough):
        await send(piece)
        if count == enough:
            loop.jump()


async def _hand(theirs: socket.socket, handed: Handed) -> None:
    """Send the bytes with descriptors of new files; then do to the files what the script says."""
    made = [_made(file) for file in handed.files]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        if handed.starved:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(_free_descriptor(), before[1]), before[1]))
        while True:
            try:
                socket.send_fds(theirs, [handed.data], made)
                break
            except BlockingIOError:
                await asyncio.sleep(0.001)
        for wait in (0, SETTLED):
            await asyncio.sleep(wait)
            for file, descriptor in zip(handed.files, made, strict=True):
                _meddle(file, descriptor)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in made:
            os.close(descriptor)


def _free_descriptor() -> int:
    """The lowest number that a new descriptor could get."""
    descriptor = os.open("/dev/null", os.O_RDONLY)
    os.close(descriptor)
    return descriptor


def _made(file: File) -> int:
    if file.kind == "pipe":
        reading, writing = os.pipe()
        os.close(writing)
        return reading
    if file.kind == "socket":
        return socket.socket(socket.AF_UNIX).detach()
    if file.kind not in ("memfd", "huge"):
        return os.open(file.kind, os.O_RDONLY)
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    if file.kind == "huge":  # cannot be written to; without huge pages nobody can touch it either
        descriptor = os.memfd_create("peer", flags | os.MFD_HUGETLB)
        os.ftruncate(descriptor, HUGE_PAGE)
    else:
        descriptor = os.memfd_create("peer", flags)
        os.pwrite(descriptor, file.content, 0)
        if file.size is not None:
            os.ftruncate(descriptor, file.size)
    fcntl.fcntl(descriptor, ADD_SEALS, file.seals)
    return descriptor


def _meddle(file: File, descriptor: int) -> None:
    with contextlib.suppress(OSError):
        if file.after == "shrink":
            os.ftruncate(descriptor, 0)
        elif file.after == "grow":
            os.ftruncate(descriptor, os.fstat(descriptor).st_size + 4096)
        elif file.after == "write":
            os.pwrite(descriptor, b"\xff" * 64, 0)


def _unread(theirs: socket.socket) -> int:
    return int(struct.unpack("i", fcntl.ioctl(theirs, termios.TIOCOUTQ, b"\0" * 4))[0])


def _descriptors() -> int:
    return len(list(_OPEN.iterdir()))
