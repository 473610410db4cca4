"""Results as a check reads them: numeric columns as arrays, the texts and dates that name rows.

Runs on the host; pure.  It reads Arrow tables that the boundary has validated, at most ``MAX_ROWS`` rows
and ``MAX_COLUMNS`` columns of each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from . import lexicon as lex

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 60
_PART: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|%|[^\W\d_]+")
_YEARISH: Final = re.compile(r"(?i)year|yr|jahr|annee|decade|season")
_SCALED_MONEY: Final = re.compile(r"(?i)(?<![^\W_])(k|m|mn|bn)(usd|eur|gbp|chf|jpy)(?![^\W_])")
_CONDITIONS: Final = re.compile(
    r"""(?ix)"?(?P<name>\w+)"?\s*(?:=|==|\bLIKE\b|\bILIKE\b|\bIN\s*\()\s*(?:'(?P<text>[^']{1,80})'|(?P<number>\d{4})\b)"""
)


@dataclass(frozen=True, slots=True)
class Result:
    """Something that a number may come from.  ``code`` is what gave it; ``total`` the rows before any cut.

    ``facts`` are numbers about it that are not cells, such as its number of rows, by what they say.
    """

    name: str
    table: pa.Table | None = None
    code: str = ""
    total: int | None = None
    truncated: bool = False
    facts: Mapping[str, float] = field(default_factory=dict)
    dates: Sequence[str] = ()
    about: bool = False  # it describes data sets: nothing is ranked by it
    printed: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a result.  ``values`` are floats with NaN for NULL (numbers only), ``texts`` an Arrow array.

    ``kind``: ``number``, ``year``, ``key`` (numbers that name rows), ``text``, ``date`` or ``other``.
    """

    name: str
    kind: str
    words: frozenset[str]
    unit: str = ""
    values: np.ndarray[Any, Any] | None = None
    texts: pa.Array | None = None
    parts: tuple[np.ndarray[Any, Any], ...] = ()  # year, month, day of a date column
    scale: float = 1.0  # of "population_millions": ``values`` are in ones

    @cached_property
    def known(self) -> np.ndarray[Any, Any]:
        """The numbers that are there."""
        import numpy as np

        values = np.array([]) if self.values is None else self.values
        return np.asarray(values[~np.isnan(values)])

    @cached_property
    def ordered(self) -> np.ndarray[Any, Any]:
        """The numbers, highest first."""
        import numpy as np

        return np.asarray(np.sort(self.known)[::-1])

    @cached_property
    def total(self) -> float:
        return float(self.known.sum())

    @cached_property
    def mean(self) -> float:
        return float(self.known.mean()) if self.known.size else float("nan")

    @cached_property
    def fraction(self) -> bool:
        """Whether all numbers lie between -1 and 1."""
        return bool(self.known.size and abs(self.known).max() <= 1.0)

    @cached_property
    def moments(self) -> np.ndarray[Any, Any]:
        """Numbers in the order of time, or the numbers themselves."""
        import numpy as np

        if self.parts:
            return np.asarray(self.parts[0] * 372 + np.nan_to_num(self.parts[1]) * 31 + np.nan_to_num(self.parts[2]))
        return np.array([]) if self.values is None else self.values

    @cached_property
    def codes(self) -> np.ndarray[Any, Any]:
        """A whole number for each row, the same for the same label; -1 for NULL."""
        import numpy as np

        if self.texts is not None:
            indices = self.texts.dictionary_encode().indices.fill_null(-1)
            return np.asarray(indices.to_numpy(zero_copy_only=False))
        values = self.moments
        return np.where(np.isnan(values), -1, np.unique(values, return_inverse=True)[1])

    @cached_property
    def distinct(self) -> int:
        import numpy as np

        return int(np.unique(self.codes[self.codes >= 0]).size)


@dataclass(frozen=True, slots=True)
class Source:
    """A result made ready."""

    result: Result
    columns: tuple[Column, ...]
    rows: int
    fixed: Mapping[str, str]
    """Conditions ``column = 'text'`` of the code: they name all rows."""

    @property
    def measures(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if c.kind == "number")

    @property
    def keys(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if c.kind in ("text", "date", "year", "key"))

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name.casefold() == name), None)


def words(name: str) -> frozenset[str]:
    """The words of a column's name in their usual form: ``avgDepDelay`` → average, departure, delay."""
    found = []
    for part in _PART.findall(_spelt(name)):
        word = part.lower()
        found.append(lex.SYNONYMS.get(word) or stem(word))
    return frozenset(
        word for word in found if word not in lex.SCALES and word not in ("of", "the", "in", "by", "per", "star", "and")
    )


def averaged(name: str) -> bool:
    """Whether the name says that the column's sum means nothing: an average, an extreme, a share, a rate."""
    return bool(words(name) & (lex.AVERAGED | lex.PERCENTISH))


