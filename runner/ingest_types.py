"""Types for columns of texts: a guess from a sample, and SQL that proves or refutes it.

Runs in the sandbox, in the ingest worker.  The engine's own casts lose things (``007`` becomes 7,
``1.5`` becomes 2, a time is cut off a date), so a type holds only when every text fits it exactly.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .ingest_nulls import NA_WORDS, is_na

BOOL_TRUE: Final = ("true", "True", "TRUE")
BOOL_FALSE: Final = ("false", "False", "FALSE")
_INT: Final = re.compile(r"0|-?[1-9]\d*")
_FLOAT_PATTERN: Final = (  # a plus sign only before a fraction: +491234 is a telephone number
    r"-?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?|\+(0|[1-9]\d*)?\.\d+([eE][+-]?\d+)?|[+-]?([iI]nf|[iI]nfinity)"
)
_FLOAT: Final = re.compile(_FLOAT_PATTERN)
_COMMA_PATTERN: Final = r"-?(0|[1-9]\d*)(,\d+)?"
_COMMA: Final = re.compile(_COMMA_PATTERN)
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?")
_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_LONG: Final = "january|february|march|april|june|july|august|september|october|november|december"
_SHAPES: Final = (
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}"), "%Y-%m-%d"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), "%Y/%m/%d"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), "%d.%m.%Y"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), "?/"),
    (re.compile(r"\d{1,2}-\d{1,2}-\d{4}"), "?-"),
    (re.compile(rf"\d{{1,2}} ({_MONTHS}) \d{{4}}", re.I), "%d %b %Y"),
    (re.compile(rf"\d{{1,2}}-({_MONTHS})-\d{{4}}", re.I), "%d-%b-%Y"),
    (re.compile(rf"({_MONTHS}) \d{{1,2}}, \d{{4}}", re.I), "%b %d, %Y"),
    (re.compile(rf"\d{{1,2}} ({_LONG}) \d{{4}}", re.I), "%d %B %Y"),
    (re.compile(rf"({_LONG}) \d{{1,2}}, \d{{4}}", re.I), "%B %d, %Y"),
)
_CLOCKS: Final = (
    (re.compile(r"\d{1,2}:\d{2}"), "%H:%M"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}"), "%H:%M:%S"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}\.\d{1,6}"), "%H:%M:%S.%f"),
    (re.compile(r"\d{1,2}:\d{2} [AP]M", re.I), "%I:%M %p"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2} [AP]M", re.I), "%I:%M:%S %p"),
)
_ZONED_PATTERN: Final = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)"
_ZONED: Final = re.compile(_ZONED_PATTERN)
_UTC_PATTERN: Final = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?Z"
_SHORT_YEAR: Final = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}")
_THOUSANDS: Final = re.compile(r"-?[$€£¥]? ?-?\d{1,3}([,.' \u00a0]\d{3})+([.,]\d+)?( ?[€%])?")
_MONEY: Final = re.compile(r"-?[$€£¥] ?-?\d+([.,]\d+)?|-?\d+([.,]\d+)? ?[€$£¥]")
_PERCENT: Final = re.compile(r"-?\d+([.,]\d+)? ?%")
_MOSTLY: Final = 0.9
EXACT_FLOAT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Plan:
    """How one column of texts is to be read.

    ``formats`` are strptime formats (DATE, TIMESTAMP); ``na`` the texts that mean NULL; ``words``
    those of a BOOLEAN; ``comma`` a decimal comma; ``trim`` that blanks around values are dropped.
    ``proved`` says that all texts are known to fit; ``doubt`` that they probably do not all fit or
    that the order of day and month is open, so that the whole column must be looked at first;
    ``blind`` that the sample held no value at all.  ``utc`` says that each text ends in Z.
    """

    type: str = "VARCHAR"
    formats: tuple[str, ...] = ()
    na: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    comma: bool = False
    trim: bool = False
    proved: bool = False
    doubt: bool = False
    blind: bool = False
    utc: bool = False
    note: str = ""

    @property
    def statement(self) -> str:
        """What was decided that another reader might have decided otherwise, or nothing."""
        if self.comma:
            return "holds numbers with a decimal comma, which were read as numbers"
        if self.formats and re.match(r"%[dm]/|%[dm]-%[dm]", self.formats[0]):
            return f"holds dates, read as {'day, month' if self.formats[0][1] == 'd' else 'month, day'}, year"
        if self.type == "TIMESTAMPTZ":
            return "holds times with a zone or an offset, kept as instants in UTC"
        if self.utc:
            return "holds times in UTC (ending in Z), kept without the zone"
        return ""

    def text(self, ref: str, counter: str = "") -> str:
        """The column's text, NULL where it means that; such cells draw from the sequence ``counter``."""
        if self.type == "VARCHAR":
            return ref
        words = (*self.na, *([""] if self.trim else []))
        text = f"trim({ref})" if self.trim else ref
        if not words:
            return text
        nothing = f"CASE WHEN nextval('{counter}') < 0 THEN {ref} END" if counter else "NULL"
        return f"CASE WHEN {text} IN ({_list(words)}) THEN {nothing} ELSE {text} END"

    def value(self, ref: str) -> str:
        """The typed value of ``ref``, a text as ``text`` gives it; NULL where it does not fit."""
        if self.type == "VARCHAR":
            return ref
        if self.type == "BOOLEAN":
            true = _list([word for word in self.words if word in BOOL_TRUE] or ["true"])
            return f"CASE WHEN {ref} IS NULL THEN NULL ELSE {ref} IN ({true}) END"
        if self.formats in _ISO:  # the cast is cheaper than strptime, and misfit() makes it as strict
            return f"TRY_CAST({ref} AS {self.type})"
        if self.formats:
            parsed = f"try_strptime({ref}, {_formats(self.formats)})"
            return parsed if self.type == "TIMESTAMP" else f"CAST({parsed} AS {self.type})"
        if self.comma:
            ref = f"replace({ref}, ',', '.')"
        return f"TRY_CAST({ref} AS {self.type})"

    def misfit(self, ref: str, *, value: str = "", exact: bool, underscores: bool = True) -> str:
        """A condition that is true for each text ``ref`` that ``value`` (by default the expression
        of that name) changed or dropped.

        With ``exact=False`` it is cheaper and may also be true for some texts that fit.
        """
        value = value or self.value(ref)
        lost = f"({value} IS NULL AND {ref} IS NOT NULL)"
        if self.type in ("BIGINT", "DECIMAL(38,0)"):
            return f"{value}::VARCHAR IS DISTINCT FROM {ref}"
        if self.type == "DOUBLE" and (exact or self.comma):
            pattern = _COMMA_PATTERN if self.comma else _FLOAT_PATTERN
            whole = f"(abs({value}) >= {EXACT_FLOAT} AND regexp_full_match({ref}, '[+-]?[0-9]+'))"
            overflow = f"(isinf({value}) AND regexp_matches({ref}, '[0-9]'))"
            return f"({lost} OR NOT regexp_full_match({ref}, '{pattern}') OR {whole} OR {overflow})"
        if self.type == "DOUBLE":
            # '-' sorts before '.' and the digits, '+' and blanks before it; ':' comes after '9'
            zeros = f"({ref} >= '00' AND {ref} < '0:') OR ({ref} >= '-00' AND {ref} < '-0:') OR {ref} < '-'"
            odd = f" OR contains({ref}, '_')" if underscores else ""
            return f"({lost} OR {zeros} OR NOT abs({value}) < {EXACT_FLOAT}{odd})"  # NaN is not below it
        if self.type == "BOOLEAN":
            return f"({ref} NOT IN ({_list(self.words)}))"
        if self.type == "TIME":
            return f"({lost} OR NOT starts_with({value}::VARCHAR, {ref}))"
        if self.type == "TIMESTAMPTZ":
            return f"({lost} OR NOT regexp_full_match({ref}, '{_ZONED_PATTERN}'))"
        if self.utc and exact:
            return f"({lost} OR NOT regexp_full_match({ref}, '{_UTC_PATTERN}'))"
        if self.utc:
            odd = f"substr({ref}, 17, 1) <> ':' OR contains(substr({ref}, 12), ' ')"
            return f"({lost} OR strlen({ref}) <> 20 OR NOT suffix({ref}, 'Z') OR {odd})"
        if self.formats in _ISO:
            length, rest, pattern = _ISO[self.formats]
            early = f"{value} < DATE '1000-01-01'"
            if exact:
                return f"({lost} OR {early} OR NOT regexp_full_match({ref}, '{pattern}'))"
            return f"({lost} OR strlen({ref}) <> {length} OR {early} OR {rest.format(ref=ref)})"
        if self.formats:
            # strptime takes 'infinity' and 'epoch', and reads 13 as the year 13
            special = (
                f"({ref} < '0' OR {ref} >= ':')" if self.formats[0][1] in "Ydm" else f"lower({ref}) IN ({_SPECIAL})"
            )
            return f"({lost} OR {special} OR {value} < DATE '1000-01-01')"
        return "FALSE"


