"""Vega-Lite specifications that a model wrote, made harmless: rebuilt from what is allowed, never passed on.

Runs on the host; pure.  A specification can load addresses, run expressions and link to pages.  So every
part is looked up in the lists below and copied; a part that is not there is an error that names its place.  The
data are put in here, as values, from a result that the sandbox gave.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..execution.base import Artefact
from ..protocol import Fault
from ..rendering import values
from ..rendering.text import visible
from . import stacking

if TYPE_CHECKING:
    import pyarrow as pa

MIME: Final = "application/vnd.vegalite.v5+json"
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
"""Names the version; no renderer loads it."""
MAX_ROWS: Final = 5_000
MAX_BYTES: Final = 2 * 1024 * 1024
_MAX_SPEC: Final = 20_000
_MAX_TEXT: Final = 200
_MAX_LAYERS: Final = 6

_MARKS: Final = frozenset("arc area bar boxplot circle line point rect rule square text tick".split())  # noqa: SIM905
_CHANNELS: Final = frozenset(
    "x y x2 y2 xOffset yOffset theta color opacity size shape strokeDash row column facet order detail tooltip text".split()  # noqa: E501, SIM905
)
_TYPES: Final = frozenset({"quantitative", "temporal", "ordinal", "nominal"})
_AGGREGATES: Final = frozenset(
    "count sum mean average median min max stdev variance q1 q3 distinct valid missing".split()  # noqa: SIM905
)
_WORD: Final = re.compile(r"-?[A-Za-z][A-Za-z0-9]{0,39}")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{3,8}|[A-Za-z]{3,30}")
_FORMAT: Final = re.compile(r"[%$a-zA-Z0-9 .,:/()~+_-]{0,40}")
_PLAIN: Final = re.compile(r"[^\W\d][\w ]{0,60}")
_SPECIAL: Final = frozenset({"image", "title"})
"""A tooltip loads what it is given under the name ``image`` as a picture."""

Check = Callable[[Any, str], Any]


class Refused(Exception):
    """A part of a specification is not allowed; ``args`` are its place and what is.  The code of a column that is not
    there is one of its own: the columns of a pivoted result are named after cells."""


def build(spec: Any, table: pa.Table) -> dict[str, Any]:
    """The harmless specification with ``table`` as its data.  Raises ``Refused``."""
    if not isinstance(spec, dict) or len(json.dumps(spec, default=str)) > _MAX_SPEC:
        raise Refused("spec", f"It is one JSON object of at most {_MAX_SPEC:,} characters.")
    columns = _Columns(table)
    made = _top(spec, columns)
    for layer in made.get("layer", [made]):
        stacking.unstack(layer)
    data = columns.data()
    if len(json.dumps(data, ensure_ascii=False).encode()) > MAX_BYTES:
        raise Refused("data", "They are too large; aggregate in SQL first, or select fewer columns.")
    actions = {"export": True, "source": False, "compiled": False, "editor": False}  # the editor is a web page
    head = {"$schema": SCHEMA, "usermeta": {"embedOptions": {"actions": actions}}}
    return {**head, "data": {"values": data}, **made}


def rows_of(name: str) -> str:
    """The SQL for the rows of the named result that a chart is drawn of, and one more where there are too many."""
    return f"SELECT * FROM {name} LIMIT {MAX_ROWS + 1}"  # noqa: S608 - r1, r2 …


def drawn(spec: Any, table: pa.Table) -> Artefact:
    """The chart that ``build`` makes, as bytes.  Raises ``Refused``."""
    return Artefact(MIME, "chart.vl.json", json.dumps(build(spec, table), ensure_ascii=False).encode())


def fault_of(error: Refused) -> Fault:
    place, allowed, *code = error.args
    return Fault(code[0] if code else "chart_not_allowed", f"The chart cannot be drawn as specified: {place}.", allowed)


def describe(chart: Mapping[str, Any]) -> str:
    """A line for where charts cannot be drawn: ``bar chart of sales by city, 12 rows``."""
    first = chart["layer"][0] if "layer" in chart else chart
    mark = first["mark"]["type"]
    names = {channel: _titled(field) for channel, field in first.get("encoding", {}).items() if isinstance(field, dict)}
    over = " by ".join(
        name for name in (names.get("y") or names.get("theta"), names.get("x") or names.get("color")) if name
    )
    rows = len(chart["data"]["values"])
    titled = f"{chart['title']}: " if isinstance(chart.get("title"), str) else ""
    return f"{titled}{mark} chart{f' of {over}' if over else ''}, {rows:,} row{'s' * (rows != 1)}"


def _titled(field: Mapping[str, Any]) -> str:
    return str(field.get("title") or field.get("field") or field.get("aggregate") or "")


# --- the parts ------------------------------------------------------------------------------------


def _top(spec: Mapping[str, Any], columns: _Columns) -> dict[str, Any]:
    rules: dict[str, Check] = {
        "title": _text, "description": _text, "width": _size, "height": _size, "$schema": _drop,
        "data": _named_data, "mark": _mark, "encoding": columns.encoding,
        "layer": lambda value, place: _layers(value, place, columns),
    }  # fmt: skip
    made = _object(spec, "spec", rules)
    if "layer" not in made and "mark" not in made:
        raise Refused("spec.mark", "It needs a mark (or layers) and an encoding.")
    return made


def _layers(value: Any, place: str, columns: _Columns) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_LAYERS:
        raise Refused(place, f"It is a list of 1 to {_MAX_LAYERS} objects with a mark and an encoding.")
    rules = {"mark": _mark, "encoding": columns.encoding, "data": _named_data}
    layers = [_object(layer, f"{place}[{number}]", rules) for number, layer in enumerate(value)]
    if any("mark" not in layer for layer in layers):
        raise Refused(place, "Each layer needs a mark.")
    return layers


def _mark(value: Any, place: str) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"type": value}
    rules: dict[str, Check] = {
        "type": _one_of(_MARKS), "point": _flag, "tooltip": _flag, "filled": _flag, "opacity": _number,
        "color": _colour, "fill": _colour, "stroke": _colour, "size": _number, "strokeWidth": _number,
        "innerRadius": _number, "outerRadius": _number, "cornerRadius": _number, "interpolate": _word,
        "strokeDash": _numbers, "extent": _word, "dx": _number, "dy": _number, "align": _word, "baseline": _word,
        "fontSize": _number, "line": _flag,
    }  # fmt: skip
    made = _object(value, place, rules)
    if "type" not in made:
        raise Refused(place, f"It needs a type: {', '.join(sorted(_MARKS))}.")
    return made


class _Columns:
    """The columns of the result by the names that a specification uses, and which of them are used."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._names = list(table.column_names)
        self._used: dict[str, str] = {}

    def encoding(self, value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Refused(place, "It is an object from channels to fields.")
        made: dict[str, Any] = {}
        for channel, given in value.items():
            if channel not in _CHANNELS:
                raise Refused(f"{place}.{_short(channel)}", f"Channels are {', '.join(sorted(_CHANNELS))}.")
            several = channel in ("tooltip", "detail", "order") and isinstance(given, list)
            fields = [self._channel(item, f"{place}.{channel}") for item in (given if several else [given])]
            made[channel] = fields if several else fields[0]
        return made

    def _channel(self, value: Any, place: str) -> dict[str, Any]:
        rules: dict[str, Check] = {
            "field": self._field, "type": _one_of(_TYPES), "aggregate": _one_of(_AGGREGATES), "bin": _bin,
            "timeUnit": _word, "title": _title, "sort": self._sort, "stack": _stack, "axis": _axis, "scale": _scale,
            "legend": _legend, "header": _legend, "format": _format, "value": _scalar, "datum": _scalar,
            "columns": _number,
        }  # fmt: skip
        made = _object(value, place, rules)
        if "field" in made:
            name = self._match(value["field"], place)
            made.setdefault("type", self._type(name) if made.get("aggregate") != "count" else "quantitative")
            made.setdefault("title", _title(f"{made.get('aggregate', '')} {name}".strip(), place))
        elif made.get("aggregate") == "count":
            made.setdefault("type", "quantitative")
        return made

    def _field(self, value: Any, place: str) -> str:
        name = self._match(value, place)
        if name not in self._used:
            plain = _PLAIN.fullmatch(name) and name.casefold() not in _SPECIAL
            self._used[name] = name if plain else f"column_{self._names.index(name) + 1}"
        return self._used[name]

    def _match(self, value: Any, place: str) -> str:
        found = [name for name in self._names if name == value] or [
            name for name in self._names if isinstance(value, str) and name.casefold() == value.casefold()
        ]
        if len(found) != 1:
            listed = ", ".join(_short(name) for name in self._names[:30])
            allowed = f"There is no column {_short(value)}. The result's columns are {listed}."
            raise Refused(place, allowed, "chart_unknown_column")
        return str(found[0])

    def _sort(self, value: Any, place: str) -> Any:
        if isinstance(value, dict):
            rules: dict[str, Check] = {
                "field": self._field, "op": _one_of(_AGGREGATES), "order": _one_of({"ascending", "descending"}),
                "encoding": _one_of(_CHANNELS),
            }  # fmt: skip
            return _object(value, place, rules)
        if isinstance(value, list):
            return [_scalar(item, place) for item in value[:200]]
        return None if value is None else _word(value, place)

    def _type(self, name: str) -> str:
        import pyarrow.types as pt

        kind = self._table.schema.field(name).type
        if pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind):
            return "quantitative"
        return "temporal" if pt.is_date(kind) or pt.is_timestamp(kind) else "nominal"

    def data(self) -> list[dict[str, Any]]:
        """The rows with the used columns only.  Raises ``Refused``."""
        import pyarrow.types as pt

        if self._table.num_rows > MAX_ROWS:
            raise Refused("data", f"At most {MAX_ROWS:,} rows are drawn; aggregate in SQL first.")
        chosen = self._table.select(list(self._used))
        # A browser reads a bare date as midnight in London and shows the day before to half the world.
        days = [pt.is_date(field.type) for field in chosen.schema]
        return [
            {
                name: f"{cell}T00:00:00" if day and cell is not None else _flat(cell)
                for name, cell, day in zip(self._used.values(), row, days, strict=True)
            }
            for row in values.json_rows(chosen)
        ]


