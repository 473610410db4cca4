"""The words of questions.  Data only: a phrase that is not here and not in the data is not understood."""

from __future__ import annotations

from typing import Final

from .plan import Comparator, Function, Operator, Part


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES: Final = ("the", "a", "an", "all", "any", "all the", "all of the", "only", "just", "our")

OPENINGS: Final = (
    "please", "can you", "could you", "would you", "tell me", "show me", "show", "list", "give me", "give",
    "let me know",
    "i want to know", "i would like to know", "i want to see", "find", "find out", "calculate", "compute",
    "determine",
    "report", "get", "get me", "return", "what is", "what are", "what was", "what were", "what is the value of",
    "display",
    "print", "how much is", "how much was", "how large is", "how high is", "do you know", "and",
)  # fmt: skip
HOW_MANY: Final = ("how many", "how many of the", "how many of our")
COUNT_OF: Final = (
    "number of", "the number of", "count of", "the count of", "count", "count the", "count all", "total number of",
    "the total number of", "total count of", "count the number of", "overall number of", "how many",
)  # fmt: skip
HEADCOUNT: Final = ("headcount", "head count", "headcounts")
DISTINCT: Final = ("distinct", "different", "unique")
LIST: Final = (
    "list", "show", "show me", "give me", "display", "print", "name", "what are", "what were", "which are", "get",
    "find",
    "return", "list out", "tell me", "which", "what",
)  # fmt: skip

AGGREGATES: Final[dict[str, Function]] = {
    "average": "mean", "avg": "mean", "mean": "mean", "average value of": "mean", "mean value of": "mean",
    "total": "sum", "sum": "sum", "sum of": "sum", "total sum of": "sum", "total of": "sum", "sum total of": "sum",
    "combined": "sum", "overall total": "sum", "total amount of": "sum", "how much": "sum", "how much total": "sum",
    "median": "median", "standard deviation": "stddev", "standard deviation of": "stddev", "std dev": "stddev",
    "std": "stddev", "stddev": "stddev", "stdev": "stddev", "sample standard deviation": "stddev",
    "minimum": "min", "min": "min", "lowest": "min", "smallest": "min", "least": "min", "earliest": "min",
    "shortest": "min", "oldest": "min", "first": "min",
    "maximum": "max", "max": "max", "highest": "max", "largest": "max", "greatest": "max", "biggest": "max",
    "latest": "max", "longest": "max", "most recent": "max", "newest": "max", "last": "max",
}  # fmt: skip
DATE_ONLY: Final = frozenset({"earliest", "latest", "most recent", "oldest", "newest", "first", "last"})
"""Aggregates of dates (and years) only: the "latest price" is not the highest one."""
NOT_FOR_DATES: Final = frozenset(
    {"lowest", "smallest", "least", "highest", "largest", "greatest", "biggest", "longest", "shortest"}
)

SUPERLATIVES: Final = {
    "highest": True, "largest": True, "greatest": True, "biggest": True, "maximum": True, "max": True, "longest": True,
    "lowest": False, "smallest": False, "minimum": False, "min": False, "shortest": False,
}  # fmt: skip
MOST: Final = {
    "most": True, "the most": True, "the greatest number of": True, "the largest number of": True,
    "the highest number of": True, "highest number of": True, "largest number of": True, "greatest number of": True,
    "the highest count of": True, "highest count of": True, "the biggest number of": True, "maximum number of": True,
    "the maximum number of": True,
    "fewest": False, "least": False, "the fewest": False, "the least": False, "the lowest number of": False,
    "the smallest number of": False, "lowest number of": False, "smallest number of": False, "minimum number of": False,
    "the minimum number of": False, "the lowest count of": False,
}  # fmt: skip
COMMON: Final = {
    "most common": True, "most frequent": True, "most often occurring": True, "most frequently occurring": True,
    "least common": False, "least frequent": False, "rarest": False,
}  # fmt: skip
OCCURS_MOST: Final = {
    f"{verb} {how}": how.removeprefix("the ").startswith("most")
    for verb in ("appears", "appear", "occurs", "occur", "is found", "appeared", "occurred")
    for how in ("most", "the most", "most often", "the most often", "most frequently", "least often", "the least")
}

