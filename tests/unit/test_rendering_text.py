"""Text that shows what it is and does nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.rendering import text
from tests.support.hostile_text import HOSTILE


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("lines", [False, True])
def test_visible_text_has_no_character_that_steers(value, lines):
    shown = text.visible(value, lines=lines)
    allowed = "\n\t" if lines else ""
    assert all(c.isprintable() or c in allowed for c in shown)
    shown.encode()


def test_ordinary_text_of_any_script_stays_as_it_is():
    for value in ("Grüße", "日本語", "مرحبا", "नमस्ते", "👩‍👩‍👧", "a b", ""):
        assert text.visible(value) == value


def test_what_is_hidden_is_shown_and_not_dropped():
    assert text.visible("a\u202eb\x1bc\nd") == "a⟨U+202E⟩b␛c␊d"


def test_lines_and_tabs_stay_where_lines_are_wanted():
    assert text.visible("a\tb\r\nc\rd\n", lines=True) == "a\tb\nc\nd\n"


def test_a_cell_is_one_line_of_at_most_200_characters():
    assert text.cell("x" * 200) == "x" * 200
    assert text.cell("x" * 10_000) == "x" * 199 + "…"
    assert len(text.cell("\u202e" * 10_000)) == 200


@given(st.text())
def test_escaped_html_is_text_only(value):
    escaped = text.html(text.visible(value))
    assert not re.search(r"[<>\"']", escaped)


@given(st.text(alphabet="$\\(){}[]ab xy\n"))
def test_no_run_of_text_in_html_holds_a_pair_of_formula_delimiters(value):
    for run in re.split(r"<[^>]*>", text.html_body(text.visible(value))):
        assert not re.search(r"\$.|\\.", run)


@given(st.text())
def test_escaped_markdown_has_no_syntax_left(value):
    escaped = text.markdown(text.visible(value))
    bare = re.sub(r"&#\d+;|</?span>", "", escaped)
    assert not re.search(r"[\\`*_{}\[\]<>()#!|~$&:@]", bare)
    assert "www." not in bare.lower()


def test_a_fence_is_longer_than_any_run_of_ticks_inside():
    assert text.fence("a ```` b", "sql").startswith("`````sql\n")


def test_a_grid_lines_up_wide_and_combining_characters():
    drawn = text.grid([["name", "n"]], [["日本", "1"], ["e\u0301", "22"]], [False, True]).split("\n")
    assert drawn == ["name   n", "────  ──", "日本   1", "e\u0301     22"]


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0004, "0 ms"), (0.038, "38 ms"), (0.9996, "1.0 s"), (59.94, "59.9 s"), (125, "2 min 5 s")]
)
def test_durations_are_for_people(value, shown):
    assert text.seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (2**30, "1.0 GiB"), (2**55, "32768.0 TiB")],
)
def test_sizes_are_for_people(value, shown):
    assert text.size(value) == shown
