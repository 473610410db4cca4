"""What a query plan means, slowly: a second implementation, row by row and with pandas' own statistics.

Takes a resolved plan as JSON values and pandas DataFrames, and needs nothing but pandas: a test may run it here,
or send this file as Python into the sandbox.
"""

import datetime as dt
import math
import operator

import pandas as pd

MONTHS = {"year": 12, "quarter": 3, "month": 1}
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def run(plan, tables):
    """The rows of the result, as tuples; their order is that of ``order``, and no other."""
    return [tuple(row.values()) for row in query(plan, tables)]


def query(plan, tables):
    rows, derived = origin(plan, tables)
    everything = rows
    rows = [row for row in rows if all(truth(c, row, everything) for c in listed(plan, "where"))]
    grouped = any(listed(plan, key) for key in ("measures", "group_by", "having"))
    found = groups(plan, rows, everything) if grouped else plain(plan, rows, derived)
    for one in listed(plan, "sets"):
        left = unique(list(row.values()) for row in found)
        right = unique(list(row.values()) for row in query(one["plan"], tables))
        names = list(found[0]) if found else [str(n) for n in range(99)]
        if one["operator"] == "union":
            left = unique(left + right)
        else:
            left = [row for row in left if (row in right) == (one["operator"] == "intersect")]
        found = [dict(zip(names, row, strict=False)) for row in left]
    return found


def unique(rows):
    kept = []
    for row in rows:
        if list(row) not in kept:
            kept.append(list(row))
    return kept


def listed(plan, key):
    value = plan.get(key) or []
    return value if isinstance(value, list) else [value]


# --- sources --------------------------------------------------------------------------------------


def origin(plan, tables):
    """The joined rows with their derived columns, and the names that a list without ``select`` shows."""
    source = plan["from"]
    if isinstance(source, dict):
        rows, name = query(source, tables), plan.get("as", "source")
    else:
        rows, name = records(tables[source]), source
    shown = list(rows[0]) if rows else []
    if plan.get("joins"):
        shown = [f"{name}.{column}" for column in shown]
        rows = [{f"{name}.{column}": value for column, value in row.items()} for row in rows]
    for join in plan.get("joins", []):
        rows = joined(rows, join, tables)
    for row in rows:
        for one in plan.get("derive", []):
            row[one["name"]] = value_of(one["expression"], row)
    return rows, shown + [one["name"] for one in plan.get("derive", [])]