SAME_THING: Final = words("""
    unit body total base annual yearly gross list retail selling sale sales current final full overall regular
    average avg mean
""")
"""Words before the head of a name that leave it the thing that it is: a base salary is what somebody earns."""
_PRICES: Final = ("price", "cost", "fare")
_PAY: Final = ("salary", "income", "wage", "pay", "compensation", "earnings")

OFTEN: Final = {
    "most often": True, "the most often": True, "most frequently": True, "the most": True, "the most times": True,
    "most times": True,
    "least often": False, "the least often": False, "least frequently": False, "the least": False,
}  # fmt: skip
ADJECTIVES: Final[dict[str, tuple[bool, tuple[str, ...]]]] = {
    "most expensive": (True, _PRICES), "priciest": (True, _PRICES),
    "cheapest": (False, _PRICES), "least expensive": (False, _PRICES),
    "oldest": (True, ("age",)), "youngest": (False, ("age",)),
    "heaviest": (True, ("weight", "mass")), "lightest": (False, ("weight", "mass")),
    "tallest": (True, ("height",)), "fastest": (True, ("speed",)), "slowest": (False, ("speed",)),
    "longest": (True, ("runtime", "duration")), "shortest": (False, ("runtime", "duration")),
    "hottest": (True, ("temperature", "temp")), "warmest": (True, ("temperature", "temp")),
    "coldest": (False, ("temperature", "temp")), "most populous": (True, ("population", "pop")),
    "least populous": (False, ("population", "pop")), "most populated": (True, ("population", "pop")),
    "highest rated": (True, ("rating",)), "best rated": (True, ("rating",)), "lowest rated": (False, ("rating",)),
    "worst rated": (False, ("rating",)), "best paid": (True, _PAY),
        "highest paid": (True, _PAY),
    "lowest paid": (False, _PAY), "worst paid": (False, _PAY),
    "best earning": (True, _PAY), "highest earning": (True, _PAY), "lowest earning": (False, _PAY),
    "deepest": (True, ("depth",)), "strongest": (True, ("strength", "magnitude")),
    "rainiest": (True, ("rain", "rainfall", "precipitation")),
    "wettest": (True, ("rain", "rainfall", "precipitation")), "windiest": (True, ("wind",)),
    "longest lasting": (True, ("duration",)), "costliest": (True, _PRICES), "dearest": (True, _PRICES),
    "most recent": (True, ()), "newest": (True, ()), "latest": (True, ()), "earliest": (False, ()),
    "richest": (True, ("wealth", "net_worth")),
}  # fmt: skip
"""Adjective: whether it means the highest, and the columns it may speak of."""

QUICK: Final = frozenset({"fastest", "slowest"})
"""Said of a speed, or else of the time that something takes: then the fastest is the lowest."""

COMPARATIVES: Final[dict[str, tuple[Comparator, tuple[str, ...]]]] = {
    "older than": (">", ("age",)), "younger than": ("<", ("age",)), "aged over": (">", ("age",)),
    "aged under": ("<", ("age",)), "aged above": (">", ("age",)), "aged below": ("<", ("age",)), "aged": ("=",
    ("age",)),
    "over the age of": (">", ("age",)), "under the age of": ("<", ("age",)), "above the age of": (">", ("age",)),
    "below the age of": ("<", ("age",)), "at least the age of": (">=", ("age",)),
    "taller than": (">", ("height",)), "heavier than": (">", ("weight", "mass")),
    "lighter than": ("<", ("weight", "mass")), "cheaper than": ("<", _PRICES),
    "more expensive than": (">", _PRICES), "faster than": (">", ("speed",)),
    "longer than": (">", ("runtime", "duration")), "shorter than": ("<", ("runtime", "duration")),
    "slower than": ("<", ("speed",)), "hotter than": (">", ("temperature", "temp")),
    "warmer than": (">", ("temperature", "temp")), "colder than": ("<", ("temperature", "temp")),
}  # fmt: skip
VERB_COLUMNS: Final = {
    "cost": ("price", "cost"), "costs": ("price", "cost"), "costing": ("price", "cost"),
    "priced": ("price",), "weigh": ("weight", "mass"), "weighs": ("weight", "mass"), "weighing": ("weight", "mass"),
    "earn": _PAY, "earns": _PAY, "earning": _PAY,
    "rated": ("rating",), "earned": _PAY, "make": _PAY, "makes": _PAY, "making": _PAY, "paid": _PAY,
}  # fmt: skip

