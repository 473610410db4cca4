"""The conversation with one runner: hello, then one exchange at a time.

Runs on the host, on the event loop, above any carrier and for any provider.  Once ``lost`` is set
the runner can no longer be reached or trusted, and its sandbox must be removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from ..errors import AnalystError, ImageUnavailable, RunnerMisbehaved, SandboxLost
from ..protocol import Frame, Hello, Kind, ProtocolError, encode, protocol_hash
from .collector import Collector, misbehaved

T = TypeVar("T")
CANCEL_WITHIN: Final = 0.7
"""Seconds within which a cancelled request must have ended; then the sandbox counts as lost."""


class Carrier(Protocol):
    async def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Exchange:
    """One request under way.  Abandoned, it only waits for its reply and drops the rest."""

    number: int
    collector: Collector
    done: asyncio.Future[None]
    abandoned: bool = False

    def take_segment(self, content: memoryview) -> None:
        if not self.abandoned and not self.done.done():
            self.collector.take_segment(content)

    def take(self, frame: Frame) -> None:
        if self.done.done():
            return
        if self.abandoned:
            if frame.kind is Kind.REPLY:
                self.done.set_result(None)
        elif self.collector.take(frame):
            self.done.set_result(None)


class Channel:
    """``carrier`` is set once, by whoever made the connection, before anything is exchanged."""

    def __init__(self) -> None:
        self.carrier: Carrier | None = None
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._exchange: _Exchange | None = None
        self._number = 0
        self.lost: AnalystError | None = None

    async def greeting(self) -> Hello:
        """The runner's hello.  Raises ``ImageUnavailable`` when it speaks another protocol."""
        hello = await self._hello
        if hello.protocol != protocol_hash():
            raise ImageUnavailable(
                "sandbox_image_mismatch",
                "The runner image carries another version of the protocol than this package, so nothing was run.",
                "Build it again: csvanalyst image build",
            )
        return hello

    async def exchange(self, kind: Kind, message: Mapping[str, Any], collector: Collector, within: float) -> None:
        """Send one message and wait until its reply is in ``collector``.

        Raises ``SandboxLost`` when it does not come ``within`` seconds.  Whenever this raises (also
        for a cancelled task), the request has ended in the sandbox, or ``lost`` is set.
        """
        if self.lost is not None:
            raise self.lost
        self._number += 1
        exchange = _Exchange(self._number, collector, asyncio.get_running_loop().create_future())
        self._exchange = exchange
        try:
            await self._send(encode(kind, exchange.number, message))
            async with asyncio.timeout(within):
                await asyncio.shield(exchange.done)
        except TimeoutError:
            error = SandboxLost(
                "sandbox_unresponsive",
                "The sandbox did not answer in time and was removed.",
                "Ask again; a new one starts.",
            )
            self._lose(error)
            raise error from None
        except BaseException:
            await self._abandon(exchange)
            raise
        finally:
            self._exchange = None

    async def _send(self, data: bytes) -> None:
        assert self.carrier is not None
        await self.carrier.send(data)

    async def _abandon(self, exchange: _Exchange) -> None:
        if self.lost is not None or exchange.collector.reply is not None:
            return
        exchange.abandoned = True
        exchange.done = asyncio.get_running_loop().create_future()
        try:
            await self._send(encode(Kind.CANCEL, exchange.number))
            async with asyncio.timeout(CANCEL_WITHIN):
                await exchange.done
        except (TimeoutError, AnalystError):
            self._lose(SandboxLost("sandbox_unresponsive", "The sandbox did not stop the question in time."))

    async def unless_lost(self, waiting: Coroutine[Any, Any, T]) -> T:
        """The result of ``waiting``; when the runner ends before, that raises, and ``waiting`` is cancelled."""
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait((task, self._hello), return_when=asyncio.FIRST_COMPLETED)
            if self.lost is not None:
                raise self.lost
            return await task
        finally:
            task.cancel()

    def close(self) -> None:
        if self.carrier is not None:
            self.carrier.close()

    # --- called by the carrier ----------------------------------------------------------------

    def frame(self, frame: Frame) -> None:
        if frame.kind is Kind.HELLO and not self._hello.done():
            self._guarded(lambda: self._hello.set_result(Hello.from_json(frame.json())))
        else:
            self._guarded(lambda: self._awaited(frame.kind, frame.request).take(frame))

    def segment(self, request: int, content: memoryview) -> None:
        self._guarded(lambda: self._awaited(Kind.SEGMENT, request).take_segment(content))

    def room(self, request: int) -> int:
        exchange = self._exchange
        return 0 if exchange is None or request != exchange.number else exchange.collector.room

    def _awaited(self, kind: Kind, request: int) -> _Exchange:
        """The exchange that waits for such a frame.  Raises ``RunnerMisbehaved``."""
        exchange = self._exchange
        if exchange is None or request != exchange.number:
            raise misbehaved("unexpected_frame", f"a {kind.name} frame that nobody waits for")
        return exchange

    def _guarded(self, take: Callable[[], None]) -> None:
        try:
            take()
        except ProtocolError as error:
            self._lose(misbehaved(error.code, str(error)))
        except RunnerMisbehaved as error:
            self._lose(error)
        except AnalystError as error:  # a full disk behind the sink is not the runner's fault
            if self._exchange is not None:
                self._exchange.done.set_exception(error)

    def gone(self, reason: ProtocolError | None, stderr: str) -> None:
        if reason is not None:
            self._lose(misbehaved(reason.code, str(reason)))
            return
        self._lose(
            SandboxLost(
                "sandbox_lost",
                "The sandbox ended while it was needed.",
                "Ask again; a new one starts. If it happens again, `csvanalyst doctor` tells more.",
                stderr=stderr[-2000:],
            )
        )

    def _lose(self, error: AnalystError) -> None:
        error.__traceback__ = None  # its frames would keep alive what was refused
        self.lost = self.lost or error
        exchange = self._exchange
        if exchange is not None and not exchange.done.done():
            exchange.collector.discard()
        futures: list[asyncio.Future[Any]] = [self._hello, *([exchange.done] if exchange else [])]
        for future in futures:
            if not future.done():
                future.set_exception(error)
                future.exception()  # marks it as seen: perhaps nobody waits any more


class OnlyEnds:
    """Listens to a connection that may carry nothing but the news of its end: what a container still has
    of standard streams when its frames go another way."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def frame(self, frame: Frame) -> None:
        self._channel.gone(ProtocolError("frame_kind", "a frame beside the socket"), "")

    def segment(self, request: int, content: memoryview) -> None:
        raise AssertionError("a stream brings no segments")

    def room(self, request: int) -> int:
        return 0

    def gone(self, reason: ProtocolError | None, stderr: str) -> None:
        self._channel.gone(reason, stderr)
