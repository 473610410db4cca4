"""For all suites."""

from __future__ import annotations

import signal

pytest_plugins = ["tests.support.providers"]


def pytest_configure() -> None:
    """Interrupts are part of what is tested, and a shell's background jobs would ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