_DAY: Final = r"\d{4}-\d{1,2}-\d{1,2}"
_ISO: Final = {
    ("%Y-%m-%d",): (10, "contains({ref}, ' ') OR contains({ref}, 'T')", _DAY),
    ("%Y-%m-%d %H:%M:%S",): (
        19,
        "substr({ref}, 17, 1) <> ':' OR contains({ref}, 'Z') OR contains(substr({ref}, 12), ' ')",
        _DAY + r" \d{1,2}:\d{2}:\d{2}",
    ),
    ("%Y-%m-%dT%H:%M:%S",): (
        19,
        "substr({ref}, 17, 1) <> ':' OR contains({ref}, 'Z') OR contains({ref}, ' ')",
        _DAY + r"T\d{1,2}:\d{2}:\d{2}",
    ),
}
"""Formats that the engine's cast reads: the usual length in bytes, a condition on texts of that length
which hold more than the cast keeps (a time after a date, a zone after a time), and the exact shape."""
_SPECIAL: Final = "'epoch', 'infinity', '-infinity'"


def guess(texts: Sequence[str | None], *, delimiter: str = ",", numbers: bool = True) -> Plan:
    """A plan for a column from a sample of its texts.  ``numbers=False`` rules numbers out."""
    filled = [text for text in texts if text]
    unique = set(filled)
    stripped = {text.strip(" ") for text in unique} - {""}
    na = tuple(sorted(filter(is_na, stripped), key=NA_WORDS.index))
    rest = stripped.difference(na)
    if not rest:
        return Plan()
    trim = any(text[0] == " " or text[-1] == " " for text in unique)
    found = _typed(rest, delimiter, numbers)
    if found.type == "VARCHAR" and not found.note and len(rest) > 1:
        found = _nearly(filled, na, delimiter, numbers)
    return found if found.type == "VARCHAR" else replace(found, na=na, trim=trim)


