"""What prose says in numbers: tokens with their value, precision, unit and the words around them.

Runs on the host; pure.  Code, addresses, identifiers (``B737``), citations (``r1``) and the numbers of
list items are no statements and give no token.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final, Literal

from . import lexicon as lex
from .spelling import spelled
from .tokens import Hedge, Reading, Token

MAX_PROSE: Final = 4_000
MAX_TOKENS: Final = 80
_LARGEST: Final = 1e100
_SPACE: Final = "\u00a0\u202f\u2009"

# --- what says nothing ----------------------------------------------------------------------------

_MASKS: Final = re.compile(
    r"""(?xm)
    ```.*?(?:```|\Z) | `[^`\n]{1,400}` | https?://\S+ | \bwww\.\S+ | [\w.+-]+@[\w-]+\.\w+
    | ^[ \t]*(?:\#{1,6}[ \t]+)?\(?\d{1,3}[.)](?=[ \t])
    | (?<=[:;,]\ )\(?\d{1,2}[.)](?=[ ][*_"'“]*[A-Z]) | ^[ \t]*\#{1,6}[ \t]
    | \b(?:[Tt]able|[Ff]igure|[Ff]ig\.|[Ss]tep|[Cc]hart|[Nn]ote|[Ss]ection|[Rr]esult|[Qq]uery)[ ]\#?\d{1,2}\b
    | \[\d{1,2}\]
    | \b\d{1,3}(?:\.\d{1,3}){3}\b | \b[vV]\d+(?:\.\d+)+\b
    """,
    re.S,
)
_QUARTER: Final = re.compile(r"(?i)(?:q[1-4]|h[12])(?:[-/]?\d{4})?|\d{4}-?q[1-4]|\d{4}s")
_NAME: Final = re.compile(
    r"(?<![\w.])(?=\w*\d)(?:[A-Za-z_]\w*(?:\.\d+(?![\d,]))?|\d+[A-Za-z_]\w*)(?:-\w+)*|\b[A-Z][A-Za-z]*-\d[\w-]*|\b\d+-[A-Za-z]\w*"
)
_ATTACHED: Final = re.compile(
    r"\d+(?:k|m|mn|bn|b|t|tn|x|km|kg|g|h|s|cm|mm|mi|ft|lb|lbs|ml|min|mph|kmh|pp|pct|st|nd|rd|th|usd|eur|gbp|chf|c|f|"
    r"\s*-?(?:fold|year|day|month|hour|minute|week|mile|point|percent)\w*(?:-\w+)?|e\d+)",
    re.I,
)


def masked(prose: str) -> str:
    """``prose`` of the same length, blanks where nothing is stated."""

    def blank(found: re.Match[str]) -> str:
        return " " * len(found[0])

    text = _MASKS.sub(blank, prose[:MAX_PROSE])

    def name(found: re.Match[str]) -> str:
        return found[0] if _ATTACHED.fullmatch(found[0]) or _QUARTER.fullmatch(found[0]) else blank(found)

    return _NAME.sub(name, text)


# --- numbers --------------------------------------------------------------------------------------

_DIGITS: Final = (
    rf"\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d{{1,2}}(?:,\d{{2}})+,\d{{3}}(?:\.\d+)?"
    rf"|\d{{1,3}}(?:[ {_SPACE}]\d{{3}})+(?:[.,]\d+)?(?!\d)|\d{{1,3}}(?:['’]\d{{3}})+(?:\.\d+)?"
    rf"|\d{{1,3}}(?:\.\d{{3}})+,\d+|\d{{1,3}}(?:\.\d{{3}}){{2,}}(?![.\d])|\d+,\d{{1,2}}(?![,\d])|\d*\.\d+|\d+"
)
_UNIT: Final = "|".join(sorted((re.escape(u) for u in lex.UNITS if u not in "$€£¥h"), key=len, reverse=True))
_MULTIPLIES: Final = re.compile(
    r"(?i)\s+(?:as|more|less|higher|lower|larger|bigger|greater|longer|the|that|those|what|its|their|of|fewer)\b"
)
_SCALE: Final = "|".join(sorted(lex.SCALES, key=len, reverse=True))
_NUMBER: Final = re.compile(
    rf"""(?xi)
    (?<![\w.,/:])
    (?P<sign>[-−–+±]?)[ ]?(?P<money>(?:US|A|C)?[$€£¥]|(?:USD|EUR|GBP|CHF|JPY)[ ])?[ ]?(?P<inner>[-−]?)
    (?P<digits>{_DIGITS})(?P<vulgar>[½¼¾])?(?P<power>e[-+]?\d{{1,3}}(?!\w)|[ ]?[×x][ ]?10\^?[-−]?\d{{1,2}})?
    (?P<tail>
        [ {_SPACE}]?%|[ {_SPACE}-](?:percent|per[ ]cent|percentage|pct)\b|pct\b
        |(?:st|nd|rd|th)\b
        |[ ]?(?:×|x)(?!\w)|-?fold\b|[ ]times\b
        |(?P<slash>/\d+(?![/\d]))|(?P<clock>:\d\d(?::\d\d)?\b)
        |[ {_SPACE}-]?(?P<scale>{_SCALE})\b
    )?
    (?P<points>[ ]?-?(?:points?|pp|pts)\b)?
    (?![\d])
    """
)
_LIMIT_OF: Final = re.compile(
    r"\b(above|over|exceed|exceeds|exceeding|below|under) (?:an?|the|their|its) (?:[\w.-]+ ){1,3}of$"
)
_OR_BEYOND: Final = re.compile(
    r"(?i)(?:[\w°/]+ )?or (?:(?P<up>more|older|higher|greater|larger|above|over|later|better|longer)"
    r"|less|fewer|younger|lower|smaller|below|under|earlier|shorter)\b(?! than)"
)
"""After a bound that counts itself: "30 or older"."""
_BEFORE: Final = re.compile(r"[A-Za-z°/~≈<>=≥≤'’]+")


def numbers(text: str, taken: list[tuple[int, int]]) -> list[Token]:
    """The numbers of a masked text, in order; none that overlaps what is ``taken`` (dates, names)."""
    found: list[Token] = []
    for m in _NUMBER.finditer(text):
        if len(found) < MAX_TOKENS and not _overlaps(taken, m.start("digits"), m.end()):
            token = _number(text, m)
            if token is not None:
                found.append(token)
    spans = [(token.start, token.end) for token in found] + taken
    for token in spelled(text):
        if len(found) < 2 * MAX_TOKENS and not _overlaps(spans, token.start, token.end):
            found.append(token)
    return [_in_context(text, token) for token in sorted(found, key=lambda token: token.start)]


def _overlaps(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(a < end and start < b for a, b in spans)


def _number(text: str, m: re.Match[str]) -> Token | None:
    digits, tail = m["digits"], (m["tail"] or "").strip(" -" + _SPACE).lower()
    start, end = m.start("digits"), m.end()
    if m["slash"] and len(m["slash"]) > 1:
        top, bottom = _parse(digits), float(m["slash"][1:])
        if not bottom or top.value >= bottom:
            return None  # 24/7
        return Token(m[0], start, end, "fraction", (Reading(top.value / bottom, 0.0),))
    if m["clock"]:
        return Token(digits + m["clock"], start, m.end("clock"), "clock", (_clock(digits + m["clock"]),))
    reading = _parse(digits)
    if m["power"]:
        factor = 10.0 ** min(300, int(re.sub(r"^[eEx× ]+(?:10\^?)?", "", m["power"]).replace("−", "-") or 0))
        reading = Reading(reading.value * factor, reading.half * factor)
    if not reading.value < _LARGEST:
        return None
    sign_at = m.start("sign") if m["sign"] else m.start("inner")
    sign = _sign(text, m, sign_at)
    if sign and m["sign"]:
        start = m.start("sign")
    elif m["money"]:
        start = m.start("money")
    form: Literal["number", "percent", "times", "year"] = "number"
    if tail in ("st", "nd", "rd", "th"):
        return None
    readings: tuple[Reading, ...] = (reading,)
    if tail == "times" and not _MULTIPLIES.match(text[end:]):
        tail, end = "", m.end("digits")  # measured 11 times
    if m["vulgar"]:
        reading = Reading(reading.value + {"½": 0.5, "¼": 0.25, "¾": 0.75}[m["vulgar"]], 0.25)
        readings = (reading,)
    if tail in ("%", "percent", "per cent", "percentage", "pct"):
        form = "percent"
    elif tail in ("×", "x", "fold", "times") and not m["points"]:
        form = "times"
    elif m["scale"]:
        attached = text[m.end("digits")] not in " -" + _SPACE
        name = m["scale"].lower()
        scaled = Reading(reading.value * lex.SCALES[name], reading.half * lex.SCALES[name])
        if len(name) > 2 or (attached and name in ("k", "bn", "mn", "tn", "m", "b")) or m["money"]:
            # 5m may be five metres.
            readings = (
                (scaled, reading) if name in ("m", "b") and m["scale"].islower() and not m["money"] else (scaled,)
            )
        else:
            end = m.end("digits")
    elif re.fullmatch(r"1[5-9]\d\d|20\d\d|21\d\d", digits) and not m["money"] and not sign and not tail:
        form = "year"
    unit = {"$": "$", "€": "€", "£": "£", "¥": "¥"}.get(
        (m["money"] or "").strip()[-1:], (m["money"] or "").strip().lower()
    )
    token = Token(text[start:end], start, end, form, readings, sign, "", unit, bool(m["points"]))
    return token if not token.points or end == m.end() else replace(token, points=False)


def _sign(text: str, m: re.Match[str], at: int) -> int:
    written = (m["sign"] or m["inner"] or "").strip()
    if not written or written == "±":
        return 0
    before = text[:at].rstrip()[-1:]
    spaced = text[at + 1 : at + 2] == " "
    if written in "-−–" and (spaced or (before and before.isalnum() and text[at - 1 : at] == before)):
        return 0  # a dash, or a range
    if written == "–" and before:
        return 0
    return 1 if written == "+" else -1


def _parse(digits: str) -> Reading:
    """Thousands separators and the decimal mark as they are most likely meant."""
    text = re.sub(rf"[ {_SPACE}'’]", "", digits)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+", text) or (re.fullmatch(r"\d+,\d{1,2}", text)):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", text):
        text = text.replace(".", "")
    elif "," in text and "." not in text and re.search(r"[ " + _SPACE + r"]\d{3},\d", digits):
        text = text.replace(",", ".")
    text = text.replace(",", "")
    places = len(text.partition(".")[2])
    return Reading(float(text), 0.5 * 10.0**-places)


def _clock(text: str) -> Reading:
    """In minutes."""
    hours, minutes, *rest = (int(part) for part in text.split(":"))
    return Reading(hours * 60.0 + minutes + (rest[0] / 60 if rest else 0.0), 0.5 / 60 if rest else 0.5)


def _in_context(text: str, token: Token) -> Token:
    """The token with its hedge, its unit and the words next to it."""
    left = (
        re.split(r"[;:!?\n]|[.,](?=\s)", text[max(0, token.start - 48) : token.start])[-1].lower().rstrip(" *_($€£\"'")
    )
    right = text[token.end : token.end + 48].lstrip(" *_)-" + _SPACE)
    words = _BEFORE.findall(left)
    hedge: Hedge = ""
    phrases: tuple[tuple[Hedge, tuple[str, ...]], ...] = (
        ("below", lex.BELOW),
        ("above", lex.ABOVE),
        ("about", lex.ABOUT),
    )
    best = 0
    for kind, known in phrases:
        for phrase in known:
            tail = left[-len(phrase) - 1 :]
            if len(phrase) > best and left.endswith(phrase) and (len(tail) == len(phrase) or not tail[0].isalpha()):
                hedge, best = kind, len(phrase)
    if not hedge and (over := _LIMIT_OF.search(left)):
        hedge = "above" if over[1] in ("above", "over", "exceed", "exceeds", "exceeding") else "below"
    if re.search(r"\b(?:add|sum|come|amount|total)\w* up to$", left):
        hedge = ""
    if not hedge and re.match(r"(?i)(?:\w+ )?or so\b", right):
        hedge = "about"
    if not hedge and (end := _OR_BEYOND.match(right)):
        hedge, words = ("above", [*words, "least"]) if end["up"] else ("below", [*words, "most"])
    first = re.match(r"[A-Za-z°/]+", right)
    unit, following = token.unit, first[0].lower() if first else ""
    if not unit and token.form in ("number", "count", "year") and following:
        unit = next((u for u in (following, following.rstrip("s")) if u in lex.UNITS and u != "$"), "")
    sign = token.sign or (-1 if words and words[-1] in ("minus", "negative") else 0)
    form = token.form
    if form == "year" and ((hedge in ("about", "below", "above") and words and words[-1] not in ("than",)) or unit):
        form = "year" if not unit else "number"
    return replace(
        token, hedge=hedge, unit=unit, sign=sign, form=form, before=words[-1] if words else "", after=following
    )
