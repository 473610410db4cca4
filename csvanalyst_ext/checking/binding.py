"""Which number of a sentence goes with which of its labels.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .mentions import Mention, Span
from .tokens import Token

_ITS: Final = re.compile(r"(?i)\s*(?:its|their|his|her|it|they)\b")
_JOINS: Final = re.compile(
    r"(?i)^[^.,;()\d]{0,30}?\b(?:for|in|at|from|by|to|on|of|among|each|left|were|was|are|is|being)\s+(?:the\s+)?[*\"'“(]*$"
)
_ATTACHES: Final = re.compile(r"\W{0,3}(?:\s?(?:has|had|is|was|with|at|of|recorded)\s)?\W{0,4}")
"""What may stand between a label and the number right after it."""
_OF_THEM: Final = re.compile(
    r"(?i)[,;:(–—-]\s*(?:of (?:them|these|those|which)\b|[\w.,%]+ of (?:them|these|those|which)\b)"
)
"""Where a part of what was counted before begins: its labels are not those of the whole."""
_COPULA: Final = re.compile(r"(?i)[*_]*\s(?:are|were|is|was)\b")
_AT_ONCE: Final = re.compile(r"[*_]*['’]?s?[*_]*\s*[(\[:]\s*[*_$€£¥~]*")
_BY: Final = re.compile(r"[*_]*\s+(?:by|with|at|had|has)\s+[*_$€£¥~]*")
_SHIFTED: Final = re.compile(
    r"(?i)\b(?:(?:a|one|the|two|three) (?:year|quarter|month|week|day)s? (?:later|earlier|before|after|on)"
    r"|(?:following|previous|next|preceding) (?:year|quarter|month|week|day))\b"
)
"""A time that is told from another one."""


def bound(
    prose: str, token: Token, tokens: Sequence[Token], here: Sequence[Mention], clause: Span, sentence: Span
) -> dict[str, list[str]]:
    """For each key column the labels that the number may belong to; without entry where it is free."""
    out: dict[str, list[str]] = {}
    part = _OF_THEM.search(prose, token.end, sentence[1])
    if part is not None:
        here = [m for m in here if m.start < part.start()]
    direct = next((m for m in here if m.start >= token.end and not prose[token.end : m.start].strip(" *_")), None)
    if direct is not None and _COPULA.match(prose, direct.end):  # "of the 5,000 nurses are women"
        here = [m for m in here if m.end <= direct.end or m.column == direct.column]
    shifted = _SHIFTED.search(prose, *clause) is not None
    for column in dict.fromkeys(m.column for m in here):
        mine = [m for m in here if m.column == column and not (m.start <= token.start < m.end)]
        if shifted and mine and mine[0].rank in (1, 2) and not any(clause[0] <= m.start < clause[1] for m in mine):
            continue
        if mine:
            out[column] = _pick(prose, token, tokens, mine, clause, sentence)
    return out


def _pick(
    prose: str, token: Token, tokens: Sequence[Token], mine: Sequence[Mention], clause: Span, sentence: Span
) -> list[str]:
    keys = list(dict.fromkeys(m.key for m in mine))
    if len(keys) == 1:
        return keys
    inside = [m for m in mine if clause[0] <= m.start < clause[1]]
    last = max((m for m in mine if m.end <= token.start), key=lambda m: m.end, default=None)
    if last is not None and _AT_ONCE.fullmatch(prose, last.end, token.start):
        return [last.key]  # "ahead of the East (24,125)"
    if last is not None and _BY.fullmatch(prose, last.end, token.start):
        earlier = max((m.end for m in mine if m.end <= last.start), default=None)
        if earlier is None or any(earlier <= t.start < last.start for t in tokens):  # no list of labels
            return [last.key]
    if not inside:
        before = [m for m in mine if m.start < token.start]
        if before and _ITS.match(prose[clause[0] : token.start]):
            return [before[0].key]  # of the subject of the sentence
        return [before[-1].key] if before else [mine[0].key]
    numbers = [t for t in tokens if clause[0] <= t.start < clause[1]]
    if len({m.key for m in inside}) == 1:
        between = any(token.end <= t.start < inside[0].start for t in numbers)  # it is of the number there
        return [last.key if between and last is not None else inside[0].key]
    listed = _in_order(prose, token, numbers, inside) or _in_order(
        prose, token, [t for t in tokens if sentence[0] <= t.start < sentence[1]], mine
    )
    if listed:
        return [listed]
    following = next((m for m in inside if m.start >= token.end), None)
    preceding = [m for m in inside if m.end <= token.start]
    if following is not None and _JOINS.match(prose[token.end : following.start]):
        lead = prose[preceding[-1].end : token.start] if preceding else ""
        tight = bool(preceding and _ATTACHES.fullmatch(lead))
        return [following.key, preceding[-1].key] if tight else [following.key]
    if not preceding:
        return [following.key] if following is not None else keys
    first_number = min((t.start for t in numbers), default=token.start)
    if inside[0].start > first_number and following is not None:
        return [following.key]
    # The run of labels right before it: nothing but other labels in between.
    run = [preceding[-1].key]
    for m in reversed(preceding[:-1]):
        if any(m.end <= t.start < preceding[-1].start for t in numbers if t is not token):
            break
        run.append(m.key)
    return run


def _in_order(prose: str, token: Token, numbers: Sequence[Token], labels: Sequence[Mention]) -> str:
    """ "A, B and C had 1, 2 and 3": the label at the number's place in such a pair of lists; else nothing."""
    numbers = [t for t in numbers if t.form != "year" and not any(m.start <= t.start < m.end for m in labels)]
    if len(numbers) != len(labels) or len(numbers) < 2 or token not in numbers:
        return ""
    if labels[-1].end <= numbers[0].start or numbers[-1].end <= labels[0].start:
        return labels[list(numbers).index(token)].key
    return ""
