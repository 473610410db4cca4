"""For all suites."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.providers"]


def pytest_configure() -> None:
    """Interrupts are part of what is tested, and a shell's background jobs would ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The same examples every time, on a machine that may be busy.
    unhurried = (HealthCheck.too_slow, HealthCheck.data_too_large)
    settings.register_profile("suites", deadline=None, derandomize=True, suppress_health_check=unhurried)
    settings.load_profile("suites")
