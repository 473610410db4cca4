"""What all checks of one prose share: its sentences, numbers and labels, and the results.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex
from .binding import bound
from .comparing import claimed, noun_end, rival, scaled, stems
from .dating import DateToken
from .listing import backwards, extreme, heading, listing, partner
from .marks import Status, Where
from .mentions import Labels, Mention, Span, clauses, sentences
from .periods import year_meant, year_of
from .results import Column, Source, stem
from .tokens import Token

if TYPE_CHECKING:
    import numpy as np


_MARGIN: Final = re.compile(
    r"(?i)[\s*_]*(?:[\w%]+\s+)?(under(?! the age)|over|short|above|below|ahead|behind|clear|shy|apart|adrift)\b"
    r"(?=\s*(?:[.,;)]|$|of\b|the\b|its\b|their\b|budget\b|plan\b|target\b|[A-Z]))"
)


_JOINED: Final = re.compile(r"(?i)(?:[\s,;/&*_()-]|\b(?:and|or|then|plus|the|its|their|of|in)\b)+")
"""What stands between columns that are named one after the other."""


@dataclass(frozen=True, slots=True)
class Hit:
    """How a number was confirmed.  ``value`` is the unrounded value, in the unit that was written."""

    status: Status
    where: Where | None = None
    how: str = ""
    value: float | None = None


class Context:
    """Prose against results.  ``question`` and ``codes`` are what may be repeated."""

    def __init__(
        self,
        prose: str,
        question: str,
        sources: Sequence[Source],
        tokens: Sequence[Token],
        dates: Sequence[DateToken],
        codes: Sequence[str],
    ) -> None:
        self.prose, self.question, self.codes = prose, question, codes
        self.sources, self.tokens, self.dates = sources, tokens, dates
        self.sentences = sentences(prose)
        self.labels = Labels(prose, sources, dates)
        self.keys = set(self.labels.add_numbers(prose, tokens))
        self.stated: dict[Token, Hit] = {}
        self._sentences: dict[int, Span] = {}
        self._clauses: dict[int, Span] = {}
        self._windows: dict[int, tuple[str, str]] = {}
        self._directions: dict[int, tuple[bool, bool]] = {}
        self._bound: dict[int, dict[str, list[str]]] = {}
        self._columns: dict[tuple[int, int], list[Column]] = {}

    # --- the words around -----------------------------------------------------------------------

    def sentence(self, at: int) -> Span:
        if at not in self._sentences:
            self._sentences[at] = next(((a, b) for a, b in self.sentences if a <= at < b), (0, len(self.prose)))
        return self._sentences[at]

    def clause(self, at: int) -> Span:
        if at not in self._clauses:
            sentence = self.sentence(at)
            self._clauses[at] = next(((a, b) for a, b in clauses(self.prose, sentence) if a <= at < b), sentence)
        return self._clauses[at]

    def words(self, span: Span) -> list[str]:
        return re.findall(r"[^\W\d_]+|%", self.prose[span[0] : span[1]].lower())

    def window(self, token: Token) -> tuple[str, str]:
        """The words before a number, after what the number before it counts, and the words that follow it."""
        if token.start not in self._windows:
            self._windows[token.start] = self._window(token)
        return self._windows[token.start]

    def _window(self, token: Token) -> tuple[str, str]:
        head = heading(self.prose, token.start)
        if head is not None:
            return head, ""
        end = self.sentence(token.start)[1]
        stop = min((t.start for t in self.tokens if token.end <= t.start < end), default=end)
        before = self._without_kinds(self._opening(token), token.start)
        return before, self.prose[token.end : noun_end(self.prose, token, stop)]

    def _opening(self, token: Token) -> int:
        """Where the words before a number begin: after what the number before it counts."""
        start = self.sentence(token.start)[0]
        earlier = [t for t in self.tokens if start <= t.start < token.start and t not in self.keys]
        return min(token.start, noun_end(self.prose, earlier[-1], token.start)) if earlier else start

    def _without_kinds(self, start: int, end: int) -> str:
        """The prose without the noun right after a label, which says what the label is: "horror films"."""
        text, shift = self.prose[start:end], 0
        for mention in self.labels.within((start, end)):
            if mention.rank == 0 and (noun := re.match(r" [a-z]+", self.prose[mention.end : end])):
                at = mention.end - start - shift
                text = text[:at] + text[at + noun.end() :]
                shift += noun.end()
        return text

    def tail(self, token: Token) -> str:
        """The rest of the clause, up to the next number that is not a bound."""
        end = self.clause(token.start)[1]
        later = [t.start for t in self.tokens if token.end <= t.start < end and not t.hedge]
        return self.prose[token.end : min([end, *later])]

    def direction(self, token: Token) -> tuple[bool, bool]:
        """Whether the words near a number say down, and whether they say up."""
        if token.start not in self._directions:
            self._directions[token.start] = self._direction(token)
        return self._directions[token.start]

    def _direction(self, token: Token) -> tuple[bool, bool]:
        start, end = self.clause(token.start)
        near = self.words((max(start, self._opening(token), token.start - 70), token.start))
        tail = re.split(r"[.;,()]|\band\b", self.prose[token.end : min(end, token.end + 30)])[0].lower()
        near += re.findall(r"[a-z]+", tail)[:4]
        hedges = ("than", "at", "to")
        if token.hedge and near and token.before in hedges:
            near = near[:-2]
        elif token.hedge:
            near = [w for w in near if w not in ("over", "above", "below", "under", "up", "less", "more")]
        return bool(set(near) & lex.DOWN), bool(set(near) & lex.UP)

    # --- rows and columns -------------------------------------------------------------------------

    def here(self, token: Token) -> list[Mention]:
        return [m for m in self.labels.within(self.sentence(token.start)) if not m.start <= token.start < m.end]

    def bound(self, token: Token) -> dict[str, list[str]]:
        at = token.start
        if at in self._bound:
            return self._bound[at]
        others = [t for t in self.tokens if t not in self.keys and t.form != "year"]
        here = [m for m in self.here(token) if self.labels.known(m.column, m.key)]
        self._bound[at] = bound(self.prose, token, others, here, self.clause(at), self.sentence(at))
        if head := (heading(self.prose, at) or "").casefold():
            for m in self.labels.mentions:
                if self.prose[m.start : m.end].casefold() == head and m.column not in self._bound[at]:
                    self._bound[at][m.column] = [m.key]
        near = [t for t in others if self.sentence(t.start) == self.sentence(at)]
        for column in self._bound[at]:
            if key := partner(self.prose, token, near, [m for m in here if m.column == column]):
                self._bound[at][column] = [key]
        return self._bound[at]

    def mask(self, number: int, binding: dict[str, list[str]]) -> tuple[np.ndarray[Any, Any], bool]:
        """The rows of source ``number`` that ``binding`` names, and whether it names any of its columns."""
        import numpy as np

        source = self.sources[number]
        mask, tied = np.ones(source.rows, dtype=bool), False
        # One row may be meant by any of its labels; a label that is in a fixed condition binds as well.
        for column, keys in binding.items():
            rows = [self.labels.rows(number, column, key) for key in keys]
            known = [row for row in rows if row is not None]
            if not known:
                continue
            tied = True
            either = np.zeros(source.rows, dtype=bool)
            for row in known:
                either |= row[: source.rows] if row.size >= source.rows else bool(row.any())
            mask &= either
        return mask, tied

    def columns(self, token: Token, source: Source) -> list[Column]:
        """The numeric columns that the words around the number allow."""
        place = token.start, id(source)
        if place not in self._columns:
            self._columns[place] = self._allowed(token, source)
        return self._columns[place]

    def _allowed(self, token: Token, source: Source) -> list[Column]:
        before, after = self.window(token)
        measures = [c for c in source.columns if c.values is not None]
        numeric = [c for c in measures if c.kind == "number"]
        if token.form in ("percent", "fraction"):
            numeric = [c for c in numeric if next(scaled(token, c, self.question), None) is not None] or numeric
        named = claimed(before, after, numeric, token.unit)
        if (listed := self._listed(token, numeric)) is not None:
            return [listed]
        if (meant := self._meant(token, numeric)) is not None:
            named = meant
        if named is not None:
            tail = set(stems(self.tail(token)))
            named |= {c.name for c in numeric if (own := content(c)) and own <= tail}
        allowed = [c for c in measures if named is None or c.name in named or c.kind != "number"]
        if named is not None:
            allowed = [c for c in allowed if c.kind == "number"]
        allowed = [c for c in allowed if not rival(before, c, measures)]
        dated = {year_of(c) for c in allowed} - {None}
        if len(dated) > 1:
            span = self.sentence(token.start)
            head = heading(self.prose, token.start)
            sentence = self.prose[slice(*span)] if head is None else head
            year = year_meant(sentence, token.before, self.prose[token.end : span[1]] if head is None else "")
            if year in dated:
                allowed = [c for c in allowed if year_of(c) in (None, year)]
        return allowed

    def _meant(self, token: Token, columns: Sequence[Column]) -> set[str] | None:
        """The columns that an adjective is said of ("as long as", "2 kg heavier"), or of which a share is ("of the
        revenue")."""
        after = self.prose[token.end : token.end + 60]
        if token.form in ("percent", "fraction"):
            m = re.match(r"(?i)[\s*_]*of (?:the |its |their |all |total |overall |whole )*([^.,;:()\d]{2,40})", after)
            said = set(stems(m[1])) if m else set()
            named = {c.name for c in columns if (own := content(c)) and own <= said}
            return named or None
        m = re.match(r"(?i)[\s*_]*(?:as (\w+)|(\w{3,}?r)) (?:as|than)\b", after)
        if m is None:
            return None
        words = lex.ADJECTIVES.get(positive(m[1] or m[2]), frozenset())
        return {c.name for c in columns if c.words & words or (c.unit and stem(c.unit) in words)} or None

    def _listed(self, token: Token, columns: Sequence[Column]) -> Column | None:
        """The column at the number's place where columns are named one after the other and as many numbers follow:
        "wheat, maize and barley came to 5, 3 and 1"."""
        run = listing(self.prose, token, self._near(token))
        if len(run) < 2:
            return None
        start = self.sentence(token.start)[0]
        names: list[Column] = []
        end = start
        for m in re.finditer(r"[^\W\d_]+", self.prose[start : run[0].start]):
            found = [c for c in columns if stem(m[0]) in content(c)]
            if len(found) != 1:
                continue
            if found[0] not in names:
                if names and not _JOINED.fullmatch(self.prose, end, start + m.start()):
                    return None
                names.append(found[0])
            end = start + m.end()
        return names[run.index(token)] if len(names) == len(run) else None

    def margin(self, token: Token) -> str:
        """The word that makes the number a distance: "5 under", "four clear of"."""
        found = _MARGIN.match(self.prose[token.end : token.end + 40])
        return found[1].lower() if found else ""

    def extreme(self, token: Token) -> str:
        """``low`` or ``high`` where the number is said to be an end of a range of values."""
        return extreme(self.prose, token, self._near(token))

    def backwards(self, token: Token) -> bool:
        """Whether the words say the other direction than two numbers: "rose from 9 to 5"."""
        return backwards(self.prose, token, self._near(token), self.clause(token.start)[0])

    def _near(self, token: Token) -> list[Token]:
        span = self.sentence(token.start)
        return [t for t in self.tokens if span[0] <= t.start < span[1] and t.form != "year" and t not in self.keys]

    def counts(self, token: Token) -> bool:
        """Whether the number says how many, and is no value: "four of the five shops", "two of them had over 10"."""
        if token.form not in ("number", "count") or not token.whole or token.unit or token.sign:
            return False
        after = self.prose[token.end : token.end + 40]
        if re.match(r"(?i)[\s*_]*(?:\w+ )?(?:out )?of (?:the|these|those|all|its|our|them|which|whom)\b", after):
            return token.value <= max((s.rows for s in self.sources), default=0)
        if token.form != "count" or self.noun(token) & self.measured:
            return False
        end = self.clause(token.start)[1]
        return any(t.hedge in ("above", "below") and token.end <= t.start < end for t in self.tokens)

    @cached_property
    def measured(self) -> frozenset[str]:
        """The words of all columns of numbers."""
        return frozenset(word for s in self.sources for c in s.measures for word in c.words - lex.AGGREGATES)

    def noun(self, token: Token) -> set[str]:
        """The words, in their usual form, of what a number counts."""
        return set(stems(self.window(token)[1]))


def content(column: Column) -> frozenset[str]:
    """The words of a column's name that say what it measures."""
    return column.words - lex.AGGREGATES - {stem(column.unit)}


def positive(compared: str) -> str:
    """ "heavier" → heavy, "hottest" → hot; other words as they are."""
    word = compared.lower()
    for ending, instead in (("iest", "y"), ("est", ""), ("ier", "y"), ("er", "")):
        if word.endswith(ending):
            bare = word[: -len(ending)] + instead
            doubled = bare[:-1] if bare[-1:] == bare[-2:-1] else bare
            return next((w for w in (bare, doubled) if w in lex.ADJECTIVES), word)
    return word
