"""Loads the demo city's applications, interfaces, grants and the history of calls."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.utils import timezone

from chengshu.data.catalog.facade import published_queryset
from chengshu.data.sharing import calls as counting
from chengshu.data.sharing import statistics
from chengshu.data.sharing.declarations import Declaration
from chengshu.data.sharing.masking import suggested_masks
from chengshu.data.sharing.models import Application, CallCursor, CallStatistic, ShareInterface
from chengshu.data.sharing.publishing import keys, publish_rules
from chengshu.data.sharing.services.applications import issue_key, register_application
from chengshu.data.sharing.services.grants import grant
from chengshu.data.sharing.services.interfaces import set_online
from chengshu.data.sharing.services.sources import register_source
from chengshu.data.sharing.snapshots import build_snapshot
from chengshu.data.sharing.usage import ANSWERED
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_demo import INCIDENTS, REFERENCE_DATE, calls, city
from chengshu_gateway.keys import hash_record_key
from chengshu_gateway.sources import Parameter

PER_DAY = 100_000
HISTORY = "demo"
# A department's own interface as it would be registered. The demo city has no such server, and says so.
PROXIED, PROXIED_ENTRY = "gjj-zhanghu", "gj_fund_account"
NOT_CONNECTED = "未接通，演示城市没有公积金中心的服务器；接入真实地址后再上线"


def load(context: Any) -> None:
    """Create what is missing, publish it to the gateway, and append the history once."""
    resources = {r.physical_name: r.pk for r in published_queryset()}
    applications = [_application(context, item) for item in city().applications]
    for item in city().interfaces:
        _interface(context, item, resources[item.entry])
    _proxied(context)
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
        defaults={
            "title": item.title, "resource_id": resource, "key_column": item.key_column,
            "query_columns": list(item.queries),
        },
    )  # fmt: skip
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
            kinds=list(item.kinds.get(code, ())) or None,
            purpose=f"演示：{item.title}",
        )


def _proxied(context: Any) -> None:
    """A proxied interface, registered and offline until there is a department to answer."""
    resource = next((r for r in published_queryset() if r.physical_name == PROXIED_ENTRY), None)
    if resource is None or ShareInterface.objects.filter(code=PROXIED).exists():
        return
    declaration = Declaration(
        url="https://gjj.longgang.example/api/account",
        parameters=(Parameter("sfzh", "身份证号", length=18),),
        mapping={
            "id_number": "sfzh", "person_name": "xm", "account_state": "zhzt",
        },
        rows_at="data", success_at="code", success_is=("0",), cache_seconds=60, attempts=2,
    )  # fmt: skip
    interface = register_source(
        actor=context.actor, resource_code=resource.code, code=PROXIED,
        title="住房公积金账户查询（部门接口）", key_column="id_number", declaration=declaration,
    )  # fmt: skip
    set_online(actor=context.actor, interface=interface, online=False, reason=NOT_CONNECTED)


def history(scale: Any) -> Iterator[pa.RecordBatch]:
    """The generated calls, with keys hashed as this city's gateway hashes them, up to the day they were loaded on.

    The demo's citizens are among those asked about, so that their list of look-ups has something to show.
    """
    secret = keys().record_key
    people = tuple(a.id_number for a in city().accounts if a.role == "citizen")
    return calls(
        scale, reference=loaded_on(), people=people, incidents=INCIDENTS,
        hashing=lambda key: hash_record_key(secret, key),
    )  # fmt: skip


def loaded_on() -> date:
    """The day after the last of the history, the same for every loader and every repetition."""
    day = CallCursor.objects.filter(name=HISTORY).values_list("position", flat=True).first()
    return date.fromisoformat(day) if day else REFERENCE_DATE


def load_history(scale: Any) -> int:
    """Append the generated history of calls to the lake and to the hourly sums, once.

    The lake gets the calls as a stream and the sums are made on the way, batch by batch: batches hold whole
    hours, so no sum is split, and memory holds one batch and the sums.
    """
    today = timezone.localdate().isoformat()
    done, _created = CallCursor.objects.get_or_create(name=HISTORY, defaults={"position": today})
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
