"""The words that a check knows: scales, units, hedges, directions, superlatives.  Plain data.

Runs on the host; pure.
"""

from __future__ import annotations

from typing import Final

SCALES: Final = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "millions": 1e6,
    "b": 1e9, "bn": 1e9, "billion": 1e9, "billions": 1e9, "t": 1e12, "tn": 1e12, "trn": 1e12, "trillion": 1e12,
    "hundred": 1e2, "lakh": 1e5, "crore": 1e7,
}  # fmt: skip
"""Scale words and, attached to a number, scale letters."""

UNITS: Final[dict[str, tuple[str, float]]] = {
    "second": ("time", 1), "sec": ("time", 1), "minute": ("time", 60), "min": ("time", 60), "hour": ("time", 3600),
    "hr": ("time", 3600), "h": ("time", 3600), "day": ("time", 86400), "week": ("time", 604800),
    "month": ("time", 2629746), "year": ("time", 31556952),
    "m": ("length", 1), "s": ("time", 1), "ms": ("time", 0.001), "mm": ("length", 0.001), "cm": ("length", 0.01),
    "metre": ("length", 1), "meter": ("length", 1),
    "km": ("length", 1000), "kilometre": ("length", 1000), "kilometer": ("length", 1000), "mile": ("length", 1609.344),
    "mi": ("length", 1609.344), "foot": ("length", 0.3048), "feet": ("length", 0.3048), "ft": ("length", 0.3048),
    "inch": ("length", 0.0254), "g": ("mass", 1), "gram": ("mass", 1), "kg": ("mass", 1000),
    "kilogram": ("mass", 1000), "kilo": ("mass", 1000), "tonne": ("mass", 1e6), "ton": ("mass", 1e6),
    "lb": ("mass", 453.59237), "lbs": ("mass", 453.59237), "pound": ("mass", 453.59237),
    "mph": ("speed", 0.44704), "kmh": ("speed", 1 / 3.6), "km/h": ("speed", 1 / 3.6), "m/s": ("speed", 1.0),
    "litre": ("volume", 1), "liter": ("volume", 1), "gallon": ("volume", 3.785411784), "ml": ("volume", 0.001),
    "usd": ("usd", 1), "dollar": ("usd", 1), "$": ("usd", 1), "cent": ("usd", 0.01), "eur": ("eur", 1),
    "euro": ("eur", 1), "€": ("eur", 1), "gbp": ("gbp", 1), "£": ("gbp", 1), "jpy": ("jpy", 1), "yen": ("jpy", 1),
    "¥": ("jpy", 1), "chf": ("chf", 1), "celsius": ("celsius", 1), "°c": ("celsius", 1),
    "fahrenheit": ("fahrenheit", 1), "°f": ("fahrenheit", 1),
}  # fmt: skip
"""Unit words: what they measure, and how many of its base unit they are."""
EXCLUSIVE: Final = (
    frozenset({"usd", "eur", "gbp", "jpy", "chf"}),
    frozenset({"celsius", "fahrenheit"}),
)
"""What cannot be one another, and is not converted."""

CARDINALS: Final = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "dozen": 12,
}  # fmt: skip
LABELS: Final = {
    "men": "male", "man": "male", "boy": "male", "boys": "male",
    "women": "female", "woman": "female", "girl": "female", "girls": "female",
}  # fmt: skip
"""Other words for labels that tables have."""
ORDINALS: Final = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10,
}  # fmt: skip
FRACTIONS: Final = {
    "half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "fifth": 1 / 5, "sixth": 1 / 6, "eighth": 1 / 8, "tenth": 1 / 10,
    "thirds": 1 / 3, "quarters": 1 / 4, "fifths": 1 / 5, "sixths": 1 / 6, "eighths": 1 / 8, "tenths": 1 / 10,
}  # fmt: skip
MULTIPLES: Final = {
    "twice": 2.0, "double": 2.0, "doubled": 2.0, "doubles": 2.0, "thrice": 3.0, "triple": 3.0, "tripled": 3.0,
    "quadruple": 4.0, "quadrupled": 4.0, "halved": 0.5,
}  # fmt: skip

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ABOUT: Final = (
    "about", "around", "approximately", "approx", "roughly", "circa", "some", "close to", "~", "≈", "or so",
    "an estimated", "in the region of", "more or less", "ca",
)  # fmt: skip
ABOVE: Final = (
    "over", "more than", "above", "just over", "just above", "slightly more than", "slightly over", "a little over",
    "at least", "greater than", "higher than", "exceeding", "exceeds", "exceed", "exceeded", "upwards of", "well over",
    "longer than", "larger than", "older than", "a bit more than", "surpassing", "no fewer than", "no less than", ">",
    "≥", ">=", "no later than after",
)  # fmt: skip
BELOW: Final = (
    "nearly", "almost", "just under", "just below", "under", "less than", "fewer than", "below", "at most", "up to",
    "lower than", "smaller than", "shorter than", "slightly less than", "slightly under", "a little under",
    "not quite", "no more than", "close to but below", "shy of", "just shy of", "younger than", "<", "≤", "<=",
    "slightly below", "a bit less than", "a little less than",
)  # fmt: skip

