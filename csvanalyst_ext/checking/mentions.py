"""Which rows a sentence speaks of: labels of rows that stand in the prose.

Runs on the host; pure.  Labels are looked up by hashing the word runs of the prose, so a result of many
rows costs little.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .dating import DateToken
from .lexicon import LABELS
from .results import Source, stem
from .tokens import Token

if TYPE_CHECKING:
    import numpy as np

MOST_MENTIONS: Final = 120
LONGEST: Final = 8
"""Words of a label that is recognised."""
_WORD: Final = re.compile(r"[\w&'’.+-]*\w[)\]%+]?|\w")
_DASHES: Final = {0x2013: 0x2D, 0x2010: 0x2D, 0x2011: 0x2D, 0x2212: 0x2D, 0x2019: 0x27}
"""Each stands for a sign of the keyboard, and labels are compared in those."""
_TOO_COMMON: Final = frozenset((
    "a", "an", "i", "no", "yes", "all", "other", "others", "total", "none", "the", "in", "on", "at", "it", "is",
    "as", "or", "and", "of", "to", "by", "be", "so", "if", "we", "he", "she", "us", "am", "pm", "true", "false",
    "one", "row", "rows", "data", "result", "not", "any", "most", "more", "less", "may",
))  # fmt: skip
_RANGE: Final = re.compile(r"(?i)\b(\d{1,4}) (?:to|and|through) (\d{1,4})\b(?![.,]\d)")
_SENTENCE: Final = re.compile(r"(?<=[.!?])[)\"'*]*\s+(?=[\"'(*A-Z\d$€£])|\n+")
_CLAUSE: Final = re.compile(r"(?i)[;:]\s|,?\s(?:while|whereas|but|although|though)\s|,\s(?:and|followed by|then)\s")


@dataclass(frozen=True, slots=True)
class Mention:
    """A label of rows in the prose: column ``column`` (its name, case folded) has the value ``key`` there."""

    start: int
    end: int
    column: str
    key: str
    rank: int  # texts before dates before years before numbers, where a subject is wanted


Span = tuple[int, int]
_ABBREVIATED: Final = re.compile(
    r"\b(?:St|Mr|Mrs|Dr|vs|approx|ca|No|e\.g|i\.e|Inc|Ltd)\.$|(?:^|[,:;(]\s|\b(?:and|or|by)\s)[A-Z]\.$"
)
"""What ends with a full stop and no sentence: an abbreviation, the initial of a name in a list."""


def sentences(prose: str) -> list[Span]:
    spans, at = [], 0
    for m in _SENTENCE.finditer(prose):
        if _ABBREVIATED.search(prose[at : m.start()]):
            continue
        spans.append((at, m.start()))
        at = m.end()
    spans.append((at, len(prose)))
    return [(a, b) for a, b in spans if prose[a:b].strip()]


def clauses(prose: str, span: Span) -> list[Span]:
    spans, at = [], span[0]
    for m in _CLAUSE.finditer(prose, *span):
        spans.append((at, m.start()))
        at = m.end()
    return [*spans, (at, span[1])]


class Labels:
    """The labels of all sources that occur in the prose, and the rows that they name."""

    def __init__(self, prose: str, sources: Sequence[Source], dates: Sequence[DateToken]) -> None:
        self.mentions: list[Mention] = []
        self._rows: dict[tuple[int, str, str], np.ndarray[Any, Any]] = {}
        self._sources = sources
        self._dates = {f"{d.year}/{d.quarter}/{d.month}/{d.day}": d for d in dates}
        runs = _runs(prose)
        for number, source in enumerate(sources):
            for column in source.keys:
                name = column.name.casefold()
                if column.texts is not None:
                    self._texts(prose, number, name, column.texts, runs)
                if column.parts:
                    self._by_date(number, name, column.parts, dates)
                if column.kind in ("year", "key") and "month" in column.words:
                    self._by_month(number, name, column.values, dates)
        self._partial(prose)
        self._fixed(prose, runs)
        self.mentions = _longest(self.mentions)[:MOST_MENTIONS]

    def _texts(self, prose: str, number: int, name: str, texts: Any, runs: dict[str, list[Span]]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        lowered = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
        for odd, plain in _DASHES.items():
            lowered = pc.replace_substring(lowered, chr(odd), chr(plain))
        hits = pc.is_in(lowered, value_set=pa.array(list(runs), lowered.type))
        known = set(pc.unique(lowered.filter(hits)).to_pylist()) - {None}
        for key in known:
            exact = pc.filter(texts, pc.equal(lowered, key))[0].as_py().strip()
            rows = None
            for start, end in runs[key]:
                written = prose[start:end]
                if len(key) <= 3 and written.translate(_DASHES) != exact.translate(_DASHES):
                    continue
                if key in _TOO_COMMON and not _set_apart(prose, start, end, written, exact):
                    continue
                if rows is None:
                    rows = pc.fill_null(pc.equal(lowered, key), False).to_numpy(zero_copy_only=False)
                    self._rows[number, name, key] = rows
                self.mentions.append(Mention(start, end, name, key, 0))

    def _by_date(self, number: int, name: str, parts: Any, dates: Sequence[DateToken]) -> None:
        import numpy as np

        year, month, day = parts
        months = not np.isnan(month).all()
        for token in dates:
            if not months:
                continue
            rows = np.zeros(len(year), dtype=bool)
            for m, d in ((token.month, token.day), token.alternative or (None, None)):
                if (m, d) == (None, None) and token.alternative is None and token.quarter is None:
                    continue
                now = np.ones(len(year), dtype=bool)
                if token.year is not None:
                    now &= year == token.year
                if token.quarter is not None:
                    now &= np.ceil(month / 3) == token.quarter
                elif m is not None:
                    now &= month == m
                if d is not None:
                    now &= day == d
                rows |= now
            key = f"{token.year}/{token.quarter}/{token.month}/{token.day}"
            self._rows[number, name, key] = rows
            if rows.any() or token.specific:
                self.mentions.append(Mention(token.start, token.end, name, key, 1))

    def _by_month(self, number: int, name: str, values: Any, dates: Sequence[DateToken]) -> None:
        for token in dates:
            if token.month is not None and token.day is None:
                key = f"{token.year}/{token.quarter}/{token.month}/{token.day}"
                self._rows[number, name, key] = values == token.month
                self.mentions.append(Mention(token.start, token.end, name, key, 1))

    def _partial(self, prose: str) -> None:
        """ "Newark" stands for "Newark Liberty Intl" where no other label has the word."""
        import numpy as np

        for number, source in enumerate(self._sources):
            if source.rows > 200:
                continue
            for column in source.keys:
                if column.texts is None:
                    continue
                owners: dict[str, set[str]] = {}
                for text in {t for t in column.texts.to_pylist() if t}:
                    for word in set(re.findall(r"\w{4,}", text)):
                        owners.setdefault(word, set()).add(text)
                folded = column.name.casefold()
                for m in re.finditer(r"\b[A-Z][\w'’]{3,}", prose):
                    owner = owners.get(m[0])
                    if owner and len(owner) == 1 and stem(m[0]) not in column.words:
                        (text,) = owner
                        key = text.strip().lower()
                        if len(text.split()) < 2:
                            continue
                        rows = np.array([t is not None and t.strip().lower() == key for t in column.texts.to_pylist()])
                        self._rows.setdefault((number, folded, key), rows)
                        self.mentions.append(Mention(m.start(), m.end(), folded, key, 0))

    def _fixed(self, prose: str, runs: dict[str, list[Span]]) -> None:
        for source in self._sources:
            for name, text in source.fixed.items():
                key = text.strip("% ").lower()
                if source.column(name) is None and not text.isdigit() and key not in _TOO_COMMON:
                    self.mentions += [
                        Mention(start, end, name, key, 0)
                        for start, end in runs.get(key, ())
                        if len(key) > 3 or prose[start:end] == text
                    ]

    def add_numbers(self, prose: str, tokens: Sequence[Token]) -> list[Token]:
        """Years and numbers that name rows ("in 2007", "8 cylinders", "class 3") become mentions; the
        tokens that did."""
        used = []
        for token in tokens:
            before = re.findall(
                r"[a-z]+", re.split(r"[:;,.(]", prose[max(0, token.start - 24) : token.start].lower())[-1]
            )[-2:]
            after = re.findall(r"[a-z]+", re.split(r"[:;,.()]", prose[token.end : token.end + 24].lower())[0])[:2]
            named = False
            for number, source in enumerate(self._sources):
                for name, text in source.fixed.items():
                    if token.form == "year" and text == token.text and source.column(name) is None:
                        self.mentions.append(Mention(token.start, token.end, name, text, 2))
                        named = True
                for column in source.keys:
                    near = {stem(w) for w in before + after}
                    if column.parts and token.form == "year":
                        rows, rank = column.parts[0] == token.value, 2
                    elif (column.kind == "year" and token.form == "year") or (
                        column.kind == "key"
                        and column.words & near
                        and (token.form in ("number", "count") and not token.hedge)
                    ):
                        rows, rank = column.values == token.value, 2 if column.kind == "year" else 3
                    else:
                        continue
                    if not rows.any() and token.form != "year":
                        continue
                    key = f"#{token.value:g}"
                    self._rows[number, column.name.casefold(), key] = rows
                    self.mentions.append(Mention(token.start, token.end, column.name.casefold(), key, rank))
                    named = True
            if named:
                used.append(token)
        self.mentions.sort(key=lambda m: m.start)
        return used

    # --- rows ---------------------------------------------------------------------------------------

    def rows(self, number: int, column: str, key: str) -> np.ndarray[Any, Any] | None:
        """Which rows of source ``number`` the label names; ``None`` when that source has no such column."""
        import numpy as np

        found = self._rows.get((number, column, key))
        if found is not None:
            return found
        source = self._sources[number]
        text = source.fixed.get(column)
        if source.column(column) is None:
            if text is None:
                return None
            return np.full(max(source.rows, 1), text.strip("% ").lower() == key or f"#{text}" == key)
        return np.zeros(source.rows, dtype=bool)

    def known(self, column: str, key: str) -> bool:
        """Whether the label names a row of any source."""
        found = (self.rows(number, column, key) for number in range(len(self._sources)))
        return any(rows is not None and bool(rows.any()) for rows in found)

    def within(self, span: Span) -> list[Mention]:
        return [m for m in self.mentions if span[0] <= m.start < span[1]]


def _runs(prose: str) -> dict[str, list[Span]]:
    """Every run of up to ``LONGEST`` words, lower case, with its places."""
    prose = prose.translate(_DASHES)
    places = [(m.start(), m.end()) for m in _WORD.finditer(prose)]
    runs: dict[str, list[Span]] = {}
    for first, (start, _) in enumerate(places):
        for _, end in places[first : first + LONGEST]:
            forms = {prose[start:end], prose[start:end].rstrip(".)]%+'’-"), re.sub(r"['’]s$", "", prose[start:end])}
            for form in forms:
                if form and "\n" not in form:
                    runs.setdefault(form.lower(), []).append((start, start + len(form)))
        word = prose[start : places[first][1]]
        for part in re.finditer(r"[^\W_]{3,}", word) if "-" in word else ():
            runs.setdefault(part[0].lower(), []).append((start + part.start(), start + part.end()))
        if label := LABELS.get(word.lower()):
            runs.setdefault(label, []).append((start, start + len(word)))
        if len(word) > 3 and word.lower().endswith("s"):
            runs.setdefault(word[:-1].lower(), []).append((start, start + len(word)))
        if len(word) > 4 and word.lower().endswith("ies"):
            runs.setdefault(word[:-3].lower() + "y", []).append((start, start + len(word)))
    for m in _RANGE.finditer(prose):
        runs.setdefault(f"{m[1]}-{m[2]}", []).append((m.start(1), m.end(2)))
    return runs


def _set_apart(prose: str, start: int, end: int, written: str, exact: str) -> bool:
    """Whether a label that is also an everyday word is meant: quoted, bold, or after a noun ("class A")."""
    around = prose[max(0, start - 1) : start], prose[end : end + 1]
    if around[0] and around[0] in "\"'“‘*`(" and around[1] and around[1] in "\"'”’*`)":
        return True
    if len(written) == 1 and written == exact and re.match(r" ?[(:;,)]| has\b", prose[end:]):
        return prose[:start].strip() != ""
    return written == exact and written.isupper() and len(written) > 1 and prose[:start].strip() != ""


def _longest(mentions: list[Mention]) -> list[Mention]:
    """Without those that lie inside a longer one of the same or another column."""
    kept: list[Mention] = []
    dated = {(m.start, m.column) for m in mentions if m.rank == 1}
    mentions = [m for m in mentions if m.rank != 0 or (m.start, m.column) not in dated]
    for mention in sorted(set(mentions), key=lambda m: (m.start, -m.end, m.column)):
        if not any(
            k.start <= mention.start and mention.end <= k.end and (k.end - k.start) > (mention.end - mention.start)
            for k in kept
        ):
            kept.append(mention)
    return kept
