"""For all suites here: the table of attacks."""

from __future__ import annotations

from .attacks.score import held, pytest_configure, pytest_runtest_makereport, pytest_terminal_summary

__all__ = ["held", "pytest_configure", "pytest_runtest_makereport", "pytest_terminal_summary"]