COMPARISONS: Final[dict[str, Comparator]] = {
    "more than": ">", "greater than": ">", "higher than": ">", "larger than": ">", "bigger than": ">", "over": ">",
    "above": ">", "exceeding": ">", "exceeds": ">", "exceed": ">", "in excess of": ">", "longer than": ">",
    "less than": "<", "fewer than": "<", "lower than": "<", "smaller than": "<", "under": "<", "below": "<",
    "shorter than": "<",
    "at least": ">=", "no less than": ">=", "not less than": ">=", "no fewer than": ">=",
    "greater than or equal to": ">=",
    "more than or equal to": ">=", "at or above": ">=", "no lower than": ">=",
    "at most": "<=", "no more than": "<=", "not more than": "<=", "up to": "<=", "less than or equal to": "<=",
    "at or below": "<=", "no higher than": "<=",
    "exactly": "=", "equal to": "=", "equals": "=", "equalling": "=", "equaling": "=",
    "not equal to": "<>", "different from": "<>",
}  # fmt: skip
AFTERWARDS: Final[dict[str, Comparator]] = {
    "or more": ">=", "or higher": ">=", "or above": ">=", "or greater": ">=", "or over": ">=", "and above": ">=",
    "and over": ">=", "or larger": ">=", "or older": ">=", "or longer": ">=", "and up": ">=",
    "or less": "<=", "or fewer": "<=", "or below": "<=", "or lower": "<=", "or under": "<=", "and below": "<=",
    "or smaller": "<=", "or younger": "<=", "or shorter": "<=",
}  # fmt: skip
SIGNS: Final[dict[str, Comparator]] = {"=": "=", "!=": "<>", ">": ">", "<": "<", ">=": ">=", "<=": "<="}

TEXT_TESTS: Final[dict[str, Operator]] = {
    **{f"{verb} with": "starts with" for verb in ("starts", "start", "starting", "begins", "begin", "beginning")},
    **{f"{verb} with": "ends with" for verb in ("ends", "end", "ending")},
    **dict.fromkeys(("contains", "contain", "containing", "includes", "include"), "contains"),
}

RELATIVES: Final = ("that", "which", "who", "where", "when", "whose", "those", "ones")
COPULAS: Final = ("is", "are", "was", "were", "be", "been", "being")
HAVE: Final = ("have", "has", "had", "having")
PREPOSITIONS: Final = (
    "as", "through", "via",
    "in", "from", "to", "at", "on", "of", "for", "with", "by", "within", "inside", "among", "during", "across",
    "into",
)  # fmt: skip
DIRECTIONS: Final = {
    "from": frozenset({"origin", "orig", "source", "src", "from", "departure", "start", "sender", "seller"}),
    "to": frozenset({"dest", "destination", "to", "target", "arrival", "end", "receiver", "buyer"}),
}
NEGATIONS: Final = ("not", "other than", "except", "except for", "excluding", "but not", "not counting")
FILLER_VERBS: Final = (
    "located", "based", "recorded", "listed", "registered", "found", "exist", "exists", "existed", "belong",
    "belongs",
    "belonging", "placed", "made", "released", "published", "produced", "built", "manufactured",
    "done", "happened", "occurred", "conducted", "performed", "held",
)  # fmt: skip
VERB_PLACES: Final = {
    **dict.fromkeys(
        ("live", "lives", "living", "lived", "reside", "residing"),
        frozenset({"city", "country", "state", "town", "region", "address", "location", "province", "county",
        "island",
                   "place", "district", "residence", "continent"}),
    ),
    **dict.fromkeys(
        ("work", "works", "working", "worked"),
        frozenset({"department", "dept", "team", "office", "division", "company", "job", "role", "title", "city",
        "unit",
                   "location", "country", "region", "branch", "occupation", "profession", "industry", "sector"}),
    ),
}  # fmt: skip
"""Verbs that say something about a value, and the columns for which they say no more than "is"."""

GOT: Final = words("got get gets received receive receives given awarded earned")
"""Verbs before what somebody is given: a grade, a medal."""

NAMED: Final = ("named", "called", "titled")
NAMES: Final = frozenset({"name", "title"})

GROUPING: Final = (
    "by", "per", "for each", "for every", "in each", "in every", "of each", "of every", "at each", "on each",
    "from each",
    "to each", "within each", "by each", "for each of the", "grouped by", "group by", "broken down by", "split by",
    "across each", "each", "with each",
)  # fmt: skip
DOES_EACH: Final = tuple(
    f"{verb} {each}" for verb in ("does", "do", "did", "has", "have", "had") for each in ("each", "every")
)