def _typed(texts: Collection[str], delimiter: str, numbers: bool) -> Plan:
    """The narrowest plan that all ``texts`` fit."""
    first = next(iter(texts))
    if first in BOOL_TRUE or first in BOOL_FALSE:
        words = tuple(word for word in (*BOOL_TRUE, *BOOL_FALSE) if word in texts)
        return Plan("BOOLEAN", words=words) if len(words) == len(texts) else Plan()
    if numbers and first[0] in "0123456789+-.iI":
        if all(map(_INT.fullmatch, texts)):
            return _whole(texts)
        if all(map(_FLOAT.fullmatch, texts)):
            lossy = any(_INT.fullmatch(text) and abs(int(text)) >= EXACT_FLOAT for text in texts)
            return Plan() if lossy else Plan("DOUBLE")
        if delimiter != "," and all(map(_COMMA.fullmatch, texts)):
            fractions = [text.partition(",")[2] for text in texts if "," in text]
            if all(len(fraction) == 3 for fraction in fractions):
                return Plan(note="holds numbers with a comma that may be decimal or mark thousands; kept as text")
            return Plan("DOUBLE", comma=True)
    if all(map(_TIME.fullmatch, texts)):
        return Plan("TIME")
    if all(map(_ZONED.fullmatch, texts)):
        return Plan("TIMESTAMP", utc=True) if all(text.endswith("Z") for text in texts) else Plan("TIMESTAMPTZ")
    return _dated(texts) or Plan(note=_advice(texts) if numbers else "")


def _whole(texts: Collection[str]) -> Plan:
    longest = max(texts, key=len)
    if len(longest) < 19 or all(-(2**63) <= int(text) < 2**63 for text in texts):
        return Plan("BIGINT")
    return Plan("DECIMAL(38,0)") if len(longest.lstrip("-")) <= 38 else Plan()


def _dated(texts: Collection[str]) -> Plan | None:
    """A DATE or TIMESTAMP plan when all texts have date shapes with the same date part."""
    dates, clocks = set(), set()
    separators = set()
    for text in texts:
        date, clock, separator = _split_date(text)
        dates.add(_shape(date))
        separators.add(separator)
        clocks.add(_clock(clock) if clock else "")
    if len(dates) != 1 or None in dates or None in clocks:
        return None
    (date_format,) = dates
    assert date_format is not None
    doubt, note = False, ""
    if date_format.startswith("?"):
        date_format, doubt, note = _day_or_month(texts, date_format[1])
        if not date_format:
            return Plan(note=note)
    tails = sorted(f"{separator}{clock}" if clock else "" for separator in separators for clock in clocks)
    formats = tuple(dict.fromkeys(date_format + tail for tail in tails))
    return Plan("DATE" if clocks == {""} else "TIMESTAMP", formats=formats, doubt=doubt)


def _split_date(text: str) -> tuple[str, str, str]:
    if len(text) > 10 and text[10] == "T" and text[4] == "-":
        return text[:10], text[11:], "T"
    place = text.find(":")
    if place < 0:
        return text, "", " "
    cut = text.rfind(" ", 0, place)
    return (text[:cut], text[cut + 1 :], " ") if cut > 0 else (text, "", " ")


