"""Text that can steer nothing: no character of it moves a cursor, turns a line around or hides.

Runs on the host; pure, standard library only, below everything else, so that errors are inert from
the moment they are made.  ``rendering.text`` adds the escaping that HTML and Markdown need.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

MAX_MESSAGE: Final = 8_000
MAX_LINE: Final = 500
MAX_LINES: Final = 24
"""Of an error that a person reads in a terminal."""
HIDDEN: Final = "[hidden]"
ELLIPSIS: Final = "…"

# --- characters -----------------------------------------------------------------------------------

_JOINERS: Final = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""Joiners and emoji variation selectors: scripts and emoji need them after a letter or sign of theirs."""
_KEYCAPS: Final = frozenset("0123456789#*")
_MOST_MARKS: Final = 8
"""Combining marks on one character.  Languages use up to five; more only overprint the lines above and below."""
_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS: Final = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0000, 0xE1000))


def _shown(character: str) -> str:
    """The symbol for a character that must not be there itself; the character when it may."""
    code, category = ord(character), unicodedata.category(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if category in ("Zl", "Zp"):
        return "␊"
    if category == "Cs" or code & 0xFFFE == 0xFFFE:
        return "\ufffd"
    if category in ("Cc", "Cf") or character in _BLANK_LETTERS or any(code in span for span in _SELECTORS):
        return f"⟨U+{code:04X}⟩"
    return character


def _characters(text: str, kept: str) -> Iterator[str]:
    marks, before = 0, ""
    for character in text:
        if character in kept:
            shown = character
        elif character in _JOINERS:
            joins = before not in _JOINERS and (not before.isascii() or (before in _KEYCAPS and character == "\ufe0f"))
            shown = character if before and joins else f"⟨U+{ord(character):04X}⟩"
        elif unicodedata.combining(character):
            marks += 1
            shown = _shown(character) if marks <= _MOST_MARKS else f"⟨U+{ord(character):04X}⟩"
        else:
            marks, shown = 0, _shown(character)
        before = character
        yield shown


def visible(text: str, *, lines: bool = False) -> str:
    """``text`` with control, direction-changing and invisible characters shown as symbols; nothing is dropped.

    ``lines=True`` keeps line feeds and tabs (code, output, prose); a lone or paired carriage
    return counts as a line feed there.
    """
    if text.isascii() and text.isprintable():
        return text
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_characters(text, "\n\t" if lines else ""))


def steers(text: str, *, lines: bool = False) -> bool:
    """Whether ``visible`` would change ``text``."""
    return visible(text, lines=lines) != text


# --- secrets --------------------------------------------------------------------------------------

_SECRET_NAMES: Final = ("_API_KEY", "_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_CREDENTIALS")
_SHORTEST: Final = 6
_LONGEST: Final = 4_096
_LOOKS_SECRET: Final = re.compile(
    r"""(?x)
    \b(?:sk-|xai-|gsk_|glpat-|AIza|AKIA|[sr]k_(?:live|test)_)(?=[\w*.-]*[\d*])[\w*.-]{8,}
    | \b(?:hf_|gh[pousr]_|github_pat_)[A-Za-z0-9_]{16,}
    | (?<=[Bb]earer\ )[\w.~+/=-]{12,}
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)
    """,
    re.ASCII,
)


_PASSWORD: Final = re.compile(r"\w+://[^/\s:@]*:([^/\s@]+)@")


def redact(text: str, environment: Mapping[str, str]) -> str:
    """``text`` without any value of a secret variable and without anything that looks like a key."""
    return _LOOKS_SECRET.sub(HIDDEN, without_secrets(text, environment))


def without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """``text`` without any value of a secret variable, and without a password in the address that a variable is."""
    secrets = {value for name, value in environment.items() if name.upper().endswith(_SECRET_NAMES)}
    secrets |= {found[1] for value in environment.values() if (found := _PASSWORD.match(value))}
    secrets = {secret for secret in secrets if len(secret) >= _SHORTEST}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


# --- messages -------------------------------------------------------------------------------------


def message(text: str, most: int = MAX_MESSAGE, *, lines: bool = True) -> str:
    """Words about what happened (an error, a hint, a note): no key, nothing that steers, ``most`` characters."""
    return clip(visible(redact(text[: most + _LONGEST], os.environ), lines=lines), most)


def clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS


def shortened(text: str) -> str:
    """A long message without its middle: what is wrong stands in its first or in its last lines."""
    lines = [clip(line, MAX_LINE) for line in text.splitlines()]
    half = MAX_LINES // 2
    if len(lines) > MAX_LINES:
        lines = [*lines[:half], f"{ELLIPSIS} ({len(lines) - 2 * half:,} lines left out)", *lines[-half:]]
    return "\n".join(lines)


_LINKED: Final = re.compile(r"(?i):(?=//)|(?<=data):(?=\S)|(?<=www)\.")


def unlinked(lines: Iterable[str]) -> list[str]:
    """``lines`` for a place whose viewer makes links of addresses by itself, as notebooks do with tracebacks:
    ``http[:]//…``, which is how such addresses are commonly written so that nobody opens them by mistake."""
    return [_LINKED.sub(lambda found: f"[{found[0]}]", line) for line in lines]