def records(frame):
    return [
        {name: cell(value) for name, value in zip(frame.columns, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def cell(value):
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def joined(rows, join, tables):
    name, kind = join.get("as", join["table"]), join.get("kind", "inner")
    right = [{f"{name}.{column}": value for column, value in row.items()} for row in records(tables[join["table"]])]
    columns = [f"{name}.{column}" for column in tables[join["table"]].columns]
    right = [row for row in right if all(truth(c, row, right) for c in listed(join, "where"))]
    pairs = [(p, p) if isinstance(p, str) else (p["left"], p["right"]) for p in join["on"]]
    found = []
    for row in rows:
        partners = [
            other
            for other in right
            if all(row[one] is not None and row[one] == other[f"{name}.{two}"] for one, two in pairs)
        ]
        if kind in ("semi", "anti"):
            found += [dict(row)] if bool(partners) == (kind == "semi") else []
        else:
            found += [{**row, **partner} for partner in partners]
            if not partners and kind == "left":
                found.append({**row, **dict.fromkeys(columns)})
    return found


# --- values and conditions ------------------------------------------------------------------------


def moment(value):
    """A value as a datetime, so that days and times can be compared."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value


def like(value, other):
    """``value`` of a plan, a text when it is a date, as ``other`` is."""
    if isinstance(other, dt.date) and isinstance(value, str):
        return moment(dt.datetime.fromisoformat(value))
    return value


def part_of(value, part):
    if value is None or not part:
        return value
    if part == "weekday":
        return WEEKDAYS[value.weekday()]
    if part == "week":
        return value.isocalendar()[1]
    if part == "quarter":
        return (value.month + 2) // 3
    if part == "date":
        return dt.date(value.year, value.month, value.day)
    if part == "hour":
        return getattr(value, "hour", 0)
    return getattr(value, part)


def bucket_of(value, bucket):
    if value is None:
        return None
    if bucket == "hour":
        return moment(value).replace(minute=0, second=0, microsecond=0)
    day = dt.date(value.year, value.month, value.day)
    if bucket == "day":
        return day
    if bucket == "week":
        return day - dt.timedelta(days=day.weekday())
    size = MONTHS[bucket]
    return dt.date(day.year, (day.month - 1) // size * size + 1, 1)


def value_of(node, row):
    if isinstance(node, str):
        return row[node]
    if not isinstance(node, dict):
        return node
    if "column" in node:
        return row[node["column"]]
    if "value" in node:
        return node["value"]
    if "case" in node:
        for branch in node["case"]:
            if truth(branch["when"], row, []):
                return value_of(branch["then"], row)
        return None if node.get("else") is None else value_of(node["else"], row)
    name, values = node["call"], [value_of(one, row) for one in node["of"]]
    if name == "coalesce":
        return next((value for value in values if value is not None), None)
    if any(value is None for value in values):
        return None
    first = values[0]
    if name in ("+", "-", "*"):
        return {"+": first + values[1], "-": first - values[1], "*": first * values[1]}[name]
    if name == "/":
        return None if values[1] == 0 else first / values[1]
    if name == "bin":
        return math.floor(first / values[1]) * values[1]
    if name in ("abs", "floor", "ceil"):
        return {"abs": abs, "floor": math.floor, "ceil": math.ceil}[name](first)
    if name in ("lower", "upper", "length"):
        return {"lower": str.lower, "upper": str.upper, "length": len}[name](first)
    if name.startswith("start of "):
        return bucket_of(first, name[9:])
    if name.endswith(" between"):
        start, end = (moment(like(value, dt.date.min)) for value in values)
        return (end - start).total_seconds() / {"days": 86400, "hours": 3600, "minutes": 60}[name.split()[0]]
    return part_of(first, name)


COMPARISONS = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def compared(sign, one, other):
    return COMPARISONS[sign](moment(one), moment(other))


def test(sign, value, wanted):
    if sign in ("null", "not null"):
        return (value is None) == (sign == "null")
    if value is None:
        return None
    wanted = [moment(like(one, value)) for one in wanted]
    value = moment(value)
    if sign == "between":
        return wanted[0] <= value <= wanted[1]
    if sign in ("in", "not in"):
        return (value in wanted) == (sign == "in")
    if sign in ("starts with", "ends with", "contains"):
        return {
            "starts with": value.startswith, "ends with": value.endswith, "contains": value.__contains__,
        }[sign](wanted[0])  # fmt: skip
    return compared(sign, value, wanted[0])


def truth(node, row, everything):
    """True, False, or None where a missing value leaves it open."""
    if "all" in node:
        found = [truth(one, row, everything) for one in node["all"]]
        return False if False in found else (None if None in found else True)
    if "any" in node:
        found = [truth(one, row, everything) for one in node["any"]]
        return True if True in found else (None if None in found else False)
    if "not" in node:
        found = truth(node["not"], row, everything)
        return None if found is None else not found
    if "left" in node:
        one, right = value_of(node["left"], row), node["right"]
        measured = isinstance(right, dict) and "measure" in right
        other = measure(right["measure"], everything, everything) if measured else value_of(right, row)
        if one is None or other is None:
            return None
        return compared(node["operator"], one, like(other, one))
    value = part_of(row[node["column"]], node.get("part", ""))
    wanted = node.get("values") or ([node["value"]] if node.get("value") is not None else [])
    if node.get("ignore_case"):
        value, wanted = (None if value is None else value.lower()), [one.lower() for one in wanted]
    return test(node["operator"], value, wanted)


# --- measures -------------------------------------------------------------------------------------


def measure(node, rows, everything):
    if node == "count":
        return len(rows)
    if "combine" in node:
        one, other = (measure(node[side], rows, everything) for side in ("left", "right"))
        if one is None or other is None or (node["combine"] in ("/", "percent") and other == 0):
            return None
        return {"-": lambda: one - other, "+": lambda: one + other, "*": lambda: one * other,
                "/": lambda: one / other, "percent": lambda: 100 * one / other}[node["combine"]]()  # fmt: skip
    rows = [row for row in rows if all(truth(c, row, everything) for c in listed(node, "where"))]
    function, column = node["function"], node.get("column")
    if column is None:
        return len(rows)
    values = [row[column] for row in rows if row[column] is not None]
    if function in ("count", "count distinct"):
        return len(values) if function == "count" else len(set(values))
    if function == "correlation":
        pairs = [(row[column], row[node["other"]]) for row in rows]
        frame = pd.DataFrame([pair for pair in pairs if None not in pair], columns=["x", "y"], dtype=float)
        return cell(float(frame["x"].corr(frame["y"]))) if len(frame) > 1 else None
    if not values:
        return None
    if function in ("min", "max"):
        return min(values) if function == "min" else max(values)
    series = pd.Series(values, dtype=float)
    if function == "quantile":
        return cell(float(series.quantile(node["quantile"])))
    if function in ("stddev", "stddev population"):
        return cell(float(series.std(ddof=function == "stddev")))
    return cell(float({"sum": series.sum, "mean": series.mean, "median": series.median}[function]()))


def key_of(group, row):
    group = {"column": group} if isinstance(group, str) else group
    value = row[group["column"]]
    return bucket_of(value, group["bucket"]) if "bucket" in group else part_of(value, group.get("part", ""))


def label(group):
    if isinstance(group, str):
        return group
    period = group.get("bucket") or group.get("part")
    return group.get("name") or (f"{period} of {group['column']}" if period else group["column"])


def groups(plan, rows, everything):
    dimensions = listed(plan, "group_by")
    found = {} if dimensions else {(): []}
    for row in rows:
        found.setdefault(tuple(key_of(group, row) for group in dimensions), []).append(row)
    names = [label(group) for group in dimensions]
    everyone = list(found)
    windows = any("window" in node for node in listed(plan, "measures") if isinstance(node, dict))
    placed = "first" in plan or "place" in plan
    if placed and not windows:
        found = {key: members for key, members in found.items() if None not in key}
        everyone = list(found)
    kept = [key for key in everyone if all(having(c, key, found, everything) for c in listed(plan, "having"))]
    if placed:
        kept = [key for key in kept if None not in key]
    looked = everyone if windows else kept
    result = []
    for key in kept:
        shown = dict(zip(names, key, strict=True))
        for place, node in enumerate(listed(plan, "measures")):
            window = isinstance(node, dict) and "window" in node
            shown[f"measure {place}"] = (
                windowed(node, key, dimensions, looked, found, everything)
                if window
                else measure(node, found[key], everything)
            )
        result.append(shown)
    return placed_rows(plan, result, [measure_name(node, n) for n, node in enumerate(listed(plan, "measures"))])


def measure_name(node, place):
    return (f"measure {place}", node.get("name", "") if isinstance(node, dict) else "rows")


def having(node, key, found, everything):
    if "all" in node or "any" in node or "not" in node:
        inner = {
            name: [{"held": having(c, key, found, everything)} for c in node[name]]
            for name in ("all", "any")
            if name in node
        }
        if "not" in node:
            inner["not"] = {"held": having(node["not"], key, found, everything)}
        return held(inner)
    value = measure(node["measure"], found[key], everything)
    if "groups" in node:
        values = [measure(node["measure"], members, everything) for members in found.values()]
        series = pd.Series([one for one in values if one is not None], dtype=float)
        if value is None or series.empty:
            return None
        return compared(node["operator"], value, float(getattr(series, node["groups"])()))
    return test(node["operator"], value, node.get("values") or [node.get("value")])


def held(node):
    if "held" in node:
        return node["held"]
    if "not" in node:
        value = held(node["not"])
        return None if value is None else not value
    name = "all" if "all" in node else "any"
    values = [held(one) for one in node[name]]
    decisive = name == "any"
    return decisive if decisive in values else (None if None in values else not decisive)


def windowed(node, key, dimensions, everyone, found, everything):
    names = [label(group) for group in dimensions]

    def value(of):
        return measure(node["of"], found[of], everything)

    own = value(key)
    if node["window"] in ("share", "rank"):
        within = [names.index(name) for name in listed(node, "within")]
        peers = [of for of in everyone if all(of[n] == key[n] for n in within)]
        others = [value(of) for of in peers if value(of) is not None]
        if own is None:
            return None
        if node["window"] == "share":
            return own / sum(others) if sum(others) else None
        better = [one for one in others if (one > own if node.get("descending", True) else one < own)]
        return len(better) + 1
    axis = names.index(node["along"]) if node.get("along") else 0
    group = dimensions[axis]
    peers = [of for of in everyone if all(of[n] == key[n] for n in range(len(names)) if n != axis)]
    peers.sort(key=lambda of: sort_value(of[axis], group))
    before = peers[: peers.index(key)]
    if node["window"] == "running total":
        values = [value(of) for of in [*before, key] if value(of) is not None]
        return sum(values) if values else None
    if not before:
        return None
    earlier = value(before[-1])
    timed = isinstance(group, dict) and (group.get("bucket") or group.get("part"))
    if timed and (key[axis] is None or previous(key[axis], group) != before[-1][axis]):
        return None
    if own is None or earlier is None or (node["window"] == "growth" and earlier == 0):
        return None
    return own - earlier if node["window"] == "change" else (own - earlier) / earlier


def sort_value(value, group):
    if isinstance(group, dict) and group.get("part") == "weekday" and value is not None:
        value = WEEKDAYS.index(value)
    return (value is None, 0 if value is None else value)


def previous(value, group):
    if group.get("bucket") in MONTHS:
        month = value.year * 12 + value.month - 1 - MONTHS[group["bucket"]]
        return dt.date(month // 12, month % 12 + 1, 1)
    if group.get("bucket") or group.get("part") == "date":
        steps = {"week": dt.timedelta(days=7), "hour": dt.timedelta(hours=1)}
        return value - steps.get(group.get("bucket"), dt.timedelta(days=1))
    return value - 1


# --- rows and their places ------------------------------------------------------------------------


def plain(plan, rows, everything):
    names = plan.get("select") or everything
    if plan.get("distinct"):
        shown = [dict(zip(names, values, strict=True)) for values in unique([row[n] for n in names] for row in rows)]
        return placed_rows(plan, shown, [])
    result = placed_rows(plan, rows, [])
    return [{name: row[name] for name in names} for row in result]


def placed_rows(plan, rows, measures):
    orders = [{"by": one} if isinstance(one, str) else one for one in listed(plan, "order")]
    for one in orders:
        one["by"] = next((name for name, said in measures if said == one["by"]), one["by"])
    if ("first" in plan or "place" in plan) and orders:
        rows = [row for row in rows if row[orders[0]["by"]] is not None]
        kept = []
        within = listed(plan, "within")
        for row in rows:
            peers = [other for other in rows if all(other[name] == row[name] for name in within)]
            values = [other[orders[0]["by"]] for other in peers]
            own, down = row[orders[0]["by"]], orders[0].get("descending", False)
            better = [value for value in values if (value > own if down else value < own)]
            if "place" in plan:
                kept += [row] if len(set(better)) + 1 == plan["place"] else []
            else:
                kept += [row] if len(better) + 1 <= plan["first"] else []
        rows = kept
    for one in reversed(orders):
        present = [row for row in rows if row[one["by"]] is not None]
        missing = [row for row in rows if row[one["by"]] is None]
        rows = sorted(present, key=lambda row: row[one["by"]], reverse=one.get("descending", False)) + missing
    return rows