RANKED_BY: Final = (
    "by",
    "in terms of",
    "based on",
    "ranked by",
    "according to",
    "sorted by",
    "ordered by",
    "by the",
    "in",
)
SORTED_BY: Final = ("sorted by", "ordered by", "order by", "sort by", "in order of")
DESCENDING: Final = {
    "descending": True, "in descending order": True, "from highest to lowest": True, "from high to low": True,
    "desc": True, "highest first": True, "largest first": True, "ascending": False, "in ascending order": False,
    "from lowest to highest": False, "asc": False, "lowest first": False, "alphabetically": False,
    "smallest first": False,
}  # fmt: skip

ROWS: Final = ("rows", "row", "records", "record", "entries", "entry", "observations", "observation", "data points")
DATA: Final = (
    "data", "dataset", "data set", "table", "file", "database", "csv", "sheet", "spreadsheet", "dataframe",
    "data frame",
)  # fmt: skip
STEPS: Final[dict[str, Part]] = {
    "daily": "date", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year", "annual": "year",
    "annually": "year",
}  # fmt: skip
FIRSTS: Final = {
    **dict.fromkeys(("highest first", "largest first", "biggest first", "most first", "descending",
                     "in descending order",
                     "sorted descending", "from highest to lowest", "from high to low", "sorted from highest to lowest",
                     "sorted from high to low", "from most to least", "from largest to smallest"), True),
    **dict.fromkeys(("lowest first", "smallest first", "fewest first", "ascending", "in ascending order",
                     "sorted ascending", "from lowest to highest", "from low to high", "from smallest to largest",
                     "sorted from lowest to highest", "from least to most"), False),
}  # fmt: skip
"""Orders that name no column: of what is measured."""
TAILS: Final = (
    "in total", "overall", "altogether", "in all", "are there", "were there", "there are", "do we have",
    "do you have",
    "did we have", "please", "yet", "so far", "to date", "until now", "in the data",
    "in this data", "in this", "in there", "are in there", "is there", "at all",
)  # fmt: skip
ALTOGETHER: Final = ("in total", "altogether", "all together", "combined", "in all", "overall")
GENERIC_TABLE_PIECES: Final = words("""
    data dataset table csv file raw clean cleaned final all list info sample small large full export tmp test train
""")

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"),
        1,
    )
    for name in names.split()
}  # fmt: skip
TIME_PARTS: Final[dict[str, tuple[tuple[Part, ...], ...]]] = {
    "year": (("year",),), "years": (("year",),), "quarter": (("quarter",), ("year", "quarter")),
    "month": (("month",), ("year", "month")), "months": (("month",), ("year", "month")),
    "calendar month": (("month",),), "month of the year": (("month",),), "month of year": (("month",),),
    "month and year": (("year", "month"),), "year and month": (("year", "month"),),
    "week": (("year", "week"),), "weeks": (("year", "week"),), "calendar week": (("year", "week"),),
        "hour of the day": (("hour",),), "hour of day": (("hour",),),
    "year and quarter": (("year", "quarter"),), "quarter and year": (("year", "quarter"),),
    "day": (("date",),), "date": (("date",),), "weekday": (("weekday",),), "day of the week": (("weekday",),),
    "day of week": (("weekday",),),
}  # fmt: skip
"""What to group by.  Several readings where a month may be that of one year or that of all years."""

