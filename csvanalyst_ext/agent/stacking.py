"""Which bars and areas may stand on top of each other: those of sums and counts, whose total means something.

Runs on the host; pure.  It works on a specification that ``charts`` has rebuilt.
"""

from __future__ import annotations

from typing import Any, Final

from ..checking.results import averaged

_ADDED: Final = frozenset({"count", "sum", "valid", "missing"})
_BANDS: Final = frozenset({"nominal", "ordinal"})


def unstack(layer: dict[str, Any]) -> None:
    """Put the bars of an average, a median, an extreme or a ratio side by side, and make lines of such areas, in
    place.  What the measure is, is known from its ``aggregate``, or from the name of its column."""
    encoding, mark = layer.get("encoding", {}), layer.get("mark", {})
    if mark.get("type") not in ("bar", "area") or not isinstance(encoding.get("color"), dict):
        return
    lying = encoding.get("x", {}).get("type") == "quantitative" != encoding.get("y", {}).get("type")
    value, along, offset = ("x", "y", "yOffset") if lying else ("y", "x", "xOffset")
    measure, place, colour = encoding.get(value, {}), encoding.get(along, {}), encoding["color"]
    if measure.get("type") != "quantitative" or _adds_up(measure) or colour.get("field") in (None, place.get("field")):
        return
    if mark["type"] == "bar" and place.get("type") in _BANDS:
        encoding.setdefault(offset, {"field": colour["field"], "type": "nominal"})
    elif mark["type"] == "area" or place.get("type") == "temporal":
        mark["type"] = "line"
    if "stack" in measure or mark["type"] == "bar":
        measure["stack"] = None


def _adds_up(measure: dict[str, Any]) -> bool:
    if "aggregate" in measure:
        return measure["aggregate"] in _ADDED
    return not averaged(str(measure.get("title") or measure.get("field") or ""))