def _flat(cell: Any) -> Any:
    return json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else cell


# --- the values -----------------------------------------------------------------------------------


def _object(value: Any, place: str, rules: Mapping[str, Check]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(place, "It is an object.")
    for key in value:
        if key not in rules:
            raise Refused(f"{place}.{_short(key)}", f"Allowed here are {', '.join(sorted(rules))}.")
    made = {key: rules[key](item, f"{place}.{key}") for key, item in value.items()}
    return {key: item for key, item in made.items() if item is not _DROPPED}


_DROPPED: Final = object()


def _drop(value: Any, place: str) -> Any:
    return _DROPPED


def _named_data(value: Any, place: str) -> Any:
    if isinstance(value, dict) and set(value) <= {"name"}:
        return _DROPPED
    raise Refused(place, "Leave it out: the data are those of the named result.")


def _short(value: Any) -> str:
    return visible(str(value))[:60]


def _text(value: Any, place: str) -> str:
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        value = value["text"]
    if not isinstance(value, str):
        raise Refused(place, "It is text.")
    return visible(value)[:_MAX_TEXT]


def _title(value: Any, place: str) -> str | None:
    if value is None:
        return None
    text = _text(value, place)
    return f"{text} (column)" if text.strip().casefold() in _SPECIAL else text


def _one_of(allowed: frozenset[str] | set[str]) -> Check:
    def check(value: Any, place: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise Refused(place, f"It is one of {', '.join(sorted(allowed))}.")
        return value

    return check


def _word(value: Any, place: str) -> str:
    return _matching(_WORD, value, place, "It is one word.")


def _colour(value: Any, place: str) -> str:
    return _matching(_COLOUR, value, place, "It is a colour: its name, or #rrggbb.")


def _format(value: Any, place: str) -> str:
    return _matching(_FORMAT, value, place, "It is a number or date format such as ,.1f or %Y-%m.")


def _matching(pattern: re.Pattern[str], value: Any, place: str, allowed: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Refused(place, allowed)
    return value


def _flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise Refused(place, "It is true or false.")
    return value


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e6:
        raise Refused(place, "It is a number.")
    return value


def _numbers(value: Any, place: str) -> list[float]:
    if not isinstance(value, list) or len(value) > 8:
        raise Refused(place, "It is a short list of numbers.")
    return [_number(item, place) for item in value]


def _size(value: Any, place: str) -> Any:
    if value == "container":
        return value
    return max(20.0, min(_number(value, place), 2000.0))


def _scalar(value: Any, place: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    return _text(value, place) if isinstance(value, str) else _number(value, place)


def _bin(value: Any, place: str) -> Any:
    if isinstance(value, dict):
        return _object(value, place, {"maxbins": _number, "step": _number})
    return _flag(value, place)


def _stack(value: Any, place: str) -> Any:
    return value if value is None or isinstance(value, bool) else _one_of({"zero", "normalize", "center"})(value, place)


def _axis(value: Any, place: str) -> Any:
    rules: dict[str, Check] = {
        "title": _title, "format": _format, "labelAngle": _number, "grid": _flag, "tickCount": _number, "labels": _flag,
    }  # fmt: skip
    return None if value is None else _object(value, place, rules)


def _legend(value: Any, place: str) -> Any:
    return None if value is None else _object(value, place, {"title": _title, "format": _format, "orient": _word})


def _scale(value: Any, place: str) -> Any:
    rules: dict[str, Check] = {
        "type": _word, "zero": _flag, "nice": _flag, "reverse": _flag, "scheme": _word, "domain": _scalars,
        "range": _colours, "base": _number,
    }  # fmt: skip
    return None if value is None else _object(value, place, rules)


def _scalars(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > 200:
        raise Refused(place, "It is a list of values.")
    return [_scalar(item, place) for item in value]


def _colours(value: Any, place: str) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > 200:
        raise Refused(place, "It is a list of colours or numbers.")
    return [_colour(item, place) if isinstance(item, str) else _number(item, place) for item in value]
