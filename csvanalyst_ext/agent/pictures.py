"""A checked chart as a plain picture: the Python that draws it, for the sandbox.

Runs on the host; pure, and runs nothing of it.  A picture is for where no Vega-Lite is drawn (a page on the
web, a terminal, a document).  It is drawn only for charts that it can show as they are: one mark, x, y and
colour, values as they stand.  For all others there is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

KIND: Final = "image/png"
_MARKS: Final = frozenset({"bar", "line", "area", "point", "circle", "square"})
_PARTS: Final = frozenset(
    {"$schema", "usermeta", "data", "title", "description", "width", "height", "mark", "encoding"}
)
_FIELD: Final = frozenset({"field", "type", "title", "sort", "axis", "legend", "scale", "format"})
_SCALE: Final = frozenset({"zero", "nice", "scheme"})
_MOST_PLACES: Final = 60
_MOST_SERIES: Final = 20
_MOST: Final = 200 * 1024
_DRAW: Final = """\
import json
from datetime import datetime
chart = json.loads(DATA)
plt.rcParams["text.parse_math"] = False
figure, axes = plt.subplots(figsize=(6.4, 4.0))
bottoms = {}
many = len(chart["series"])
for number, series in enumerate(chart["series"]):
    x, y = series["x"], series["y"]
    if chart["type"] == "temporal":
        x = [datetime.fromisoformat(value) for value in x]
    if chart["beside"]:
        at = [place + (number - (many - 1) / 2) * 0.8 / many for place in x]
        (axes.barh if chart["lying"] else axes.bar)(at, y, 0.8 / many, label=series["name"])
    elif chart["mark"] == "bar":
        base = []
        for place, value in zip(x, y):
            base.append(bottoms.get((place, value < 0), 0))
            bottoms[place, value < 0] = base[-1] + value
        style = {"label": series["name"], ("left" if chart["lying"] else "bottom"): base}
        (axes.barh if chart["lying"] else axes.bar)(x, y, **style)
    elif chart["mark"] == "line":
        axes.plot(x, y, label=series["name"])
    elif chart["mark"] == "area":
        axes.fill_between(x, y, label=series["name"])
    else:
        axes.scatter(x, y, s=16, label=series["name"])
if chart["places"]:
    places, short = range(len(chart["places"])), [text[:30] for text in chart["places"]]
    if chart["lying"]:
        axes.set_yticks(places, short)
        axes.invert_yaxis()
    else:
        axes.set_xticks(places, short, rotation=90 if sum(map(len, short)) > 70 else 0)
elif chart["type"] == "temporal":
    figure.autofmt_xdate()
axes.set_title(chart["title"])
axes.set_xlabel(chart["across"])
axes.set_ylabel(chart["up"])
if chart["colour"]:
    axes.legend(title=chart["colour"])
