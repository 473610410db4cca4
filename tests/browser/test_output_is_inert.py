"""Hostile outputs in a real browser: in a page as they are, and in a real JupyterLab, untrusted and trusted
(attack cases 63, 74 and 76).  A listener must hear of nothing but the controls, which prove that it would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page

from csvanalyst_ext.rendering.text import html
from csvanalyst_ext.views import pages
from tests.support.doors import _dataset, carried, everywhere, progress, raised, shown
from tests.support.hostile_text import hostile
from tests.support.inert import ERROR

from .conftest import Lab, Listener, Watch

Bundle = Mapping[str, str]

ACTIVE = (Path(__file__).parent / "active.js").read_text()


def outputs_of(text: str) -> list[Bundle]:
    """An answer with ``text`` in every place: as a notebook keeps it, its Markdown alone, which is what some viewers
    choose, and its error.  Every door on its own is the business of the browser-free checker (``tests/security``)."""
    answer = everywhere(text)
    bundle = shown(answer)
    assert answer.error is not None
    errors = [error for error in raised(answer.error) if ERROR in error]
    return [bundle, {"text/markdown": bundle["text/markdown"]}, *errors]


def html_of(text: str) -> list[str]:
    """Everything of ours that is HTML: an answer, a page, a progress display."""
    pages_of_data = (pages.profile(_dataset(text, text, text, text, text)), everywhere(text))
    return [bundle["text/html"] for bundle in (*map(shown, pages_of_data), *progress(text)[-1:])]


def _output(bundle: Bundle) -> nbformat.NotebookNode:
    if ERROR in bundle:
        lines = bundle[ERROR].split("\n")
        return nbformat.v4.new_output("error", ename="Failed", evalue=lines[-1], traceback=lines)
    return nbformat.v4.new_output("display_data", dict(bundle))


def notebook(given: list[Bundle], controls: list[Bundle]) -> nbformat.NotebookNode:
    """``given``, twenty to a cell, and the controls in the last one."""
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "none", "display_name": "None"}})
    parts = [given[start : start + 20] for start in range(0, len(given), 20)]
    for number, part in enumerate([*parts, controls]):
        outputs = [_output(bundle) for bundle in part]
        made.cells.append(nbformat.v4.new_code_cell("%%analyst", outputs=outputs, id=f"cell-{number}"))
    return made


def _controls(base: str) -> list[Bundle]:
    return [
        {"text/html": f'<img src="{base}/control-image"><script>fetch("{base}/control-script")</script>'},
        {"text/markdown": f"![x]({base}/control-markdown) $\\alpha$"},
        {ERROR: f"see {base}/control-link"},
    ]


# --- in JupyterLab ------------------------------------------------------------------------------------

_DRAWN = """outputs => {
    const elements = document.querySelectorAll('*').length;
    const ready = outputs.every(output => output.childElementCount > 0) && window.elementsBefore === elements;
    window.elementsBefore = elements;
    return ready;
}"""
"""Every output has something in it, and nothing came since the last look: text is drawn little by little."""


def open_lab(page: Page, watch: Watch, address: str) -> tuple[Locator, Locator]:
    """Open the notebook and wait until all is drawn, also the formula of the controls: all outputs but the
    controls, and the controls."""
    page.goto(address)
    controls = page.locator(".jp-Cell:last-child .jp-OutputArea-output")
    controls.locator("mjx-container").wait_for(state="attached")
    outputs = page.locator(".jp-Cell:not(:last-child) .jp-OutputArea-output")
    for _ in range(60):
        watch.quiet()
        if outputs.evaluate_all(_DRAWN):
            return outputs, controls
    raise AssertionError("JupyterLab does not come to an end with drawing.")


@pytest.mark.parametrize("trusted", [False, True], ids=["untrusted", "trusted"])
def test_jupyterlab_makes_nothing_of_hostile_outputs(
    lab: Lab, page: Page, watch: Watch, listener: Listener, trusted: bool
) -> None:
    given = [output for text in hostile(listener.base).values() for output in outputs_of(text)]
    saved = notebook(given, _controls(listener.base))
    outputs, controls = open_lab(page, watch, lab.save(f"trusted-{trusted}.ipynb", saved, trusted=trusted))
    assert outputs.count() == len(given)
    assert controls.count() == 3
    assert outputs.evaluate_all(ACTIVE) == []
    assert watch.opened == []

    heard = {"/control-image", "/control-markdown"} | ({"/control-script"} if trusted else set())
    assert set(listener.hits) == heard, "the controls are heard and nothing else"
    assert watch.outside(lab.url) == {listener.base + path for path in heard}
    assert controls.locator(f'a[href="{listener.base}/control-link"]').count() == 1, "Lab makes links in tracebacks"
    assert controls.evaluate_all(ACTIVE) != []


# --- in a page ----------------------------------------------------------------------------------------


def test_a_page_with_our_html_in_it_calls_nobody(page: Page, watch: Watch, listener: Listener) -> None:
    given = [content for text in hostile(listener.base).values() for content in html_of(text)]
    body = "".join(f'<section class="output">{content}</section>' for content in given)
    control = _controls(listener.base)[0]["text/html"]
    page.goto(f"{listener.base}/page")
    page.set_content(f"<!doctype html><meta charset=utf-8><body>{body}<footer>{control}</footer>")
    watch.quiet()
    assert set(listener.hits) == {"/control-image", "/control-script"}
    assert watch.outside(listener.base) == set()
    assert watch.opened == []
    outputs = page.locator("body > section.output")
    assert outputs.count() == len(given)
    assert page.locator("body > *").count() == len(given) + 1, "nothing leaves its place"
    assert outputs.evaluate_all(ACTIVE) == []


# --- the controls' controls ---------------------------------------------------------------------------

LOUD = {
    "body.png", "cdata.png", "cell.png", "comment.png", "css.png", "embed", "fence-html.png", "foreign.png",
    "image.png", "import.css", "input.png", "meta", "mtext.png", "noscript.png", "object", "picture.webp",
    "poster.png", "pre.png", "script.js", "set.png", "sheet.css", "style", "svg.png", "table.png", "use.svg",
    "x",
}  # fmt: skip
"""What is called when the texts are put into a page as they are."""
QUIET = {"image without end", "jinja", "other schemes", "wiki and directives", "long line of marks"}
"""What has a ``<`` and is nothing by itself to a browser, or a bold letter."""


def test_the_browser_would_call_without_our_escaping(page: Page, watch: Watch, listener: Listener) -> None:
    """The corpus is not harmless by itself: each text in a frame of its own, as it is."""
    page.goto(f"{listener.base}/page")
    frames = "".join(f'<iframe srcdoc="{html(carried(text))}"></iframe>' for text in hostile(listener.base).values())
    page.set_content(f"<!doctype html><body>{frames}")
    watch.quiet()
    assert LOUD - {hit.partition("?")[0].strip("/") for hit in listener.hits} == set()
    assert "dialog 1" in watch.opened


def test_the_check_sees_what_the_browser_makes_of_hostile_texts(page: Page) -> None:
    unseen = page.evaluate(
        f"""texts => Object.keys(texts).filter(name => {{
            const output = document.createElement('div');
            output.innerHTML = texts[name];
            return ({ACTIVE})([output]).length === 0;
        }})""",
        {name: carried(text) for name, text in hostile().items() if "<" in text},
    )
    assert set(unseen) == QUIET
