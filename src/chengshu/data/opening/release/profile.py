"""What is in a release, counted over all of its rows: filled cells, ranges, frequent values, years, places."""

# ruff: noqa: S608 - identifiers go through quoted(), which doubles the quotes; values are parameters

import re
from collections.abc import Collection, Sequence
from typing import Any

from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening.disclosure.review import (
    PERSONAL,
    Cell,
    ReleaseRefused,
    begun,
    cell,
    proposal,
)
from chengshu.data.opening.masking import FABRICATED, proposed
from chengshu.data.opening.release.places import places_of
from chengshu.data.opening.release.values import json_value
from chengshu.data.opening.row_scope import quoted
from chengshu.data.opening.zone import ZoneCopy, lake
from chengshu.data.protection.facade import STRICT_PATTERNS, Kind, detect_column, mask_name
from chengshu_lake import TableAt

MAX_VALUES = 40
MAX_POINTS = 1_500
_VALUE_LENGTH = 60
_KEYS_SHOWN = 5
_LABEL = re.compile(r"名称|站名")
# Besides what stands out in single rows, whole columns are judged; names and addresses of offices are public.
_REFUSED = (Kind.ID_NUMBER, Kind.MOBILE, Kind.BANK_CARD, Kind.EMAIL)
# Catalogued as numbers of organisations, places or offices; their own shape would only cause false alarms.
_PUBLIC_NUMBERS = {"uscc", "region12", "region6", "phone", "postcode"}


