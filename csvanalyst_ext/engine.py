"""The one background thread with the one event loop.

Runs on the host.  Front ends are called on their own thread (a notebook cell, a command) and wait
here; everything that a session owns lives on the loop.  What the loop has to tell a front end
travels through a queue that the waiting thread drains, so a display is only ever touched by the
thread that owns it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from .errors import Cancelled, UsageError

T = TypeVar("T")
Emit = Callable[[Any], None]
Job = Callable[[Emit], Coroutine[Any, Any, T]]
Closer = Callable[[], Coroutine[Any, Any, None]]

_GRACE: Final = 5.0
_TICK: Final = 0.25
_OVER: Final = object()


class _Call(Generic[T]):
    """One job on the loop, and the queue through which it reaches the thread that waits."""

    def __init__(self, job: Job[T], loop: asyncio.AbstractEventLoop) -> None:
        self._job = job
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self._unwanted = False
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def start(self) -> None:
        """On the loop's thread."""
        if self._unwanted:
            self.events.put(_OVER)
            return
        self._task = self._loop.create_task(self._job(self.events.put))
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # seen here, so that a cancelled call's error is not logged as forgotten
        self.events.put(_OVER)

    def cancel(self) -> None:
        """On the loop's thread."""
        self._unwanted = True
        if self._task is not None:
            self._task.cancel()

    def result(self) -> T:
        if self._task is None:
            raise asyncio.CancelledError
        return self._task.result()


class Engine:
    """Runs coroutines for threads that wait.  Starts its thread at the first use; ends with the process.

    ``submit`` may be called from any thread but the loop's own.  ``grace`` is how long, in
    seconds, an interrupt or ``close`` waits for the job to wind up.
    """

    def __init__(self, *, grace: float = _GRACE) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._closers: list[Closer] = []
        self._closed = False

    @property
    def started(self) -> bool:
        return self._loop is not None

    def on_close(self, closer: Closer) -> None:
        """Run ``closer`` on the loop when the engine closes, the last one first."""
        self._closers.append(closer)

    def submit(self, job: Job[T], *, on_event: Emit | None = None, on_tick: Callable[[], None] | None = None) -> T:
        """The result of ``job(emit)``, or its exception, on the calling thread.

        What the job passes to ``emit`` reaches ``on_event`` on the calling thread, in order;
        ``on_tick`` is called there about four times a second while nothing happens.  An interrupt
        (or an exception of either callback) cancels the job and waits for its end, at most the
        grace; an interrupt then becomes ``Cancelled``.  Raises ``UsageError`` (``forked``,
        ``engine_closed``) when this engine cannot serve, also when somebody stops its loop meanwhile.
        """
        loop = self._running_loop()
        call = _Call(job, loop)
        try:
            loop.call_soon_threadsafe(call.start)
            _drain(call.events, on_event, lambda: self._tick(on_tick))
        except _Stopped:
            raise self._unusable() from None
        except BaseException as error:
            self._cancel(call, loop)
            if isinstance(error, KeyboardInterrupt):
                raise Cancelled(
                    "cancelled", "Stopped.", "What was running was killed; the next question works."
                ) from None
            raise
        try:
            return call.result()
        except asyncio.CancelledError:
            if self._closed:
                raise self._unusable() from None
            raise Cancelled("cancelled", "Stopped.") from None

    def _tick(self, on_tick: Callable[[], None] | None) -> None:
        """Raises ``_Stopped`` when nobody is left who could end what is waited for."""
        if self._thread is None or not self._thread.is_alive():
            raise _Stopped
        if on_tick is not None:
            on_tick()

    def _unusable(self) -> UsageError:
        return UsageError("engine_closed", "This session is closed.", "Run: %reload_ext csvanalyst_ext")

    def _cancel(self, call: _Call[Any], loop: asyncio.AbstractEventLoop) -> None:
        """Cancel and wait for the end, at most the grace; a second interrupt ends the wait."""
        loop.call_soon_threadsafe(call.cancel)
        deadline = time.monotonic() + self._grace
        with contextlib.suppress(queue.Empty, KeyboardInterrupt):
            while call.events.get(timeout=max(0.0, deadline - time.monotonic())) is not _OVER:
                pass

    def close(self) -> None:
        """Run the closers, stop the loop, end the thread.  Does nothing in a forked child, or twice."""
        with self._lock:
            if self._closed or self._pid != os.getpid():
                return
            self._closed = True
        if self._loop is None or self._thread is None:
            return
        closing = asyncio.run_coroutine_threadsafe(self._close_all(), self._loop)
        with contextlib.suppress(Exception):
            closing.result(self._grace)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(self._grace)

    async def _close_all(self) -> None:
        for closer in reversed(self._closers):
            with contextlib.suppress(Exception):
                await closer()
        leftover = asyncio.all_tasks() - {asyncio.current_task()}
        for task in leftover:
            task.cancel()
        await asyncio.gather(*leftover, return_exceptions=True)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread.  A loop that others stop (any code of the notebook can) is wound up all the same."""
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            if not self._closed:
                self._closed = True
                loop.run_until_complete(self._wind_up())
        finally:
            loop.close()

    async def _wind_up(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._close_all()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._pid != os.getpid():
            raise UsageError(
                "forked",
                "This process is a fork of the one that holds the sandbox, and cannot use it.",
                "Ask in the parent process.",
            )
        with self._lock:
            if self._closed or (self._thread is not None and not self._thread.is_alive()):
                raise self._unusable()
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="csvanalyst", daemon=True)
                self._thread.start()
                _at_exit(self.close)
            if self._thread is threading.current_thread():
                raise RuntimeError("the loop's own thread cannot wait for the loop")
            return self._loop


class _Stopped(Exception):
    """The loop ended under a job."""


def _at_exit(close: Callable[[], None]) -> None:
    """Have ``close`` called while thread pools still work.

    The public ``atexit`` comes after they were shut, when a closer could use none.  The earlier list
    has no public name; it runs backwards, so the pools' own entry has to be there first.
    """
    import concurrent.futures.thread  # noqa: F401

    register = getattr(threading, "_register_atexit", atexit.register)
    register(close)


def _drain(events: queue.SimpleQueue[Any], on_event: Emit | None, on_tick: Callable[[], None]) -> None:
    while True:
        try:
            event = events.get(timeout=_TICK)
        except queue.Empty:
            on_tick()
            continue
        if event is _OVER:
            return
        if on_event is not None:
            on_event(event)