def _shape(date: str) -> str | None:
    return next((form for pattern, form in _SHAPES if pattern.fullmatch(date)), None)


def _clock(clock: str) -> str | None:
    return next((form for pattern, form in _CLOCKS if pattern.fullmatch(clock)), None)


def _day_or_month(texts: Collection[str], mark: str) -> tuple[str, bool, str]:
    """The format of dates such as 3/4/2013; in doubt (second value) when no part is above 12."""
    parts = [tuple(map(int, text.split(" ")[0].split(mark)[:2])) for text in texts]
    day_first, month_first = any(a > 12 for a, _ in parts), any(b > 12 for _, b in parts)
    if day_first and month_first:
        return "", False, "holds dates in which both day/month and month/day occur; kept as text"
    form = f"%d{mark}%m{mark}%Y" if day_first else f"%m{mark}%d{mark}%Y"
    return form, not (day_first or month_first), ""


def swapped(plan: Plan) -> Plan:
    """The same plan with day and month the other way round."""
    swap = {"%d": "%m", "%m": "%d"}
    formats = tuple(re.sub("%[dm]", lambda m: swap[m[0]], form) for form in plan.formats)
    return replace(plan, formats=formats)


def blind(texts: Sequence[str | None]) -> bool:
    """Whether a sample holds nothing to guess from."""
    return all(not text or not text.strip(" ") or is_na(text.strip(" ")) for text in texts)


BLIND: Final = Plan("BIGINT", doubt=True, blind=True)
"""For a column that is empty as far as the sample goes."""


def ladder(plan: Plan) -> list[Plan]:
    """The plans to try on the whole column, narrowest first, when ``plan`` is in doubt or refuted."""
    wide = replace(plan, na=NA_WORDS, trim=True)
    whole = [wide, replace(wide, type="DECIMAL(38,0)"), replace(wide, type="DOUBLE")]
    if plan.blind:
        dates = [replace(wide, type="DATE" if form == "%Y-%m-%d" else "TIMESTAMP", formats=(form,)) for (form,) in _ISO]
        return [*whole, *dates, replace(wide, type="BOOLEAN", words=(*BOOL_TRUE, *BOOL_FALSE))]
    if plan.type == "BIGINT":
        return whole
    if plan.type == "BOOLEAN":
        return [replace(wide, words=(*BOOL_TRUE, *BOOL_FALSE))]
    if plan.utc:
        return [wide, replace(wide, type="TIMESTAMPTZ", utc=False)]
    return [wide, swapped(wide)] if open_order(plan) else [wide]


def open_order(plan: Plan) -> bool:
    """Whether the plan is in doubt only about the order of day and month."""
    return plan.doubt and bool(plan.formats)


def _nearly(filled: list[str], na: Collection[str], delimiter: str, numbers: bool) -> Plan:
    """A plan in doubt, when most texts of the sample are numbers: the rest is worth naming."""
    if not numbers:
        return Plan()
    rest = [text for text in (text.strip(" ") for text in filled) if text and text not in na]
    fit = [text for text in rest if _FLOAT.fullmatch(text)]
    if not fit or len(fit) < _MOSTLY * len(rest):
        return Plan(note=_advice(rest))
    return replace(_typed(set(fit), delimiter, numbers), doubt=True)


def _advice(texts: Collection[str]) -> str:
    """What a person may want to know about a column kept as text, or nothing."""
    if all(text.isdigit() for text in texts) and any(text[0] == "0" and len(text) > 1 for text in texts):
        return "holds numbers with leading zeros, which look like codes; kept as text"
    if all(map(_SHORT_YEAR.fullmatch, texts)):
        return "holds dates with a year of two digits; kept as text (strptime() converts them)"
    if all(map(_PERCENT.fullmatch, texts)):
        return "holds percentages; kept as text (CAST(replace(x, '%', '') AS DOUBLE) / 100 converts them)"
    number = re.compile(r"-?\d+([.,]\d+)?")
    fits = [bool(_THOUSANDS.fullmatch(t) or _MONEY.fullmatch(t) or number.fullmatch(t)) for t in texts]
    if all(fits) and any(not number.fullmatch(text) or "," in text for text in texts):
        return (
            "holds numbers with currency signs, thousands separators or decimal commas; kept as text "
            "(CAST(regexp_replace(x, '[^0-9.-]', '', 'g') AS DOUBLE) converts those written like $1,234.50)"
        )
    return ""


def _list(words: Sequence[str]) -> str:
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)


def _formats(formats: Sequence[str]) -> str:
    return _list(formats) if len(formats) == 1 else f"[{_list(formats)}]"