UNITS: Final = {
    "mm": ("mm", "millimeter", "millimetre", "millimeters", "millimetres"),
    "cm": ("cm", "centimeter", "centimetre", "centimeters", "centimetres"),
    "m": ("m", "meter", "metre", "meters", "metres"),
    "km": ("km", "kilometer", "kilometre", "kilometers", "kilometres", "kms"),
    "g": ("g", "gram", "grams"), "kg": ("kg", "kgs", "kilogram", "kilograms", "kilo", "kilos"),
    "lb": ("lb", "lbs", "pound", "pounds"), "lbs": ("lb", "lbs", "pound", "pounds"), "mi": ("mi", "mile", "miles"),
    "miles": ("mile", "miles"), "min": ("min", "mins", "minute", "minutes"), "mins": ("min", "mins", "minute",
    "minutes"),
    "minutes": ("min", "mins", "minute", "minutes"), "s": ("s", "sec", "second", "seconds"),
    "sec": ("s", "sec", "second", "seconds"), "seconds": ("s", "sec", "second", "seconds"),
    "hr": ("hr", "hrs", "hour", "hours"), "hrs": ("hr", "hrs", "hour", "hours"), "hours": ("hr", "hrs", "hour",
    "hours"),
    "days": ("day", "days"), "years": ("year", "years"), "usd": ("usd", "dollar", "dollars"), "eur": ("eur",
    "euro", "euros"),
    "dollars": ("usd", "dollar", "dollars"), "ft": ("ft", "foot", "feet"), "in": ("inch", "inches"),
    "inches": ("inch", "inches"), "mph": ("mph",), "kmh": ("kmh",), "f": ("f", "fahrenheit"), "c": ("c", "celsius"),
    "ml": ("ml",), "l": ("l", "liter", "litre", "liters", "litres"), "mb": ("mb",), "gb": ("gb",), "ms": ("ms",
    "milliseconds"),
    "age": ("year", "years", "years old", "years of age"), "gbp": ("gbp", "pound", "pounds"), "chf": ("chf", "francs"),
    "kwh": ("kwh",), "mwh": ("mwh",), "gwh": ("gwh",), "twh": ("twh",), "pct": ("percent",), "percent": ("percent",),
    "kb": ("kb",), "km2": ("km2",), "cl": ("cl",), "hour": ("hour", "hours"), "day": ("day", "days"),
}  # fmt: skip
"""The last word of a column's name, and the unit words that a number for it may carry."""
SCALES: Final = {
    "million": 1e6, "millions": 1e6, "mn": 1e6, "mio": 1e6, "musd": 1e6, "meur": 1e6, "billion": 1e9, "billions": 1e9,
    "bn": 1e9, "thousand": 1e3, "thousands": 1e3, "000s": 1e3,
}  # fmt: skip
"""Words at the end of a column's name that say in what its numbers are counted."""
SHORT_SCALES: Final = {"m": 1e6, "mn": 1e6, "mio": 1e6, "k": 1e3, "bn": 1e9, "b": 1e9}
CURRENCIES: Final = words("usd eur gbp chf jpy dollars euros inr aud cad sek nok dkk")
"""A short scale counts as one only before a currency: ``value_m_eur`` is in millions."""
PRICES: Final = words("price cost rate fee fare rent wage salary pay charge tariff toll")
"""What may leave out for what it is paid: "the price" is the price per night."""
RATES: Final = frozenset({("km", "h"), ("m", "s"), ("mi", "h"), ("g", "dl"), ("mg", "dl"), ("mmol", "l"), ("g", "l"),
                          ("ug", "m3"), ("kg", "m2"), ("l", "min"), ("kg", "m3"), ("mb", "s")})  # fmt: skip
"""Units that are said with a stroke."""
_LENGTHS: Final = words("length height width depth distance elevation altitude size diameter radius thickness")
_TIMES: Final = words("runtime duration time delay latency elapsed running")
UNIT_FRONTS: Final = {
    "m": _LENGTHS, "in": _LENGTHS | {"precipitation", "precip", "rainfall", "rain", "snow", "snowfall"},
    "g": words("weight mass"), "s": _TIMES, "min": _TIMES, "f": words("temperature temp"),
    "c": words("temperature temp"), "l": words("volume capacity"), "mi": _LENGTHS, "age": frozenset(),
}  # fmt: skip
"""Short units that are read as such only after one of these words: ``temp_min`` is not in minutes."""

