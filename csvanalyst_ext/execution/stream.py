"""The stream carrier: frames over the engine's attach connection.

Runs on the host.  A thread of its own always drains the connection (an unread attach stream makes
the engine's kill hang, moby #41827), takes the engine's multiplexing apart and hands whole frames
to the event loop.  It never interprets a payload.

Multiplexing (Docker Engine API, "Attach to a container"): 8-byte header, byte 0 is the stream
(1 stdout, 2 stderr), bytes 4 to 7 the length, big-endian.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from ..protocol import Decoder, Frame, ProtocolError

_HEADER: Final = struct.Struct(">BxxxI")
_STDOUT, _STDERR = 1, 2
_STDERR_KEPT: Final = 4096
_READ: Final = 256 * 1024


class Listener(Protocol):
    """Called on the event loop's thread."""

    def frame(self, frame: Frame) -> None: ...

    def segment(self, request: int, content: memoryview) -> None:
        """A SEGMENT frame came, with this in its memory file; only from carriers that can bring one."""

    def gone(self, reason: ProtocolError | None, stderr: str) -> None:
        """The connection ended: the peer broke the protocol (``reason``), or is gone (``None``)."""


class StreamCarrier:
    """Frames both ways over ``connection``, a connected socket (or what docker wraps around one)."""

    def __init__(self, connection: Any, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        self._connection = connection
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._socket.settimeout(None)
        self._loop = loop
        self._listener = listener
        self._closed = threading.Event()
        self._sending = asyncio.Lock()
        self._thread = threading.Thread(target=self._drain, name="csvanalyst-drain", daemon=True)
        self._thread.start()

    async def send(self, data: bytes) -> None:
        """Send all of ``data``.  A connection that is gone is reported to the listener, not here."""
        async with self._sending:
            with contextlib.suppress(OSError):
                await self._loop.run_in_executor(None, self._socket.sendall, data)

    def close(self) -> None:
        """End the connection; the runner sees end of file and exits."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._connection.close()

    def _drain(self) -> None:
        frames, stderr = Decoder(), bytearray()
        reason = None
        try:
            for stream, data in _demultiplex(self._socket):
                if stream == _STDERR:
                    stderr += data
                    del stderr[:-_STDERR_KEPT]
                    continue
                for frame in frames.feed(data):
                    self._call(self._listener.frame, frame)
        except ProtocolError as error:
            reason = error
        except OSError:
            pass
        finally:
            # Here, where nobody reads from it any more: the number is used again at once.  The engine's client
            # would keep it open until it is garbage.
            self._socket.close()
        if not self._closed.is_set():
            self._call(self._listener.gone, reason, stderr.decode("utf-8", "replace"))

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(function, *arguments)


def _demultiplex(source: socket.socket) -> Any:
    """Yield (stream, bytes) until end of file, in pieces as they come.  Raises ``ProtocolError``."""
    buffer = bytearray()
    stream, left = 0, 0
    while data := source.recv(_READ):
        buffer += data
        while buffer:
            if left == 0:
                if len(buffer) < _HEADER.size:
                    break
                stream, left = _HEADER.unpack_from(buffer)
                if stream not in (_STDOUT, _STDERR):
                    raise ProtocolError("stream_header", "the engine's stream is not multiplexed as expected")
                del buffer[: _HEADER.size]
                continue
            piece = bytes(buffer[:left])
            del buffer[: len(piece)]
            left -= len(piece)
            yield stream, piece
