"""A Unix socket in front of the Docker engine that a test can spoil: a bad engine, for one client."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path


class EngineProxy:
    """Forwards to the engine behind ``DOCKER_HOST`` (or the default socket) until it is told otherwise."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self._engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        self._path = path
        self._flows = threading.Event()
        self._flows.set()
        self._answer: bytes | None = None
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._listen()

    def _listen(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._spawn(self._accept, self._listener)

    def _spawn(self, call: object, *arguments: object) -> None:
        thread = threading.Thread(target=call, args=arguments, name="engine-proxy", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                if self._answer is not None:
                    with contextlib.suppress(OSError):
                        client.sendall(self._answer)
                    client.close()
                    continue
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(self._engine)
                self._connections += [client, engine]
                self._spawn(self._serve, client, engine)

    def _serve(self, client: socket.socket, engine: socket.socket) -> None:
        answers = threading.Thread(target=self._pump, args=(engine, client), name="engine-proxy", daemon=True)
        answers.start()
        self._pump(client, engine)
        answers.join(2.0)
        with contextlib.suppress(OSError):  # a client that closed reads no more; an engine may wait for it all the same
            engine.shutdown(socket.SHUT_RDWR)
        answers.join()
        for connection in (client, engine):
            with contextlib.suppress(ValueError):
                self._connections.remove(connection)
            connection.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
        self._flows.wait()
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def freeze(self) -> None:
        """Everything stays connected and new connections are taken, but no byte comes through any more."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def answer(self, data: bytes) -> None:
        """Say this, and hang up, to every new connection, whatever it asks."""
        self._answer = data

    def cut(self) -> None:
        """Every connection ends, and no new one is accepted."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        """Serve again after ``cut``."""
        self._listen()

    def close(self) -> None:
        self.cut()
        self.thaw()
        for thread in self._threads:
            thread.join(5)
        self._path.unlink(missing_ok=True)
