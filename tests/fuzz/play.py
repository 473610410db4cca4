"""Plays a script against the host's real parts, over a real socket, and says how each exchange ended.

The peer is a task on the host's own loop.  A peer that stalls costs no waiting: once everything it sent has been
read, the loop's clock jumps past every deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import selectors
import socket
import struct
import termios

from csvanalyst_ext.errors import AnalystError
from csvanalyst_ext.execution.base import Outcome
from csvanalyst_ext.execution.channel import Channel
from csvanalyst_ext.execution.collector import Collector
from csvanalyst_ext.execution.stream import StreamCarrier
from csvanalyst_ext.protocol import Decoder, Kind, SqlRequest, request_to_json, tables_to_json

from .script import INGEST, Script

JUMP = 1000.0
PATIENCE = 0.05
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


async def play(script: Script) -> list[Ending]:
    """How each exchange of the host's side ended; exceptions of other kinds are raised, they are faults."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    channel = Channel()
    channel.carrier = carrier = StreamCarrier(ours, asyncio.get_running_loop(), channel)
    peer = asyncio.create_task(_peer(script, theirs))
    try:
        return await _host(script, channel)
    finally:
        channel.close()
        peer.cancel()
        await asyncio.gather(peer, return_exceptions=True)
        theirs.close()
        await asyncio.to_thread(carrier._thread.join)  # descriptors and memory are counted afterwards


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


async def _heard(loop: Loop, theirs: socket.socket) -> bytes:
    """What the host said; its deadlines pass while both sides wait for each other."""
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                return await loop.sock_recv(theirs, 1 << 20)
        except TimeoutError:
            loop.jump()


async def _peer(script: Script, theirs: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    with contextlib.suppress(OSError):
        for piece in script.first:
            await loop.sock_sendall(theirs, piece)
        heard = Decoder()
        answers = list(script.answers)
        piece = b""
        while answers and (data := await _heard(loop, theirs)):
            for _ in heard.feed(data):
                for piece in answers.pop(0) if answers else ():
                    await loop.sock_sendall(theirs, piece)
        enough = ENOUGH // (len(piece) or 1)
        for count in range(2 * enough if script.ending == "endless" else 0):
            await loop.sock_sendall(theirs, piece)
            if count == enough:
                loop.jump()
        if script.ending == "close":
            theirs.close()
        elif script.ending == "half_close":
            theirs.shutdown(socket.SHUT_WR)
        while script.ending in ("stall", "endless"):
            while struct.unpack("i", fcntl.ioctl(theirs, termios.TIOCOUTQ, b"\0" * 4))[0]:
                await asyncio.sleep(0.001)
            await asyncio.sleep(SETTLED)
            loop.jump()