def stem(word: str) -> str:
    """Singular, roughly."""
    word = word.lower()
    if word in lex.SYNONYMS:
        return lex.SYNONYMS[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if word in lex.SYNONYMS:
        return lex.SYNONYMS[word]
    for ending, least in (("ing", 3), ("ed", 3), ("er", 5)):
        if len(word) >= len(ending) + least and word.endswith(ending):
            return word[: -len(ending)]
    return word


def prepare(result: Result) -> Source:
    fixed = {m["name"].casefold(): (m["text"] or m["number"]) for m in _CONDITIONS.finditer(result.code[:20_000])}
    if result.table is None:
        return Source(result, (), 0, fixed)
    table = result.table.slice(0, MAX_ROWS)
    count = min(table.num_columns, MAX_COLUMNS)
    columns: list[Column] = []
    for index in range(count):
        columns.append(_column(table.column_names[index], table.column(index)))
    return Source(result, tuple(_with_keys(columns, table.num_rows)), table.num_rows, fixed)


def _column(name: str, data: pa.ChunkedArray) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, named = data.type, words(name)
    unit = next((w for w in _units(name) if w in lex.UNITS), "")
    t = pa.types
    if t.is_dictionary(kind):
        data, kind = data.cast(kind.value_type), kind.value_type
    if t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind):
        values = _floats(data)
        year = t.is_integer(kind) and _is_year(name, values)
        scale = _scale(name)
        return Column(name, "year" if year else "number", named, unit, values * scale, scale=scale)
    if t.is_date(kind) or t.is_timestamp(kind):
        parts = tuple(_floats(part(data)) for part in (pc.year, pc.month, pc.day))
        return Column(name, "date", named, unit, parts=parts)
    if t.is_duration(kind):
        seconds = _floats(pc.cast(data, pa.int64())) / {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        return Column(name, "number", named, "second", seconds)
    if t.is_time(kind):
        clock = pc.utf8_slice_codeunits(pc.cast(data, pa.string()), 0, 5)
        return Column(name, "text", named, unit, texts=_whole(clock))
    if t.is_string(kind) or t.is_large_string(kind):
        texts = _whole(data)
        return Column(name, "text", named, unit, texts=texts, parts=_text_dates(texts))
    return Column(name, "other", named)


def _whole(data: pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    import pyarrow as pa

    joined = data.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _scale(name: str) -> float:
    parts = [part.lower() for part in re.findall(r"[^\W_]+", _spelt(name))]
    written = [part for part in parts[1:] if len(part) > 2 or part in ("bn", "mn", "k")]
    return next((lex.SCALES[part] for part in written if part in lex.SCALES), 1.0)


def _floats(data: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(data.type):
        return np.full(len(data), np.nan)
    values = np.asarray(pc.cast(data, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=float)
    return np.where(np.isinf(values), np.nan, values)


def _is_year(name: str, values: np.ndarray[Any, Any]) -> bool:
    import numpy as np

    known = values[~np.isnan(values)]
    if not known.size or known.min() < 1500 or known.max() > 2200:
        return False
    return bool(_YEARISH.search(name)) or (known.size > 2 and bool(np.all(np.diff(known) == 1)))


_TEXT_DATE: Final = re.compile(r"(?P<y>\d{4})(?:[- ]?Q(?P<q>[1-4])|-(?P<m>\d{2})(?:-(?P<d>\d{2}))?(?:[T ].*)?)?")


def _text_dates(texts: pa.Array) -> tuple[np.ndarray[Any, Any], ...]:
    """Year, month and day where a text column holds nothing but ISO dates."""
    import numpy as np

    sample = [text for text in texts.slice(0, 5).to_pylist() if text is not None]
    if not sample or not all(_TEXT_DATE.fullmatch(text) for text in sample):
        return ()
    rows = [_TEXT_DATE.fullmatch(text or "") for text in texts.to_pylist()]
    years, months, days = (np.array([float(m[p]) if m and m[p] else np.nan for m in rows]) for p in "ymd")
    quarters = np.array([float(m["q"]) * 3 - 2 if m and m["q"] else np.nan for m in rows])
    return years, np.where(np.isnan(months), quarters, months), days


def _with_keys(columns: Sequence[Column], rows: int) -> Sequence[Column]:
    """Integer columns that name rows (8 cylinders, class 3) are keys: they come first and are whole and
    different, alone or together."""
    import numpy as np

    if rows < 2:
        return columns
    out, leading = [], True
    for index, column in enumerate(columns):
        values = column.values
        if column.kind != "number" or values is None:
            leading = leading and column.kind != "other"
            out.append(column)
            continue
        whole = not np.isnan(values).any() and bool(np.all(values == np.floor(values)))
        later = any(c.kind == "number" for c in columns[index + 1 :])
        small = bool(whole and values.min() >= 0 and values.max() < 1000)
        repeats = np.unique(values).size < rows
        named = column.words & lex.AGGREGATES
        others = any(c.kind in ("text", "date", "year", "key") for c in out)
        ordered = not repeats and bool(np.all(np.diff(values) > 0))
        if leading and later and whole and small and not named and (not others or repeats or ordered):
            out.append(Column(column.name, "key", column.words, column.unit, values))
        else:
            leading = False
            out.append(column)
    return out


def _spelt(name: str) -> str:
    """``gross_musd`` and ``price_keur`` with their scale and unit apart."""
    return _SCALED_MONEY.sub(lambda m: f"{m[1]}{'n' if m[1].lower() == 'm' else ''}_{m[2]}", name)


def _units(name: str) -> list[str]:
    name = _spelt(name)
    parts = [part.lower() for part in re.findall(r"[^\W_]+|[$€£¥]|°[cfCF]", name)]
    found = []
    for position, part in enumerate(parts):
        if part == "min" and (position == 0 or len(parts) == 1):
            continue  # the minimum
        single = part[:-1] if part.endswith("s") and part not in lex.UNITS else part
        if len(part) > 1 or part in "$€£¥" or (part in "gmhs" and position == len(parts) - 1 > 0):
            found.append(single)
    return found[::-1]