UP: Final = frozenset((
    "more", "higher", "greater", "larger", "longer", "older", "bigger", "heavier", "taller", "warmer", "hotter",
    "faster", "rose", "rise", "rises", "rising", "risen", "increase", "increased", "increases", "increasing", "grew",
    "grow", "grows", "growing", "grown", "growth", "up", "gain", "gained", "gains", "above", "exceed", "exceeds",
    "exceeded", "ahead", "climbed", "climb", "jumped", "jump", "surged", "added", "adds", "outperformed", "outsold",
    "outran", "outscored", "outnumbered", "outnumber", "outpaced", "outgrew", "outsells", "outperforms", "surpassed",
    "surpasses", "surpass", "topped", "edged", "improved", "beats", "beat", "leads", "led", "richer", "wider",
    "deeper", "stronger", "surplus", "later", "upward", "expanded", "doubled", "tripled",
))  # fmt: skip
DOWN: Final = frozenset((
    "fewer", "less", "lower", "smaller", "shorter", "younger", "lighter", "colder", "cooler", "slower", "cheaper",
    "fell", "fall", "falls", "falling", "fallen", "decrease", "decreased", "decreases", "decreasing", "decline",
    "declined", "declines", "declining", "drop", "dropped", "drops", "dropping", "down", "lost", "lose", "loses",
    "below", "behind", "shrank", "shrunk", "shrink", "shrinking", "reduced", "reduction", "slipped", "slid", "trails",
    "trailed", "lags", "lagged", "lagging", "loss", "losses", "deficit", "minus", "negative", "earlier", "early",
    "narrower", "weaker", "poorer", "contracted", "sank", "plunged", "plummeted", "halved", "downward", "trailing",
))  # fmt: skip
CHANGE: Final = frozenset((
    "difference", "differ", "differs", "differed", "gap", "change", "changed", "changes", "margin", "lead",
    "spread", "range", "than", "between", "swing", "vs", "versus", "compared", "apart", "by", "relative",
))  # fmt: skip

HIGH: Final = frozenset((
    "most", "highest", "largest", "biggest", "greatest", "longest", "maximum", "max", "heaviest", "tallest",
    "top", "tops", "topped", "topping", "leads", "leading", "leader", "led", "dominates", "peak", "peaks",
    "peaked", "high point", "richest", "widest", "deepest", "strongest", "hottest", "warmest", "busiest", "dominant",
))  # fmt: skip
LOW: Final = frozenset((
    "least", "fewest", "lowest", "low point", "smallest", "shortest", "minimum", "min", "lightest", "cheapest",
    "coldest", "coolest", "narrowest", "weakest", "poorest", "bottom", "quietest", "last", "trough", "rarest",
))  # fmt: skip
EITHER: Final = frozenset((
    "most recent",
    "best", "worst", "fastest", "slowest", "oldest", "youngest", "newest", "earliest", "latest", "safest",
    "closest", "furthest", "farthest",
))  # fmt: skip