def rows_of(copy: ZoneCopy, query: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The answer of one SELECT over the copy as ``t``."""
    tables = {"t": TableAt(copy.table, copy.version)}
    found: list[dict[str, Any]] = (
        lake().sql(query, tables=tables, params=params).read_all().to_pylist()
    )
    return found


def refuse_personal(copy: ZoneCopy) -> None:
    """Look into every text field for what a catalogue or a mask may have overlooked.

    In masked fields nothing personal of any kind may be left; what a pseudonym fabricates is its own.

    Raises:
        ReleaseRefused: personal data was found; names fields, how many rows and the keys of some, never the values.
    """
    texts = [
        c for c in copy.columns
        if str(c.type) == "text" and str(c.format or "") not in _PUBLIC_NUMBERS and c.codes is None
    ]  # fmt: skip
    if not texts:
        return
    checks = [
        (column, kind, pattern)
        for column in texts
        for kind, pattern in STRICT_PATTERNS.items()
        if kind in _refused(copy, column)
    ]
    counts = ", ".join(
        [
            "count(*) AS n",
            *(
                f"count(*) FILTER (regexp_matches({quoted(column.name)}, ?)) AS c{index}"
                for index, (column, _, _) in enumerate(checks)
            ),
        ]
    )
    answer = rows_of(copy, f"SELECT {counts} FROM t", [pattern for _, _, pattern in checks])[0]
    found = [
        _found(copy, column, kind, answer[f"c{index}"], _keys(copy, column, pattern))
        for index, (column, kind, pattern) in enumerate(checks)
        if answer[f"c{index}"]
    ]
    told = {(column.name, kind) for i, (column, kind, _) in enumerate(checks) if answer[f"c{i}"]}
    found += _in_columns(copy, texts, told)
    if found:
        told_apart = begun(copy.rows) | {
            "cells": found, "proposals": _ways_out(copy, found),
            "titles": {column.name: column.title for column in copy.columns},
        }  # fmt: skip
        raise ReleaseRefused(
            f"数据中发现个人信息：{'；'.join(cell['why'] for cell in found)}。",
            review=told_apart,
            advice="请去掉这些字段，换一种隐藏更多的脱敏方式，或用行范围排除这些行后再发布。",
        )


def _refused(copy: ZoneCopy, column: ColumnSpec) -> Collection[Kind]:
    """The kinds that must not be in a field."""
    mask = copy.masks.get(column.name)
    return _REFUSED if mask is None else set(Kind) - FABRICATED.get(mask, frozenset())


def _found(
    copy: ZoneCopy, column: ColumnSpec, kind: Kind, rows: int, keys: Sequence[str] = ()
) -> Cell:
    masked = "脱敏后仍" if column.name in copy.masks else ""
    told = f"“{column.title}”{masked}有 {rows:,} 行像{kind.label}"
    return cell(PERSONAL, columns=[column.name], rows=rows, why=told, keys=keys)


def _keys(copy: ZoneCopy, column: ColumnSpec, pattern: str) -> list[str]:
    """Keys of some rows in which a field matches; none where the key itself is not released as it is, or suspect."""
    key = next((c.name for c in copy.columns if c.key and c.name not in copy.masks), "")
    if not key or key == column.name:
        return []
    query = (
        f"SELECT {quoted(key)} AS k FROM t WHERE regexp_matches({quoted(column.name)}, ?)"
        f" ORDER BY 1 LIMIT {_KEYS_SHOWN}"
    )
    return [str(row["k"]) for row in rows_of(copy, query, [pattern])]


def _ways_out(copy: ZoneCopy, found: Sequence[Cell]) -> list[dict[str, Any]]:
    """What a click can do about each field in which personal data was found."""
    suspects = list(dict.fromkeys(name for one in found for name in one["columns"]))
    offers = []
    for column in copy.columns:
        if column.name not in suspects:
            continue
        mask = "full" if column.name in copy.masks else proposed(column)
        offers.append(
            proposal(
                "mask",
                column.name,
                mask=mask,
                effect="值不再出现，行都保留",
                title=f"“{column.title}”改为{mask_name(mask)}",
            )
        )
        if len(copy.columns) > len(suspects):
            offers.append(proposal("drop", column.name, title=f"不开放“{column.title}”",
                                   effect="行都保留，少一个字段"))  # fmt: skip
    return offers


def _in_columns(
    copy: ZoneCopy, texts: Sequence[ColumnSpec], told: Collection[tuple[str, Kind]]
) -> list[Cell]:
    """What the detectors see in whole columns and inside their texts, beyond what was told already."""
    names = [column.name for column in texts]
    table = lake().read(copy.table, columns=names, as_of=copy.version).read_all()
    return [
        _found(copy, column, finding.kind, finding.hits)
        for column in texts
        for finding in detect_column(table[column.name], name=column.name, title=column.title)
        if finding.kind in _refused(copy, column) and (column.name, finding.kind) not in told
    ]


def profile(copy: ZoneCopy) -> dict[str, Any]:
    """Counts per field: ``filled``, ``distinct`` (about), ``min``, ``max``, ``values`` (frequent), ``years``."""
    parts = []
    for index, column in enumerate(copy.columns):
        name = quoted(column.name)
        parts += [f"count({name}) AS f{index}", f"approx_count_distinct({name}) AS d{index}"]
        if str(column.type) != "text" and str(column.type) != "boolean":
            parts += [f"min({name}) AS a{index}", f"max({name}) AS z{index}"]
    totals = rows_of(copy, f"SELECT {', '.join(parts)} FROM t")[0]
    fields: dict[str, Any] = {}
    for index, column in enumerate(copy.columns):
        told: dict[str, Any] = {"filled": totals[f"f{index}"], "distinct": totals[f"d{index}"]}
        if f"a{index}" in totals:
            told["min"] = json_value(totals[f"a{index}"])
            told["max"] = json_value(totals[f"z{index}"])
        told |= _frequent(copy, column, told)
        fields[column.name] = told
    return {"fields": fields, **_places(copy)}


def _frequent(copy: ZoneCopy, column: ColumnSpec, told: dict[str, Any]) -> dict[str, Any]:
    name, kind = quoted(column.name), str(column.type)
    if kind in {"date", "datetime"} and told["filled"]:
        query = f"SELECT year({name}) AS y, count(*) AS n FROM t WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 1"
        years = [(row["y"], row["n"]) for row in rows_of(copy, query)]
        return {"years": years} if len(years) <= MAX_VALUES else {}
    # The count of distinct values is an estimate, so ask for one more than will be kept.
    repeated = told["distinct"] * 2 <= told["filled"] and told["distinct"] <= MAX_VALUES * 2
    if kind not in {"text", "boolean"} or not repeated or str(column.format or "") == "phone":
        return {}
    query = (
        f"SELECT CAST({name} AS VARCHAR) AS v, count(*) AS n FROM t WHERE {name} IS NOT NULL"
        f" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MAX_VALUES + 1}"
    )
    values = [(str(row["v"]), row["n"]) for row in rows_of(copy, query)]
    if len(values) > MAX_VALUES or any(len(value) > _VALUE_LENGTH for value, _ in values):
        return {}
    return {"values": values, "distinct": len(values)}


def _places(copy: ZoneCopy) -> dict[str, Any]:
    """An even sample of at most :data:`MAX_POINTS` places as ``points``: longitude, latitude, label."""
    found = places_of(copy.columns)
    if found is None:
        return {}
    east, north = quoted(found.longitude), quoted(found.latitude)
    label = next((c.name for c in copy.columns if _LABEL.search(c.title)), None)
    inside = f"{east} BETWEEN -180 AND 180 AND {north} BETWEEN -90 AND 90"
    total = rows_of(copy, f"SELECT count(*) AS n FROM t WHERE {inside}")[0]["n"]
    if not total:
        return {}
    step = -(-total // MAX_POINTS)
    query = (
        f"SELECT e, n, l FROM (SELECT {east} AS e, {north} AS n, {quoted(label) if label else 'NULL'} AS l,"
        f" row_number() OVER (ORDER BY {east}, {north}) AS i FROM t WHERE {inside}) WHERE i % ? = 0"
    )
    points = [
        (round(float(row["e"]), 6), round(float(row["n"]), 6), row["l"] or "")
        for row in rows_of(copy, query, [step])
    ]
    return {"places": total, "points": points}
