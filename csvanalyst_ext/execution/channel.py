"""The conversation with one runner: hello, then one exchange at a time.

Runs on the host, on the event loop, above any carrier and for any provider.  Once ``lost`` is set
the runner can no longer be reached or trusted, and its sandbox must be removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ..errors import AnalystError, ImageUnavailable, RunnerMisbehaved, SandboxLost
from ..protocol import Frame, Hello, Kind, ProtocolError, encode, protocol_hash
from .collector import Collector, misbehaved

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

    def take(self, frame: Frame) -> None:
        if self.abandoned:
            if frame.kind is Kind.REPLY:
                self.done.set_result(None)
        elif self.collector.take(frame):
            self.done.set_result(None)


class Channel:
    """``carrier`` is set once, by whoever made the connection, before anything is exchanged."""

    carrier: Carrier

    def __init__(self) -> None:
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
            await self.carrier.send(encode(kind, exchange.number, message))
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

    async def _abandon(self, exchange: _Exchange) -> None:
        if self.lost is not None or exchange.collector.reply is not None:
            return
        exchange.abandoned = True
        exchange.done = asyncio.get_running_loop().create_future()
        try:
            await self.carrier.send(encode(Kind.CANCEL, exchange.number))
            async with asyncio.timeout(CANCEL_WITHIN):
                await exchange.done
        except (TimeoutError, AnalystError):
            self._lose(SandboxLost("sandbox_unresponsive", "The sandbox did not stop the question in time."))

    def close(self) -> None:
        self.carrier.close()

    # --- called by the carrier ----------------------------------------------------------------

    def frame(self, frame: Frame) -> None:
        exchange = self._exchange
        try:
            if frame.kind is Kind.HELLO and not self._hello.done():
                self._hello.set_result(Hello.from_json(frame.json()))
            elif exchange is None or frame.request != exchange.number:
                raise misbehaved("unexpected_frame", f"a {frame.kind.name} frame that nobody waits for")
            elif not exchange.done.done():
                exchange.take(frame)
        except ProtocolError as error:
            self._lose(misbehaved(error.code, str(error)))
        except RunnerMisbehaved as error:
            self._lose(error)
        except AnalystError as error:  # a full disk behind the sink is not the runner's fault
            if exchange is not None:
                exchange.done.set_exception(error)

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
        self.lost = self.lost or error
        exchange = self._exchange
        futures: list[asyncio.Future[Any]] = [self._hello, *([exchange.done] if exchange else [])]
        for future in futures:
            if not future.done():
                future.set_exception(error)
                future.exception()  # marks it as seen: perhaps nobody waits any more
