"""What the gate may learn from the text itself: its size, its tokens, how deep it nests, places.

Runs in the sandbox.  Never decides what a query does; that is ``gate_tree``'s.  The bounds here keep
the engine's parser, which is recursive and in places quadratic, from crashing or hanging on text
made for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import duckdb

from .gate_tree import Refusal, too_complex

MAX_DEPTH: Final = 200
MAX_STATEMENT_WORDS: Final = 20
# Words that, one after another, nest a statement in a statement without a bracket.
_NESTING_WORDS: Final = frozenset({"describe", "desc", "summarize", "show", "explain"})


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the engine's own tokenizer; ``start`` and ``end`` are offsets in bytes."""

    start: int
    text: str
    comment: bool
    quoted: bool = False

    @property
    def word(self) -> str:
        """The token in lower case when it can be a keyword, ``""`` otherwise."""
        return "" if self.quoted or self.comment else self.text.lower()

    @property
    def end(self) -> int:
        return self.start + len(self.text.encode())


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text``, comments included, white space not."""
    data = text.encode()
    found = duckdb.tokenize(text)
    ends = ([start for start, _ in found[1:]] + [len(data)])[: len(found)]
    for (start, kind), end in zip(found, ends, strict=True):
        piece = data[start:end].decode(errors="replace").rstrip()
        quoted = kind == duckdb.token_type.string_const or piece[:1] == '"'
        yield Token(start, piece, kind == duckdb.token_type.comment, quoted)


def bounded(text: str, most: int) -> str:
    """``text`` without a byte order mark, when it is text that the engine's parser can take.

    ``most`` is its size in bytes.  Raises ``Refusal`` (``sql_bad_text``, ``sql_too_long``,
    ``sql_too_complex``).
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        message = f"The SQL is not valid Unicode text (character {error.start + 1})."
        raise Refusal("sql_bad_text", message, "Send it as valid UTF-8.") from None
    if "\0" in text:
        message = f"The SQL holds a NUL character (character {text.index(chr(0)) + 1})."
        raise Refusal("sql_bad_text", message, "Leave it out; use chr(0) if you need one in a value.")
    if size > most:
        message = f"The SQL is {size:,} bytes long; the most is {most:,}."
        raise Refusal("sql_too_long", message, "Write it shorter; join with a table instead of listing many values.")
    text = text.removeprefix("\ufeff")
    depth = words = 0
    for token in tokens(text):
        if token.comment:
            continue
        words = words + 1 if token.word in _NESTING_WORDS else 0
        if words > MAX_STATEMENT_WORDS:
            raise too_complex("nested statements", MAX_STATEMENT_WORDS)
        if token.text in ("(", "[", "{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise too_complex("levels of brackets", MAX_DEPTH)
        elif token.text in (")", "]", "}"):
            depth -= 1
    return text


def locate(text: str, position: int) -> tuple[int, int]:
    """Line and column (from 1, in characters) of an offset in bytes."""
    before = text.encode(errors="replace")[: max(position, 0)].decode(errors="ignore")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