SYNONYMS: Final = {
    "avg": "average", "mean": "average", "averaged": "average", "averages": "average", "n": "count", "cnt": "count",
    "number": "count", "num": "count", "nr": "count", "no": "count", "sum": "total", "tot": "total", "totals": "total",
    "max": "maximum", "min": "minimum", "med": "median", "pct": "percent", "perc": "percent", "percentage": "percent",
    "std": "deviation", "stddev": "deviation", "sd": "deviation", "dep": "departure", "arr": "arrival",
    "qty": "quantity", "amt": "amount", "rev": "revenue", "pop": "population", "temp": "temperature", "yr": "year",
    "dist": "distance", "old": "age", "older": "age", "younger": "age", "hr": "hour", "dur": "duration", "wt":
    "weight", "ht": "height", "prop": "proportion",
    "delayed": "delay", "departing": "departure", "departed": "departure", "arriving": "arrival", "sold": "sale",
    "priced": "price", "aged": "age", "weighs": "weight", "weigh": "weight", "costs": "cost", "earn": "salary",
    "earns": "salary", "earned": "salary", "stdev": "deviation", "lifeexp": "life",
    "won": "win", "lost": "defeat", "drawn": "draw",
    "spent": "spend", "paid": "pay", "died": "death", "born": "birth", "flew": "flight", "flown": "flight",
    "bought": "purchase", "grew": "growth", "grown": "growth", "gdppercap": "gdp",
}  # fmt: skip
_TIME: Final = frozenset((
    "time", "duration", "delay", "wait", "latency", "speed", "second", "minute", "hour", "day", "week", "month",
    "tenure", "runtime", "length", "stay", "lap",
))  # fmt: skip
MONEY: Final = frozenset((
    "price", "cost", "revenue", "sale", "salary", "pay", "fee", "fare", "spend", "budget", "income", "amount", "profit",
    "turnover", "wage", "rent", "value", "total", "earning", "expense", "tip", "gross", "balance", "payment",
))  # fmt: skip
"""Words of columns that may hold money though their names say no currency."""
_AGE: Final = frozenset({"age", "birth", "born", "founded", "built", "opened", "established", "year", "date"})
ADJECTIVES: Final = {
    "fast": _TIME, "slow": _TIME, "quick": _TIME, "long": _TIME | {"distance", "width", "size"},
    "short": _TIME | {"distance", "height", "size"}, "old": _AGE, "young": _AGE, "new": _AGE,
    "cheap": MONEY, "dear": MONEY, "expensive": MONEY, "costly": MONEY, "pricey": MONEY,
    "heavy": frozenset({"weight", "mass", "load"}), "light": frozenset({"weight", "mass", "load"}),
    "tall": frozenset({"height", "size"}), "warm": frozenset({"temperature"}), "hot": frozenset({"temperature"}),
    "cold": frozenset({"temperature"}), "cool": frozenset({"temperature"}),
    "wet": frozenset({"rain", "precipitation", "rainfall"}), "dry": frozenset({"rain", "precipitation", "rainfall"}),
}  # fmt: skip
"""What an adjective is said of: words of the columns that can hold it."""
AGGREGATES: Final = frozenset((
    "average", "count", "total", "maximum", "minimum", "median", "percent", "deviation",
))  # fmt: skip
AVERAGED: Final = frozenset({"average", "median", "maximum", "minimum", "percent", "deviation"})
LOWER_IS_BETTER: Final = frozenset((
    "delay", "cost", "price", "error", "loss", "time", "duration", "rank", "position", "complaint", "return", "churn",
    "late", "defect", "place", "fail", "wait",
))  # fmt: skip
PERCENTISH: Final = frozenset((
    "percent", "share", "rate", "ratio", "proportion", "fraction", "portion", "growth", "change", "yoy", "mom",
    "qoq", "margin", "probability", "prob", "frac", "utilisation", "utilization", "occupancy", "pctchange",
    "relative", "coverage", "percentile", "%", "retention", "churn", "conversion", "return",
))  # fmt: skip
CHANGEISH: Final = frozenset((
    "growth", "change", "increase", "rise", "diff", "difference", "delta", "yoy", "mom", "qoq", "gain", "loss", "net",
    "balance", "return", "gap",
))  # fmt: skip
STOP: Final = frozenset((
    "a", "an", "the", "of", "in", "on", "at", "to", "for", "from", "by", "with", "and", "or", "is", "are", "was",
    "were", "be", "been", "had", "has", "have", "it", "its", "this", "that", "these", "those", "as", "than",
    "then", "there", "which", "who", "whose", "per", "each", "every", "all", "both", "only", "just", "over",
    "under", "about", "around", "nearly", "almost", "roughly", "approximately",
))  # fmt: skip
CONDITION: Final = frozenset((
    "in", "during", "for", "of", "since", "after", "before", "from", "between", "until", "till", "through", "top",
    "bottom", "first", "last", "than", "over", "above", "under", "below", "least", "most", "limit", "limited",
    "exceed", "exceeding", "within", "past", "next", "by", "and", "to", "or", "is", "are", "equal", "equals",
    "at", "on", "per", "where", "=", "<", ">", "<=", ">=", "with", "year", "month", "day", "hour", "class",
    "week", "quarter", "older", "younger", "q", "rank", "not", "except", "excluding", "without",
))  # fmt: skip
"""Words after which a number may repeat a condition of the question or the query."""
