"""A small soak; ``make soak`` is the long one."""

from __future__ import annotations

from tests import soak


def test_three_hundred_mixed_questions_leave_nothing_behind_and_all_end_as_they_should() -> None:
    report = soak.run(300, sessions=2)
    print("\n".join(report.lines()))
    assert report.requests == 300
    assert report.wrong == []
    assert report.left == []
    assert report.passed
