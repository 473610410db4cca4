"""The one way by which commands write to a terminal: nothing that they repeat can steer it.

Runs on the host.  Only commands use it; nothing else in the package prints.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from typing import Any, TextIO

from .safe_text import message, visible


class Parser(argparse.ArgumentParser):
    """Repeats words of the command line in its messages; a shell may have put file names there."""

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(visible(message or "", lines=True), file)


def write(text: str, stream: TextIO | None = None) -> None:
    """``text`` and an end of line, to standard output or ``stream``, at once."""
    to = sys.stdout if stream is None else stream
    to.write(visible(text, lines=True) + "\n")
    to.flush()


def unforeseen() -> None:
    """The exception that is being handled, on standard error, as Python tells it but with nothing alive or secret."""
    write(message(traceback.format_exc().rstrip(), 20_000), sys.stderr)
