"""Reading a department's answer: the declared fields of its records, of the declared types, nothing else."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from chengshu_gateway import matching
from chengshu_gateway.bundle import Column
from chengshu_gateway.sources import Source

_ABSENT = object()
_LONGEST = 10_000
_TRUTH = {"1": 1, "0": 0}


class WrongAnswerError(ValueError):
    """An answer that is not what the department declared; the text says what, without a value."""


def read(source: Source, columns: Sequence[Column], body: bytes) -> list[dict[str, Any]]:
    """Return the records of an answer as columns; raises WrongAnswerError."""
    try:
        document = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise WrongAnswerError("应答不是合规的 JSON") from error
    if source.success_at:
        said = _at(document, source.success_at)
        word = json.dumps(said) if isinstance(said, bool) else str(said)
        if said is _ABSENT or word not in source.success_is:
            raise WrongAnswerError("来源接口报告失败")
    found = _at(document, source.rows_at) if source.rows_at else document
    if found is _ABSENT:
        raise WrongAnswerError(f"应答里没有 {source.rows_at}")
    records = [] if found is None else found if isinstance(found, list) else [found]
    if len(records) > source.most:
        raise WrongAnswerError(f"应答超过约定的 {source.most} 条")
    return [_record(source, columns, each) for each in records]


def _record(source: Source, columns: Sequence[Column], record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise WrongAnswerError("应答里的记录不是对象")
    found = {}
    for column in columns:
        if (path := source.fields.get(column.name)) is None:
            continue
        raw = _at(record, path)
        value = None if raw is _ABSENT or raw is None else _value(column.type, raw)
        if raw is not _ABSENT and raw is not None and value is None and raw != "":
            raise WrongAnswerError(f"字段 {column.name} 不是约定的类型 {column.type}")
        if value is None and column.required:
            raise WrongAnswerError(f"字段 {column.name} 应有值而没有")
        found[column.name] = value
    return found


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return _ABSENT
        document = document[name]
    return document


def _value(kind: str, raw: Any) -> Any:
    """A value as snapshots keep it (see `snapshot_build`); None when it is not of the kind."""
    if isinstance(raw, str) and len(raw) > _LONGEST:
        return None
    match kind:
        case "text":
            return _text(raw)
        case "boolean":
            return _TRUTH.get(matching.normal(kind, raw) or "")
        case "integer":
            return None if (text := matching.normal(kind, raw)) is None else int(text)
        case "real":
            return _real(raw)
        case "decimal":
            return _decimal(raw)
        case "date":
            return matching.normal(kind, raw) if isinstance(raw, str) else None
    return _moment(raw)


def _text(raw: Any) -> str | None:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    if not isinstance(raw, str) or any("\ud800" <= c <= "\udfff" for c in raw):
        return None
    return raw


def _real(raw: Any) -> float | None:
    text = matching.normal("real", raw)
    return None if text is None or not math.isfinite(float(text)) else float(text)


def _decimal(raw: Any) -> str | None:
    if matching.normal("decimal", raw) is None:
        return None
    try:
        return format(Decimal(str(raw).strip()), "f")
    except InvalidOperation:
        return None


def _moment(raw: Any) -> str | None:
    if not isinstance(raw, str):
        return None
    try:
        moment = datetime.fromisoformat(raw.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.isoformat(timespec="seconds")
    try:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
