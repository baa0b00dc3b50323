"""Writes decisions about quarantined rows: by the statement, not by the row, for there may be a million of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from chengshu.data.ingest.choices import DecisionKind
from chengshu.data.ingest.models import Batch, QuarantineDecision
from chengshu.data.ingest.quarantined import known_rows
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict, NotFound

Values = Mapping[str, str | None]
# Rows of one statement: the parameters of it are one JSON text, so neither database sets a limit below this.
STATEMENT_ROWS = 10_000
# Rows looked up by one list of numbers; SQLite takes no more than some ten thousand parameters.
_LOOKED_UP = 1_000
# The given rows as a table in the words of each database: their number, their values, where they come from.
_GIVEN = {
    "sqlite": (
        "json_extract(given.value, '$[0]')", "json_extract(given.value, '$[1]')",
        "json_each(%s) AS given",
    ),
    "postgresql": (
        "(given.value ->> 0)::bigint", "(given.value ->> 1)::jsonb",
        "json_array_elements(%s::json) AS given(value)",
    ),
}  # fmt: skip


def seen_mark(decision: QuarantineDecision | None) -> str:
    """What a form keeps of the state a person looked at; see ``seen`` of :func:`decide`."""
    return decision.decided_at.isoformat() if decision else ""


def hold(batch: Batch) -> None:
    """Whoever decides about rows of this batch waits here, so that comparing and writing are one step."""
    Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)


def decide(
    actor: Actor,
    batch: Batch,
    values: Mapping[int, Values],
    kind: DecisionKind,
    *,
    note: str = "",
    seen: str | None = None,
    only_open: bool = False,
    since: datetime | None = None,
) -> int:
    """Write one decision about several rows, all or none; returns how many.

    ``only_open`` leaves out rows somebody has decided about meanwhile. ``seen`` is the :func:`seen_mark` of what the
    person looked at, ``since`` the moment of looking: where somebody has decided meanwhile, nothing is written.

    Raises:
        NotFound: a row is not in quarantine. Conflict: a row was replayed, or somebody else was first.
    """
    hold(batch)
    absent = sorted(set(values) - known_rows(batch, values))
    if absent:
        raise NotFound(f"第 {absent[0]} 行不在这个批次的隔离区里。", kept="没有做任何改动。")
    wanted, now = list(values), timezone.now()
    if only_open:
        given = [(n, values[n]) for n in wanted]
        return _write(actor, batch, given, kind=kind, note=note, at=now, renew=False)
    rows: list[tuple[int, Values]] = []
    for start in range(0, len(wanted), _LOOKED_UP):
        chunk = wanted[start : start + _LOOKED_UP]
        found = batch.decisions.select_for_update().filter(row_number__in=chunk)
        known = {decision.row_number: decision for decision in found}
        for number in chunk:
            earlier = known.get(number)
            if earlier is not None:
                _require_changeable(earlier, seen, since)
            new = values[number]
            rows.append((number, {**earlier.values, **new} if earlier else new))
    return _write(actor, batch, rows, kind=kind, note=note, at=now, renew=True)


def decide_open(
    actor: Actor,
    batch: Batch,
    row_numbers: Sequence[int],
    values: Values,
    kind: DecisionKind,
    *,
    note: str = "",
    at: datetime,
) -> int:
    """The same decision about rows of the quarantine, but those somebody has decided about; returns how many.

    The caller has the row numbers from the batch's own file: they are not looked for again.
    """
    hold(batch)
    rows = [(number, values) for number in row_numbers]
    return _write(actor, batch, rows, kind=kind, note=note, at=at, renew=False)


def _require_changeable(item: QuarantineDecision, seen: str | None, since: datetime | None) -> None:
    number = item.row_number
    if item.kind == DecisionKind.REPLAYED:
        raise Conflict(
            f"第 {number} 行已经回放，不能再改。", kept="没有做任何改动。",
            advice="请到回放批次查看结果。",
        )  # fmt: skip
    later = since is not None and item.decided_at > since
    if not later and (seen is None or seen == seen_mark(item)):
        return
    who = item.decided_by.display_name if item.decided_by else "别人"
    raise Conflict(
        f"第 {number} 行刚刚由 {who} 处理过（{item.get_kind_display()}）。",
        kept="您的更正没有保存，对方的更正还在。",
        advice="请刷新页面，看过对方的更正后再决定。",
    )


def _write(
    actor: Actor,
    batch: Batch,
    rows: Sequence[tuple[int, Values]],
    *,
    kind: DecisionKind,
    note: str,
    at: datetime,
    renew: bool,
) -> int:
    """One statement for many rows. Where a decision exists it is renewed, or left as it is."""
    number, value, source = _GIVEN[connection.vendor]
    meta, quote = QuarantineDecision._meta, connection.ops.quote_name
    shared = {
        "batch": batch.pk, "kind": kind.value, "note": note, "decided_at": at,
        "decided_by": actor.account.pk if actor.account else None,
    }  # fmt: skip
    fields: list[Any] = [meta.get_field(name) for name in shared]
    names = {field.name: quote(field.column) for field in fields}
    names |= {"row_number": quote("row_number"), "values": quote("values")}
    changed = [names[n] for n in ("kind", "note", "decided_by", "decided_at", "values")]
    then = "NOTHING"
    if renew:
        then = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in changed)
    # Only names of the model and placeholders go into the text.
    statement = (
        f"INSERT INTO {quote(meta.db_table)} ({', '.join(names.values())}) "  # noqa: S608 - own names
        f"SELECT {', '.join(['%s'] * len(shared))}, {number}, {value} FROM {source} WHERE 1 = 1 "
        f"ON CONFLICT ({names['batch']}, {names['row_number']}) DO {then}"
    )
    given = [
        field.get_db_prep_save(value, connection=connection)
        for field, value in zip(fields, shared.values(), strict=True)
    ]
    texts: dict[int, str] = {}  # rows decided alike share one mapping: it is written out once
    count = 0
    with connection.cursor() as cursor:
        for start in range(0, len(rows), STATEMENT_ROWS):
            pairs = []
            for row_number, row_values in rows[start : start + STATEMENT_ROWS]:
                text = texts.get(id(row_values))
                if text is None:
                    text = texts[id(row_values)] = json.dumps(dict(row_values))
                pairs.append((row_number, text))
            cursor.execute(statement, [*given, json.dumps(pairs)])
            count += cursor.rowcount
    return count
