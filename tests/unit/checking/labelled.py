"""The labelled sentences: how they are read, and how a check is scored against them.

``[right]`` must be recognised (found, derived or given); of the ``{wrong}`` of a sentence at least one must be marked
*not found*; any other mark *not found* is a false alarm.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from csvanalyst_ext.checking import CheckedNumber, Result, check

HERE = Path(__file__).parent
_MARKUP = re.compile(r"\[(?P<right>[^\]]+)\]|\{(?P<wrong>[^}]+)\}")


@dataclass(frozen=True)
class Sentence:
    table: str
    question: str
    results: tuple[Result, ...]
    text: str
    right: tuple[tuple[int, int], ...]
    wrong: tuple[tuple[int, int], ...]


@dataclass
class Score:
    sentences: int = 0
    right: int = 0
    recognised: int = 0
    planted: int = 0
    flagged: int = 0
    alarms: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.recognised / self.right

    @property
    def caught(self) -> float:
        return self.flagged / self.planted


def load(name: str) -> Iterator[Sentence]:
    tables = tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))
    for title, given in tables.items():
        results = tuple(
            Result(f"r{number}", pa.table(one["columns"]), one.get("code", ""))
            for number, one in enumerate(given.get("results", [given]), 1)
        )
        for marked in given["sentences"]:
            yield _sentence(title, given["question"], results, marked)


def _sentence(title: str, question: str, results: tuple[Result, ...], marked: str) -> Sentence:
    text, at = "", 0
    spans: dict[str, list[tuple[int, int]]] = {"right": [], "wrong": []}
    for m in _MARKUP.finditer(marked):
        text += marked[at : m.start()]
        kind = m.lastgroup or ""
        spans[kind].append((len(text), len(text) + len(m[kind])))
        text, at = text + m[kind], m.end()
    return Sentence(title, question, results, text + marked[at:], tuple(spans["right"]), tuple(spans["wrong"]))


def marks(sentence: Sentence) -> tuple[CheckedNumber, ...]:
    codes = [result.code for result in sentence.results]
    return check(sentence.text, sentence.question, sentence.results, codes)


def score(name: str) -> Score:
    total = Score()
    for sentence in load(name):
        found = marks(sentence)
        good = [m.span for m in found if m.status != "not found"]
        bad = [m.span for m in found if m.status == "not found"]
        total.sentences += 1
        total.right += len(sentence.right)
        missed = [
            span
            for span in sentence.right
            if not any(_meets(span, s) for s in good) or any(_meets(span, s) for s in bad)
        ]
        total.recognised += len(sentence.right) - len(missed)
        alarms = [s for s in bad if not any(_meets(s, w) for w in sentence.wrong)]
        total.alarms += len(alarms)
        caught = any(_meets(w, s) for w in sentence.wrong for s in bad)
        total.planted += bool(sentence.wrong)
        total.flagged += bool(sentence.wrong) and caught
        wrongs = [(sentence.text[a:b]) for a, b in missed]
        if missed or alarms or (sentence.wrong and not caught):
            what = [f"missed {wrongs}"] if missed else []
            what += [f"alarm {[sentence.text[a:b] for a, b in alarms]}"] if alarms else []
            what += (
                [f"passed {[sentence.text[a:b] for a, b in sentence.wrong]}"] if sentence.wrong and not caught else []
            )
            total.failures.append(f"{sentence.table}: {sentence.text!r}: {'; '.join(what)}")
    return total


def _meets(one: tuple[int, int], two: tuple[int, int]) -> bool:
    return one[0] < two[1] and two[0] < one[1]


def table(scores: dict[str, Score]) -> str:
    lines = [
        "| set | sentences | true figures recognised | planted errors flagged | false alarms |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, s in scores.items():
        lines.append(
            f"| {name} | {s.sentences} | {s.recognised} of {s.right} ({s.recall:.1%}) | "
            f"{s.flagged} of {s.planted} ({s.caught:.1%}) | {s.alarms} |"
        )
    return "\n".join(lines)


# --- errors by rule -------------------------------------------------------------------------------


def mutated(name: str) -> Iterator[tuple[str, Sentence]]:
    """Each figure in digits of the sentences without errors, wrong in one way at a time: two digits swapped, the first
    digit changed, ten times as large."""
    for sentence in load(name):
        if sentence.wrong:
            continue
        for start, end in sentence.right:
            figure = sentence.text[start:end]
            for kind, wrong in _mutations(figure):
                text = sentence.text[:start] + wrong + sentence.text[end:]
                yield (
                    kind,
                    Sentence(
                        sentence.table, sentence.question, sentence.results, text, (), ((start, start + len(wrong)),)
                    ),
                )


def _mutations(figure: str) -> Iterator[tuple[str, str]]:
    digits = [m.start() for m in re.finditer(r"\d", figure)]
    if len(digits) < 2 or re.search(r"[A-Za-z]{3}|-|Q", figure):
        return
    for a, b in itertools.pairwise(digits):
        if figure[a] != figure[b] and not (a == digits[0] and figure[b] == "0"):
            yield "digits swapped", figure[:a] + figure[b] + figure[a + 1 : b] + figure[a] + figure[b + 1 :]
            break
    first = digits[0]
    yield "digit changed", figure[:first] + str((int(figure[first]) + 2) % 9 + 1) + figure[first + 1 :]
    if "." in figure and "," not in figure:
        point = figure.index(".")
        yield "ten times", figure[:point] + figure[point + 1] + "." + (figure[point + 2 :] or "0")


def caught(name: str) -> dict[str, tuple[int, int, list[str]]]:
    """For each kind of mutation how many were flagged, of how many, and the others."""
    out: dict[str, tuple[int, int, list[str]]] = {}
    for kind, sentence in mutated(name):
        ((start, end),) = sentence.wrong
        hit = any(m.status == "not found" and _meets(m.span, (start, end)) for m in marks(sentence))
        flagged, total, passed = out.get(kind, (0, 0, []))
        out[kind] = (
            flagged + hit,
            total + 1,
            passed if hit else [*passed, f"{sentence.text[start:end]} in {sentence.text!r}"],
        )
    return out
