"""Hostile outputs in a real browser: in a page as they are, and in a real JupyterLab, untrusted and trusted
(attack cases 63, 74 and 76).  A listener must hear of nothing but the controls, which prove that it would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page

from csvanalyst_ext.views import pages
from tests.support.doors import _dataset, everywhere, raised, shown
from tests.support.hostile_text import hostile
from tests.support.inert import ERROR

from .conftest import Lab, Listener

Bundle = Mapping[str, str]

_ACTIVE = """(outputs) => outputs.flatMap(output => {
    const wrong = [];
    const alone = 'a[href],area,script,iframe,frame,object,embed,form,input,button,svg,math,video,audio,source,link,'
        + 'meta,base,template,canvas,mjx-container,.MathJax,.katex,[onclick],[onerror],[onload],[background],[srcset]';
    for (const found of output.querySelectorAll(alone)) wrong.push(found.outerHTML.slice(0, 200));
    for (const image of output.querySelectorAll('img'))
        if (!image.src.startsWith('data:image/png;base64,')) wrong.push(image.outerHTML.slice(0, 200));
    for (const styled of output.querySelectorAll('[style]'))
        if (!/^text-align: ?(left|right);?$/.test(styled.getAttribute('style')))
            wrong.push(styled.outerHTML.slice(0, 200));
    return wrong;
})"""
"""What in these outputs the browser made anything of but text, tables and our own figures."""


def bundles(base: str) -> list[Bundle]:
    """Every hostile text in every place and in every form, each form alone, as different viewers choose it."""
    found: list[Bundle] = []
    for text in hostile(base).values():
        made = everywhere(text)
        page = pages.profile(_dataset(text, text, text, text, text))
        for bundle in (shown(made), shown(page)):
            found += [{kind: content} for kind, content in bundle.items()]
        assert made.error is not None
        found += [bundle for bundle in raised(made.error) if ERROR in bundle]
    return found


def _output(bundle: Bundle) -> nbformat.NotebookNode:
    if ERROR in bundle:
        lines = bundle[ERROR].split("\n")
        return nbformat.v4.new_output("error", ename="Failed", evalue=lines[-1], traceback=lines)
    return nbformat.v4.new_output("display_data", dict(bundle))


def notebook(given: list[Bundle]) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "none", "display_name": "None"}})
    for start in range(0, len(given), 20):
        outputs = [_output(bundle) for bundle in given[start : start + 20]]
        made.cells.append(nbformat.v4.new_code_cell("%%analyst", outputs=outputs, id=f"cell-{start}"))
    return made


def _controls(base: str) -> list[Bundle]:
    return [
        {"text/html": f'<img src="{base}/control-image"><script>fetch("{base}/control-script")</script>'},
        {"text/markdown": f"![x]({base}/control-markdown) $\\alpha$"},
        {ERROR: f"see {base}/control-link"},
    ]


def open_lab(page: Page, address: str) -> Any:
    """Open the notebook and wait until the last output, a control, was typeset; all outputs but the controls."""
    page.goto(address)
    page.locator(".jp-Notebook .jp-OutputArea-output mjx-container").first.wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    return page.locator(".jp-Cell:not(:last-child) .jp-OutputArea-output")


@pytest.mark.parametrize("trusted", [False, True], ids=["untrusted", "trusted"])
def test_jupyterlab_makes_nothing_of_hostile_outputs(lab: Lab, page: Page, listener: Listener, trusted: bool) -> None:
    dialogs: list[str] = []
    foreign: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: foreign.append(request.url) if _foreign(request.url, lab.url) else None)
    given = bundles(listener.base)
    saved = notebook(given)
    saved.cells.append(
        nbformat.v4.new_code_cell("control", outputs=[_output(b) for b in _controls(listener.base)], id="control")
    )
    outputs = open_lab(page, lab.save(f"trusted-{trusted}.ipynb", saved, trusted=trusted))
    assert outputs.count() == len(given)

    control = page.locator(".jp-Cell:last-child .jp-OutputArea-output")
    assert control.locator(f'a[href="{listener.base}/control-link"]').count() == 1, "Lab makes links in tracebacks"
    expected = {"/control-image", "/control-markdown"} | ({"/control-script"} if trusted else set())
    assert set(listener.hits) == expected, "the controls are heard and nothing else"
    assert {url.removeprefix(listener.base) for url in foreign} == expected
    assert dialogs == []
    assert outputs.evaluate_all(_ACTIVE) == []


def _foreign(url: str, ours: str) -> bool:
    return url.startswith(("http:", "https:", "ws:", "ftp:", "file:")) and not url.replace("ws:", "http:").startswith(
        ours
    )


def test_a_page_with_our_html_in_it_calls_nobody(page: Page, listener: Listener) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    given = [bundle["text/html"] for bundle in bundles(listener.base) if "text/html" in bundle]
    body = "".join(f'<section class="output">{content}</section>' for content in given)
    control = _controls(listener.base)[0]["text/html"]
    page.goto(f"{listener.base}/page")
    listener.hits.clear()
    page.set_content(f"<!doctype html><meta charset=utf-8><body>{body}{control}")
    page.wait_for_load_state("networkidle")
    assert set(listener.hits) == {"/control-image", "/control-script"}
    assert dialogs == []
    outputs = page.locator("body > section.output")
    assert outputs.count() == len(given)
    assert outputs.evaluate_all(_ACTIVE) == []


def test_the_browser_would_call_without_our_escaping(page: Page, listener: Listener) -> None:
    """The corpus is not harmless by itself."""
    page.goto(f"{listener.base}/page")
    listener.hits.clear()
    page.on("dialog", lambda dialog: dialog.dismiss())
    for name, text in hostile(listener.base).items():
        if name not in ("meta refresh", "form"):  # these would leave the page
            page.set_content(f"<!doctype html><body><div>{text.encode('utf-8', 'replace').decode()}</div>")
            page.wait_for_load_state("networkidle")
    assert len({hit.partition("?")[0] for hit in listener.hits}) >= 15, sorted(set(listener.hits))