ABBREVIATIONS: Final[dict[str, tuple[str, ...]]] = {
    "dep": ("departure",), "arr": ("arrival",), "dest": ("destination",), "orig": ("origin", "original"),
    "sched": ("scheduled", "schedule"), "temp": ("temperature",), "dept": ("department",), "qty": ("quantity",),
    "amt": ("amount",), "num": ("number",), "no": ("number",), "nr": ("number",), "n": ("number",),
    "avg": ("average",),
    "pct": ("percent", "percentage"), "perc": ("percent", "percentage"), "lat": ("latitude",), "lon": ("longitude",),
    "lng": ("longitude",), "long": ("longitude",), "yr": ("year",), "pop": ("population",), "wt": ("weight",),
    "ht": ("height",), "addr": ("address",), "mgr": ("manager",), "emp": ("employee",), "cust": ("customer",),
    "prod": ("product",), "desc": ("description",), "dist": ("distance",), "cyl": ("cylinder", "cylinders"),
    "disp": ("displacement",), "hp": ("horsepower",), "precip": ("precipitation",), "vis": ("visibility",),
    "visib": ("visibility",), "humid": ("humidity",), "hum": ("humidity",), "alt": ("altitude",), "tz": ("timezone",),
    "tzone": ("timezone",), "dir": ("direction",), "freq": ("frequency",), "dt": ("date",), "dur": ("duration",),
    "len": ("length",), "vol": ("volume",), "rev": ("revenue",), "sal": ("salary",), "edu": ("education",),
    "lang": ("language",), "acc": ("acceleration",), "max": ("maximum",), "min": ("minimum",),
    "tailnum": ("tailnumber",),
    "nat": ("nationality",), "mins": ("minutes",), "hrs": ("hours",), "fname": ("firstname",), "lname": ("lastname",),
    "dob": ("birthdate", "dateofbirth"), "mpg": ("milespergallon",), "std": ("standard",), "ref": ("reference",),
    "cat": ("category",), "loc": ("location",), "mfr": ("manufacturer",), "manuf": ("manufacturer",),
    "ctry": ("country",), "resp": ("response",), "trans": ("transaction",), "avail": ("available",), "nbr": ("number",),
    "pos": ("position",), "cnt": ("count",), "info": ("information",), "tel": ("telephone",), "org": ("organization",),
    "univ": ("university",), "gov": ("government",), "est": ("established",), "reg": ("region",),
    "exp": ("expectancy", "expenses", "experience"), "perf": ("performance",), "mgmt": ("management",),
    "supp": ("supplier",), "wh": ("warehouse",), "acct": ("account",), "inv": ("invoice", "inventory"),
    "usr": ("user",), "pts": ("points",),
    "stud": ("student",), "pat": ("patient",), "veh": ("vehicle",), "eng": ("engine",),
}  # fmt: skip

ADDITIVE: Final = words("""
    sales revenue amount quantity qty profit units goals points votes orders turnover income expenses spending
    passengers visits clicks deaths births cases medals gold silver bronze wins losses assists runs downloads views
    likes donations streams plays precipitation rain rainfall snowfall emissions
""")
"""Heads of columns whose sum over rows is what "most" means."""
WHO: Final = words("name employee person player student customer passenger author artist")

PEOPLE: Final = (WHO - {"name"}) | words("""
    staff teacher singer member user driver person people worker doctor nurse patient manager professor instructor
    guest owner actor director writer speaker athlete swimmer scientist professional resident client faculty pilot agent
    respondent participant volunteer candidate applicant subscriber runner racer cyclist skier rower rider climber
    hiker competitor contestant entrant attendee pupil visitor
""")
"""What the rows of a table of people may be called."""

COMMON_WORDS: Final = words("""
    i you he she it we they me him her us them my your his its their this that these those what which who whom whose
    when where why how and or but if then than as at by for from in into of off on onto out over per to up with without
    not no yes so too very can could will would shall should may might must do does did done have has had be am is are
    was were been being the a an all any both each every either neither some such other another same more most less
    least few fewer many much first last next new old high low top bottom total average mean median number count sum max
    min good well hi ok la de le el et en un una
""")
"""Words that stand for a value of the data only when they are written exactly like it."""

PHRASES: Final = (
    ARTICLES, OPENINGS, HOW_MANY, COUNT_OF, DISTINCT, LIST, AGGREGATES, SUPERLATIVES, MOST, COMMON, OCCURS_MOST,
    ADJECTIVES, COMPARATIVES, VERB_COLUMNS, COMPARISONS, AFTERWARDS, TEXT_TESTS, RELATIVES, COPULAS, HAVE, PREPOSITIONS,
    NEGATIONS, FILLER_VERBS, VERB_PLACES, NAMED, GROUPING, DOES_EACH, RANKED_BY, SORTED_BY, DESCENDING, ROWS, DATA,
    TAILS, MONTHS, TIME_PARTS, HEADCOUNT, ALTOGETHER, OFTEN, STEPS, FIRSTS,
)  # fmt: skip
"""All groups of phrases whose words are known as words."""
