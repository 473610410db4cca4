"""For all suites here: the mark that ties a test to a case of the attack list."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "attack(number, name): a case of the attack list")