result = None
"""


def program(chart: Mapping[str, Any]) -> str | None:
    """The Python that draws ``chart``, which ``charts.build`` has made; ``None`` for one that has no plain picture."""
    encoding = chart.get("encoding", {})
    if not set(chart) <= _PARTS or not {"x", "y"} <= set(encoding) <= {
        "x",
        "y",
        "color",
        "tooltip",
        "xOffset",
        "yOffset",
    }:
        return None
    fields = {channel: encoding[channel] for channel in ("x", "y", "color") if channel in encoding}
    mark = chart["mark"]["type"]
    if mark not in _MARKS or not all(map(_plain, fields.values())):
        return None
    lying = mark == "bar" and fields["x"]["type"] == "quantitative" != fields["y"]["type"]
    along, value = ("y", "x") if lying else ("x", "y")
    beside = f"{along}Offset" in encoding
    if f"{value}Offset" in encoding or (beside and not _beside(encoding, along, mark)):
        return None
    if fields[value]["type"] != "quantitative" or (mark == "area" and "color" in fields):
        return None
    if lying and fields[along]["type"] == "temporal":
        return None
    drawn = _drawn(chart["data"]["values"], fields, along, value, mark)
    if drawn is None:
        return None
    titles = {channel: str(field.get("title") or field["field"]) for channel, field in fields.items()}
    said = {
        "mark": mark, "lying": lying, "type": fields[along]["type"], "title": str(chart.get("title") or ""),
        "across": titles["x"], "up": titles["y"], "colour": titles.get("color", ""), "beside": beside,
        **drawn,
    }  # fmt: skip
    text = _DRAW.replace("DATA", repr(json.dumps(said, ensure_ascii=True)))
    return text if len(text) <= _MOST else None


def _beside(encoding: Mapping[str, Any], along: str, mark: str) -> bool:
    """Whether the bars of each colour stand side by side at their place, and nothing else is set apart."""
    one, colour = encoding[f"{along}Offset"], encoding.get("color", {})
    banded = encoding[along]["type"] in ("nominal", "ordinal")
    return bool(mark == "bar" and banded and one.get("field") == colour.get("field") and set(one) <= _FIELD)


def _plain(field: Any) -> bool:
    """A column as it stands: no aggregate, no bins, no other scale, and not stacked in a way of its own."""
    if isinstance(field, dict) and field.get("stack", "") is None:
        field = {key: value for key, value in field.items() if key != "stack"}
    if not isinstance(field, dict) or "field" not in field or not set(field) <= _FIELD:
        return False
    sort = field.get("sort", "ascending")
    known = sort is None or isinstance(sort, list) or sort in ("ascending", "descending", "x", "-x", "y", "-y")
    return known and set(field.get("scale") or {}) <= _SCALE


def _drawn(
    rows: Sequence[Mapping[str, Any]], fields: Mapping[str, Mapping[str, Any]], along: str, value: str, mark: str
) -> dict[str, Any] | None:
    """The series, and the names of the places along the axis where it has no numbers."""
    where, amount = fields[along]["field"], fields[value]["field"]
    kept = [row for row in rows if row[where] is not None and _number(row[amount])]
    if not kept:
        return None
    places: list[Any] | None = None
    if fields[along]["type"] in ("nominal", "ordinal"):
        if len({row[where] for row in kept}) > _MOST_PLACES:
            return None
        places = _ordered(kept, where, amount, fields[along].get("sort", "ascending"), value)
    elif fields[along]["type"] == "quantitative" and not all(_number(row[where]) for row in kept):
        return None
    colour = fields["color"]["field"] if "color" in fields else None
    groups: dict[str, list[tuple[Any, Any]]] = {}
    for row in kept:
        place = row[where] if places is None else places.index(row[where])
        groups.setdefault("" if colour is None else str(row[colour]), []).append((place, row[amount]))
    if len(groups) > _MOST_SERIES:
        return None
    series = []
    for name, points in sorted(groups.items()):
        points = sorted(points, key=lambda point: point[0]) if mark in ("line", "area") else points
        series.append({"name": name, "x": [place for place, _ in points], "y": [number for _, number in points]})
    return {"series": series, "places": [] if places is None else [str(place) for place in places]}


def _ordered(rows: Sequence[Mapping[str, Any]], where: str, amount: str, sort: Any, value: str) -> list[Any]:
    seen = list(dict.fromkeys(row[where] for row in rows))
    if sort is None:
        return seen
    if isinstance(sort, list):
        return sorted(seen, key=lambda place: sort.index(place) if place in sort else len(sort))
    if sort.removeprefix("-") == value:
        totals = {place: sum(row[amount] for row in rows if row[where] == place) for place in seen}
        return sorted(seen, key=lambda place: totals[place], reverse=sort.startswith("-"))
    named = sorted(seen, key=lambda place: (isinstance(place, str), place if _number(place) else 0, str(place)))
    return named[::-1] if sort == "descending" or sort.startswith("-") else named


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
