"""The supervisor's end of the conversation with the host, whatever carries it.

Runs in the sandbox, in the supervisor.  Standard library only.  Nothing here interprets a payload.
``StreamLink`` is the container's standard input and output; ``SocketLink`` is a Unix socket that
the host listens on, and can pass descriptors.
"""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from csvanalyst_ext.protocol import BodyInfo, Kind, encode, encode_body

READ: Final = 1024 * 1024
PIECE: Final = 1024 * 1024
"""Bytes of a result that are read into memory at a time."""


class Link(Protocol):
    """``reading`` and ``writing`` are the descriptors to wait for; neither ever blocks."""

    reading: int
    writing: int

    def read(self) -> bytes:
        """What came; nothing at end of file.  Raises ``BlockingIOError``, ``ConnectionError``."""

    def send(self, data: bytes) -> None:
        """Queue bytes."""

    def send_bodies(self, request: int, bodies: tuple[BodyInfo, ...], descriptor: int) -> None:
        """Queue the bodies that lie back to back in the memory file; the descriptor is the link's from now on."""

    def flush(self) -> bool:
        """Write what can be written now; whether nothing is left.  Raises ``OSError`` when the host is gone."""

    def close(self) -> None:
        """Let go of it, in a process that has no business with the host."""

    @property
    def waiting(self) -> int:
        """Bytes queued."""


class StreamLink:
    """Frames over two descriptors that carry bytes only."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        self._queue: deque[bytes | Iterator[bytes]] = deque()
        self._current = memoryview(b"")
        self.waiting = 0

    def read(self) -> bytes:
        return os.read(self.reading, READ)

    def send(self, data: bytes) -> None:
        self._queue.append(data)
        self.waiting += len(data)

    def send_bodies(self, request: int, bodies: tuple[BodyInfo, ...], descriptor: int) -> None:
        self._queue.append(_frames(request, bodies, descriptor))

    def flush(self) -> bool:
        while self._current or self._advance():
            try:
                written = os.write(self.writing, self._current[:65536])
            except BlockingIOError:
                return False
            self._current = self._current[written:]
            self.waiting = max(0, self.waiting - written)
        return True

    def close(self) -> None:
        for descriptor in (self.reading, self.writing):
            os.close(descriptor)

    def _advance(self) -> bool:
        """Make the next bytes the current ones; ``False`` when there are none."""
        while self._queue:
            head = self._queue[0]
            if isinstance(head, bytes):
                self._queue.popleft()
                self._current = memoryview(head)
                return True
            piece = next(head, None)
            if piece is None:
                self._queue.popleft()
                continue
            self._current = memoryview(piece)
            self.waiting += len(piece)
            return True
        return False


def _frames(request: int, bodies: tuple[BodyInfo, ...], descriptor: int) -> Iterator[bytes]:
    offset = 0
    try:
        for number, body in enumerate(bodies):
            end = offset + body.size
            while offset < end:
                piece = os.pread(descriptor, min(PIECE, end - offset), offset)
                offset += len(piece)
                yield from encode_body(request, number, piece)
    finally:
        os.close(descriptor)


class SocketLink:
    """Frames, and memory files, over a connected Unix socket."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self.reading = connection.fileno()
        self.writing = os.dup(self.reading)  # so that each can be waited for by itself
        self._queue: deque[tuple[bytes, int | None]] = deque()
        self.waiting = 0

    def read(self) -> bytes:
        return self._connection.recv(READ)

    def send(self, data: bytes) -> None:
        self._queue.append((data, None))
        self.waiting += len(data)

    def send_bodies(self, request: int, bodies: tuple[BodyInfo, ...], descriptor: int) -> None:
        data = encode(Kind.SEGMENT, request, {"size": sum(body.size for body in bodies)})
        self._queue.append((data, descriptor))
        self.waiting += len(data)

    def flush(self) -> bool:
        while self._queue:
            data, descriptor = self._queue[0]
            try:
                if descriptor is None:
                    written = self._connection.send(data)
                else:
                    rights = array.array("i", [descriptor])
                    written = self._connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                    os.close(descriptor)
            except BlockingIOError:
                return False
            self.waiting -= written
            self._queue.popleft()
            if written < len(data):  # the descriptor went with the first byte
                self._queue.appendleft((data[written:], None))
        return True

    def close(self) -> None:
        self._connection.close()
        os.close(self.writing)


def connect(path: str) -> SocketLink:
    """The link over the host's socket at ``path``.  Raises ``OSError``."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    return SocketLink(connection)
