"""Live progress for the doors: one display that is updated in place and then disappears.

Runs on the host, on the thread that waits for the answer.  What it shows comes from
``views.activity``; nothing is shown for work that is over at once.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final, Protocol, TextIO

from ..agent.events import Event
from ..rendering.text import fit
from ..views import html
from ..views.activity import Activity

_QUIET_START: Final = 0.4
_BETWEEN: Final = 0.2


class Progress(Protocol):
    def event(self, event: Event) -> None: ...
    def tick(self) -> None: ...
    def end(self) -> None: ...


class NoProgress:
    """For ``--quiet``, pipes and programs."""

    def event(self, event: Event) -> None: ...
    def tick(self) -> None: ...
    def end(self) -> None: ...


class _Paced:
    """Shows after a quiet start, and not more often than people can read."""

    def __init__(self) -> None:
        self._started = self._last = time.monotonic()
        self._activity = Activity(self._started)

    def event(self, event: Event) -> None:
        self._activity.take(event)
        self.tick()

    def tick(self) -> None:
        now = time.monotonic()
        if now - self._started >= _QUIET_START and now - self._last >= _BETWEEN:
            self._last = now
            self._show(self._activity.line(now), self._activity.steps)

    def _show(self, line: str, steps: tuple[str, ...]) -> None:
        raise NotImplementedError


class NotebookProgress(_Paced):
    """One display handle of the running cell."""

    def __init__(self) -> None:
        super().__init__()
        self._handle: Any = None

    def _show(self, line: str, steps: tuple[str, ...]) -> None:
        self._put({"text/html": html.progress(line, steps), "text/plain": line})

    def end(self) -> None:
        if self._handle is not None:
            self._put({"text/html": "", "text/plain": ""})

    def _put(self, bundle: dict[str, str]) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


class TerminalProgress(_Paced):
    """One line of a terminal, rewritten; only made for a stream that is a terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._shown = False

    def _show(self, line: str, steps: tuple[str, ...]) -> None:
        self._write(f"\r\x1b[2K… {fit(line, 76)}")
        self._shown = True

    def end(self) -> None:
        if self._shown:
            self._write("\r\x1b[2K")

    def _write(self, data: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(data)
            self._stream.flush()


def for_terminal(stream: TextIO) -> Progress:
    return TerminalProgress(stream) if stream.isatty() else NoProgress()
