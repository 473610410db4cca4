"""The local carrier: frames over a Unix socket of the host's, results as sealed memory files.

Runs on the host, on the event loop.  The socket lies in the data directory, which the container
sees read-only: the runner can connect to it and do nothing else there.  It is removed as soon as
the runner has connected.  A memory file is taken only when it can no longer change in any way
(memfd_create(2), F_GET_SEALS), so what was validated stays valid, and mapping it read-only is safe
and costs no copy.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import mmap
import os
import socket
import stat
import struct
import weakref
from collections import deque
from pathlib import Path
from typing import Final

from ..protocol import Decoder, Frame, Kind, ProtocolError
from .stream import Listener

SOCKET_NAME: Final = "runner.sock"
_GET_SEALS: Final = 1034  # <linux/fcntl.h>
_SEALS: Final = 0xF  # SEAL | SHRINK | GROW | WRITE
_READ: Final = 256 * 1024
_MOST_DESCRIPTORS: Final = 8
_CREDENTIALS: Final = struct.Struct("iII")  # struct ucred: pid, uid, gid
MAP_ABOVE: Final = 1024 * 1024
"""Bytes from which a result is mapped; a smaller one is read."""
MOST_MAPPED: Final = 512 * 1024 * 1024
"""Bytes of results that may be mapped at a time: their memory is the container's as long as they live."""


class Door:
    """The listening socket of one container to be, in ``directory``.  ``close`` it once the runner is in."""

    def __init__(self, directory: Path) -> None:
        """Raises ``OSError``."""
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(SOCKET_NAME, dir_fd=self._directory)
            # By way of the descriptor: a socket's path is limited to 107 bytes.
            path = f"/proc/self/fd/{self._directory}/{SOCKET_NAME}"
            self._socket.bind(path)
            os.chmod(path, 0o666)  # noqa: PTH101, S103 - the runner is another user; others do not get at the directory
            self._socket.listen(1)
        except BaseException:
            self.close()
            raise

    async def visitor(self, pid: int) -> socket.socket:
        """The connection of the process ``pid``, the container's first as this host numbers it; no other's."""
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._socket)
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            if _CREDENTIALS.unpack(credentials)[0] == pid:
                return connection
            connection.close()

    def close(self) -> None:
        self._socket.close()
        if self._directory >= 0:
            with contextlib.suppress(OSError):
                os.unlink(SOCKET_NAME, dir_fd=self._directory)
            os.close(self._directory)
            self._directory = -1


class Mappings:
    """Counts what is mapped, over all connections of a session."""

    def __init__(self, most: int = MOST_MAPPED) -> None:
        self._most = most
        self.mapped = 0

    def view(self, descriptor: int, size: int) -> memoryview:
        """``size`` bytes of a sealed memory file, mapped read-only as long as the view or a part of it lives."""
        if size < MAP_ABOVE or self.mapped + size > self._most:
            return memoryview(_contents(descriptor, size))
        mapped = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
        self.mapped += size
        weakref.finalize(mapped, self._unmapped, size).atexit = False
        return memoryview(mapped)

    def _unmapped(self, size: int) -> None:
        self.mapped -= size


def _contents(descriptor: int, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    position = 0
    while position < size:
        position += os.preadv(descriptor, [view[position:]], position)
    return data


class LocalCarrier:
    """Frames both ways over ``connection``; see ``stream.Listener``."""

    def __init__(
        self, connection: socket.socket, loop: asyncio.AbstractEventLoop, listener: Listener, mappings: Mappings
    ) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._loop = loop
        self._listener = listener
        self._mappings = mappings
        self._decoder = Decoder()
        self._descriptors: deque[int] = deque()
        self._sending = asyncio.Lock()
        loop.add_reader(connection, self._read)

    async def send(self, data: bytes) -> None:
        """Send all of ``data``.  A connection that is gone is reported to the listener, not here."""
        async with self._sending:
            with contextlib.suppress(OSError):
                await self._loop.sock_sendall(self._socket, data)

    def close(self) -> None:
        """End the connection; the runner sees end of file and exits."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _read(self) -> None:
        reason = None
        try:
            data, descriptors, flags, _ = socket.recv_fds(self._socket, _READ, _MOST_DESCRIPTORS)
            self._descriptors.extend(descriptors)
            if flags & socket.MSG_CTRUNC:
                raise ProtocolError("segment", "more descriptors than were announced")
            for frame in self._decoder.feed(data):
                if frame.kind is Kind.SEGMENT:
                    self._listener.segment(frame.request, self._content(frame))
                else:
                    self._listener.frame(frame)
            if self._descriptors and not self._decoder.pending:
                raise ProtocolError("segment", "a descriptor that was not announced")
            if data:
                return
        except BlockingIOError:
            return
        except ProtocolError as error:
            reason = error
        except OSError:
            pass
        self.close()
        self._listener.gone(reason, "")

    def _content(self, frame: Frame) -> memoryview:
        """What is in the memory file that came with a SEGMENT frame.  Raises ``ProtocolError``."""
        if not self._descriptors:
            raise ProtocolError("segment", "a segment without its memory file")
        descriptor = self._descriptors.popleft()
        try:
            size = frame.json().get("size")
            if not isinstance(size, int) or isinstance(size, bool) or size != _sealed_size(descriptor):
                raise ProtocolError("segment", "a segment of another size than announced")
            return self._mappings.view(descriptor, size)
        except (OSError, ValueError, OverflowError, MemoryError) as error:
            raise ProtocolError("segment", f"a segment that cannot be read ({type(error).__name__})") from error
        finally:
            os.close(descriptor)


def _sealed_size(descriptor: int) -> int:
    """The size of a memory file that nobody can change any more.  Raises ``ProtocolError``, ``OSError``."""
    try:
        seals = fcntl.fcntl(descriptor, _GET_SEALS)
    except OSError as error:
        raise ProtocolError("segment", "a descriptor that is no memory file") from error
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or seals & _SEALS != _SEALS:
        raise ProtocolError("segment", "a memory file that could still change")
    return state.st_size
