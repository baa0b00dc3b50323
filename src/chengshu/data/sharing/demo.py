"""Loads the demo city's applications, interfaces, grants and the history of calls."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.catalog.facade import published_queryset
from chengshu.data.sharing import calls as counting
from chengshu.data.sharing import statistics
from chengshu.data.sharing.masking import suggested_masks
from chengshu.data.sharing.models import Application, CallCursor, CallStatistic, ShareInterface
from chengshu.data.sharing.publishing import keys, publish_rules
from chengshu.data.sharing.services.applications import issue_key, register_application
from chengshu.data.sharing.services.grants import grant
from chengshu.data.sharing.snapshots import build_snapshot
from chengshu.data.sharing.usage import ANSWERED
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_demo import calls, city
from chengshu_gateway.keys import hash_record_key

PER_DAY = 100_000
HISTORY = "demo"


def load(context: Any) -> None:
    """Create what is missing, publish it to the gateway, and append the history once."""
    resources = {r.physical_name: r.pk for r in published_queryset()}
    applications = [_application(context, item) for item in city().applications]
    for item in city().interfaces:
        _interface(context, item, resources[item.entry])
    version = publish_rules()
    history = load_history(context.scale)
    context.say(
        f"  应用 {len(applications)} 个，接口 {len(city().interfaces)} 个，规则包 v{version}，"
        f"历史调用 {history:,} 次"
    )


def _application(context: Any, item: Any) -> Application:
    known = Application.objects.filter(code=item.code).first()
    if known is not None:
        return known
    made = register_application(
        actor=context.actor, code=item.code, name=item.name, purpose=item.purpose,
        owner=Organization.objects.get(code=item.owner),
    )  # fmt: skip
    issue_key(actor=context.actor, application=made)
    return made


def _interface(context: Any, item: Any, resource: int) -> None:
    interface, _created = ShareInterface.objects.get_or_create(
        code=item.code,
        defaults={"title": item.title, "resource_id": resource, "key_column": item.key_column},
    )
    if not interface.snapshot:
        build_snapshot(interface=interface, context=None)
    granted = set(interface.grants.values_list("application__code", flat=True))
    for code in set(item.applications) - granted:
        grant(
            actor=context.actor,
            application=Application.objects.get(code=code),
            interface=interface,
            fields=list(item.fields),
            masks=suggested_masks(interface.columns, list(item.fields)),
            per_day=PER_DAY,
            purpose=f"演示：{item.title}",
        )


def history(scale: Any) -> Iterator[pa.RecordBatch]:
    """The generated calls, with keys hashed as this city's gateway hashes them.

    The demo's citizens are among those asked about, so that their list of look-ups has something to show.
    """
    secret = keys().record_key
    people = tuple(a.id_number for a in city().accounts if a.role == "citizen")
    return calls(scale, hashing=lambda key: hash_record_key(secret, key), people=people)


def load_history(scale: Any) -> int:
    """Append the generated history of calls to the lake and to the hourly sums, once.

    The lake gets the calls as a stream and the sums are made on the way, batch by batch: batches hold whole
    hours, so no sum is split, and memory holds one batch and the sums.
    """
    done, _created = CallCursor.objects.get_or_create(name=HISTORY)
    if done.batch:
        return sum(CallStatistic.objects.values_list("calls", flat=True))
    sums: list[pa.Table] = []

    def stream() -> Iterator[pa.RecordBatch]:
        sums.clear()
        for batch in history(scale):
            rows = _rows(batch)
            sums.append(_sums(rows))
            yield from rows.to_batches()

    reader = pa.RecordBatchReader.from_batches(counting.SCHEMA, stream())
    lake = counting.open_table()
    result = lake.append(counting.TABLE, reader, commit_key=f"demo-calls-{scale}", source="demo")
    if result.replayed:
        # The calls are in the lake from a run that was killed before it counted them.
        for _batch in stream():
            continue
    with unit_of_work():
        counting.lock()
        CallCursor.objects.filter(name=HISTORY).update(batch=1)
        return sum(statistics.add(_rows_of(part)) for part in sums)


def _rows(batch: pa.RecordBatch) -> pa.Table:
    """Generated calls in the shape of the call table."""
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in counting.SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=counting.SCHEMA)


def _sums(rows: pa.Table) -> pa.Table:
    """Hourly sums computed in Arrow, because a million rows are too many for a Python loop."""
    hours = pc.floor_temporal(rows.column("called_at"), unit="hour")
    return (
        rows.append_column("hour", hours)
        .group_by(["hour", "application", "interface", "outcome"])
        .aggregate([("micros", "count"), ("micros", "sum")])
    )


def _rows_of(part: pa.Table) -> Iterator[statistics.Sum]:
    names = ("hour", "application", "interface", "outcome", "micros_count", "micros_sum")
    for batch in part.to_batches(10_000):
        columns: list[list[Any]] = [batch.column(name).to_pylist() for name in names]
        for hour, application, interface, outcome, number, micros in zip(*columns, strict=True):
            assert isinstance(hour, datetime)
            charged = number if outcome in ANSWERED else 0
            yield statistics.Sum(hour, application, interface, outcome, number, micros, charged)
