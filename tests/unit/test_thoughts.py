"""What a model writes to itself is no part of its answer, whole or in pieces, and never costs more than reading it."""

from __future__ import annotations

import pytest

from csvanalyst_ext.llm.thoughts import Spoken, without_ended, without_thoughts

SAID = {
    "It is 5.": "It is 5.",
    "<think>hm</think>It is 5.": "It is 5.",
    " \n<Thinking>hm\n</THINKING>\n\nIt is 5.": "It is 5.",
    "hm, the prompt began it</think> It is 5.": "It is 5.",
    "<think>a <think> b</think>It is 5.": "It is 5.",
    "<think>it never ends": "",
    "a < b": "a < b",
    "<thin> is a word": "<thin> is a word",
    "": "",
}


@pytest.mark.parametrize("text", SAID)
def test_an_answer_is_what_is_no_thought(text: str) -> None:
    assert without_thoughts(text) == SAID[text]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("text", [text for text in SAID if not text.startswith("hm")])
def test_the_same_is_passed_on_in_pieces(text: str, size: int) -> None:
    spoken = Spoken()
    assert "".join(spoken.add(text[at : at + size]) for at in range(0, len(text), size)) == SAID[text]


def test_what_stands_between_thoughts_is_kept_unless_a_later_end_takes_it_back() -> None:
    assert without_ended("a<think>b</think>c<think>d</think>e") == "ace"
    assert without_ended("a<think>b</think>c</think>e") == "e"


def test_a_reply_of_nothing_but_marks_is_read_once() -> None:
    marks = "<think>" * 280_000
    assert without_thoughts(marks) == ""
    spoken = Spoken()
    assert "".join(spoken.add(marks[at : at + 700]) for at in range(0, len(marks), 700)) == ""
