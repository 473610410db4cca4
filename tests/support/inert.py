"""What in an output is active: the checker behind every promise about inert output.  Needs no browser.

It shares no code with what it checks.  HTML is parsed and compared with an allow-list; Markdown is
rendered by real renderers with all their extensions on, and what they give is checked as HTML; text
is searched for what steers a terminal.  ``tests/browser`` holds the same outputs against a browser.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Final

import mistune
import tinycss2
from linkify_it import LinkifyIt
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.attrs import attrs_block_plugin, attrs_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from mdit_py_plugins.substitution import substitution_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from mdit_py_plugins.texmath import texmath_plugin
from nbconvert.filters.markdown_mistune import markdown2html_mistune

ERROR: Final = "application/vnd.jupyter.error"
"""Stands in a bundle for a traceback, which notebooks show as text with links."""


def active(bundle: Mapping[str, str]) -> list[str]:
    """What in a MIME bundle does anything but show text and our own figures; empty when it is inert."""
    found: list[str] = []
    for kind, content in bundle.items():
        check = _CHECKS.get(kind)
        found += [f"{kind}: {what}" for what in (check(content) if check else ["is not a form of ours"])]
    return found


# --- text -----------------------------------------------------------------------------------------

_JOINERS: Final = "\u200c\u200d\ufe0e\ufe0f"
_AUTOLINKED: Final = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]{2,40}://|data:|www\.)[^\s\"]{3,}")
"""JupyterLab makes links of these in tracebacks (packages/rendermime/src/renderers.ts)."""


def steering(text: str) -> list[str]:
    """Control, direction-changing and hidden characters."""
    found = {
        f"character U+{ord(c):04X}"
        for c in text
        if c not in "\n\t" and c not in _JOINERS and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    return sorted(found)


def links_in_text(text: str) -> list[str]:
    return [f"address {found[0]!r}" for found in _AUTOLINKED.finditer(text)]


# --- HTML -----------------------------------------------------------------------------------------

_OURS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(
        ("style", "b", "code", "pre", "br", "table", "thead", "tbody", "tr", "small", "details", "summary", "h4"),
        frozenset[str](),
    ),
    "div": frozenset({"class"}),
    **dict.fromkeys(("td", "th"), frozenset({"class", "style"})),
    "span": frozenset({"class", "title"}),  # a title is text
    "img": frozenset({"alt", "src"}),
}
_RENDERED: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("p", "strong", "em", "br", "pre", "table", "thead", "tbody", "tr"), frozenset[str]()),
    **dict.fromkeys(("code", "div", "span"), frozenset({"class"})),  # nbconvert colours code
    **dict.fromkeys(("td", "th"), frozenset({"style"})),
}
_VOID: Final = frozenset({"img", "br"})
_CLASSES: Final = re.compile(r"(?:csva(?:-[a-z]+)?|tex2jax_ignore|mathjax_ignore|language-(?:sql|python|text))")
_COLOURED: Final = re.compile(r"language-(?:sql|python|text)|highlight|[a-z][a-z0-9]{0,2}")
_ALIGNED: Final = re.compile(r"text-align: ?(?:left|right);?")
_FIGURE: Final = "data:image/png;base64,"
_NO_FORMULAS_IN: Final = frozenset({"pre", "code", "style"})  # MathJax, KaTeX and nbconvert skip these
_FORMULA: Final = re.compile(r"\$[^$]*\$|\\\(|\\\[|\\begin\s*\{|\\(?:eq)?ref\s*\{")


class _Page(HTMLParser):
    """Reads HTML strictly: what is well-formed means the same to every parser."""

    def __init__(self, source: str, allowed: Mapping[str, frozenset[str]]) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self.texts: list[tuple[str, frozenset[str]]] = []
        self.styles: list[str] = []
        self._allowed = allowed
        self._open: list[str] = []
        self._run = ""
        self.feed(source)
        self.close()
        self._flush()
        self.found += [f"<{tag}> is not closed" for tag in self._open]

    def _flush(self) -> None:
        if self._run:
            (self.styles if self._open[-1:] == ["style"] else self._texts).append(self._run)
        self._run = ""

    @property
    def _texts(self) -> _Runs:
        return _Runs(self.texts, frozenset(self._open))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "br":  # formula renderers read on across these
            self._flush()
        if tag not in self._allowed:
            self.found.append(f"element <{tag}>")
        for name, value in attributes:
            classes = _CLASSES if self._allowed is _OURS else _COLOURED
            if name not in self._allowed.get(tag, ()) or not _harmless(name, value or "", classes):
                self.found.append(f"attribute {name}={(value or '')[:80]!r} of <{tag}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in _VOID:
            self.found.append(f"<{tag}/> closes itself")

    def handle_endtag(self, tag: str) -> None:
        self._flush()
        if self._open[-1:] == [tag]:
            self._open.pop()
        else:
            self.found.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"] and re.search(r"[<>]|&(?=#|[a-zA-Z])", data):
            self.found.append(f"bare markup {data[:80]!r}")
        self._run += data

    def handle_charref(self, name: str) -> None:
        self._run += self.unescape_one(f"&#{name};")

    def handle_entityref(self, name: str) -> None:
        self._run += self.unescape_one(f"&{name};")

    @staticmethod
    def unescape_one(reference: str) -> str:
        import html

        return html.unescape(reference)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data[:80]!r}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"declaration {decl[:80]!r}")

    def unknown_decl(self, data: str) -> None:
        self.found.append(f"declaration {data[:80]!r}")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"instruction {data[:80]!r}")


class _Runs:
    """Appends a run of text together with the elements that it stands in."""

    def __init__(self, texts: list[tuple[str, frozenset[str]]], inside: frozenset[str]) -> None:
        self._texts, self._inside = texts, inside

    def append(self, run: str) -> None:
        self._texts.append((run, self._inside))


def _harmless(name: str, value: str, classes: re.Pattern[str]) -> bool:
    if name == "class":
        return all(classes.fullmatch(word) for word in value.split())
    if name == "style":
        return _ALIGNED.fullmatch(value) is not None
    if name == "title":
        return not steering(value) and "\n" not in value
    if name == "src":
        return value.startswith(_FIGURE) and _is_png(value.removeprefix(_FIGURE))
    return name == "alt" and re.fullmatch(r"figure \d+", value) is not None


def _is_png(encoded: str) -> bool:
    try:
        return base64.b64decode(encoded, validate=True).startswith(b"\x89PNG\r\n\x1a\n")
    except binascii.Error:
        return False


def html(source: str) -> list[str]:
    """What is active in HTML that goes into a page as it is."""
    return _page(source, _OURS, rendered=False)


def _page(source: str, allowed: Mapping[str, frozenset[str]], *, rendered: bool) -> list[str]:
    page = _Page(source, allowed)
    found = page.found
    if len(page.styles) > 1:
        found.append("more than one style block")
    for sheet in page.styles:
        found += _style(sheet)
    for run, inside in page.texts:
        found += steering(run)
        if not inside & _NO_FORMULAS_IN:
            found += [f"formula {match[0][:80]!r}" for match in _FORMULA.finditer(run)]
            if rendered:
                found += _linkified(run)
    return found


@functools.cache
def _style(sheet: str) -> list[str]:
    """A style block may only hold rules for our own class, and nothing that loads."""
    found = []
    for rule in tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule":
            found.append(f"style: a rule of the kind {rule.type}")
            continue
        selectors = tinycss2.serialize(rule.prelude).split(",")
        found += [f"style: selector {one!r}" for one in selectors if not re.match(r"\s*\.csva\b", one)]
        found += [f"style: {what}" for what in _loading(rule.content)]
    return found


def _loading(tokens: Iterable[tinycss2.ast.Node]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("url", "at-keyword", "error"):
            yield token.type
        if token.type == "ident" and token.lower_value in ("position", "behavior", "-moz-binding", "content"):
            yield token.lower_value
        if token.type == "function":
            if token.lower_name not in ("var", "rgba"):
                yield f"{token.lower_name}()"
            yield from _loading(token.arguments)


# --- Markdown -------------------------------------------------------------------------------------

_LINKIFY: Final = LinkifyIt(options={"fuzzy_link": True, "fuzzy_email": True})


def _gfm() -> MarkdownIt:
    """What markdown-it based viewers (Visual Studio Code, MyST, Jupyter Book) can be set up to do, all at once."""
    made = MarkdownIt("gfm-like", {"html": True, "linkify": True, "typographer": True})
    made.use(front_matter_plugin).use(footnote_plugin).use(deflist_plugin).use(tasklists_plugin)
    made.use(dollarmath_plugin).use(amsmath_plugin).use(texmath_plugin, delimiters="brackets")
    made.use(myst_role_plugin).use(myst_block_plugin).use(colon_fence_plugin).use(substitution_plugin)
    return made.use(attrs_plugin).use(attrs_block_plugin)


def _mistune() -> mistune.Markdown:
    names = ["strikethrough", "footnotes", "table", "url", "task_lists", "def_list", "abbr", "mark", "insert"]
    names += ["superscript", "subscript", "math", "ruby", "spoiler"]
    return mistune.create_markdown(escape=False, plugins=names)


@functools.lru_cache(10_000)
def _linkified(run: str) -> list[str]:
    return [f"linkified {match.text!r}" for match in _LINKIFY.match(run) or ()] if re.search(r"[.:@/]", run) else []


_RENDERERS: Final[Mapping[str, Callable[[str], object]]] = {
    "CommonMark": MarkdownIt("commonmark", {"html": True}).render,
    "GFM and extensions": _gfm().render,
    "mistune": _mistune(),
    "nbconvert": markdown2html_mistune,
}


def markdown(source: str) -> list[str]:
    """What is active in Markdown once one of the renderers has had it."""
    found = steering(source)
    for name, render in _RENDERERS.items():
        allowed = _RENDERED
        found += [f"{name}: {what}" for what in _page(str(render(source)), allowed, rendered=True)]
    return found


def _error(content: str) -> list[str]:
    return steering(content) + links_in_text(content)


_CHECKS: Final[Mapping[str, Callable[[str], list[str]]]] = {
    "text/html": html,
    "text/markdown": markdown,
    "text/plain": steering,
    ERROR: _error,
}
