"""Loads the demo city's applications, interfaces, grants and the history of calls."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.data.catalog.facade import published, published_queryset
from chengshu.data.sharing import calls as counting
from chengshu.data.sharing.models import Application, CallStatistic, ShareInterface
from chengshu.data.sharing.publishing import build_snapshot, publish_rules
from chengshu.data.sharing.services.applications import issue_key, register_application
from chengshu.data.sharing.services.grants import grant
from chengshu.kernel.identity.models import Organization
from chengshu_demo import calls, city

# Formats that leave the city only masked, and how (people's customary forms).
MASKS = {
    "id_number": "id_number", "mobile": "phone", "phone": "phone",
    "bank_card": "bank_card", "email": "email",
}  # fmt: skip
PER_DAY = 100_000


def load(context: Any) -> None:
    """Create what is missing, publish it to the gateway, and append the history once."""
    resources = {r.physical_name: r.code for r in published_queryset()}
    applications = [_application(context, item) for item in city().applications]
    for item in city().interfaces:
        _interface(context, item, resources[item.entry])
    version = publish_rules()
    history = _history(context.scale)
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


def _interface(context: Any, item: Any, resource_code: str) -> None:
    if ShareInterface.objects.filter(code=item.code).exists():
        return
    resource = published(resource_code)
    interface = ShareInterface.objects.create(
        code=item.code, title=item.title, resource_id=resource.id, key_column=item.key_column
    )
    titles = {column.name: column.title for column in resource.columns}
    build_snapshot(interface=interface, titles=titles, lake_table=resource.lake_table, context=None)
    formats = {column.name: str(column.format or "") for column in resource.columns}
    for code in item.applications:
        grant(
            actor=context.actor,
            application=Application.objects.get(code=code),
            interface=interface,
            fields=list(item.fields),
            masks={f: MASKS[formats[f]] for f in item.fields if formats[f] in MASKS},
            per_day=PER_DAY,
            purpose=f"演示：{item.title}",
        )


def _history(scale: str) -> int:
    """Append the generated history of calls to the lake and to the hourly sums, once."""
    if CallStatistic.objects.exists():
        return counting_total()
    lake = counting.open_table()
    batches = list(calls(scale))
    table = pa.Table.from_batches(batches)
    rows = pa.Table.from_arrays(
        [_column(table, field) for field in counting.SCHEMA], schema=counting.SCHEMA
    )
    lake.append(counting.TABLE, rows, commit_key="demo-calls", source="demo")
    return counting.add_statistics(_sums(rows))


def counting_total() -> int:
    """Calls counted so far."""
    return sum(CallStatistic.objects.values_list("calls", flat=True))


def _column(table: pa.Table, field: "pa.Field[Any]") -> Any:
    if field.name in table.schema.names:
        return table.column(field.name).cast(field.type)
    return pa.nulls(table.num_rows, field.type)


def _sums(rows: pa.Table) -> Iterator[tuple[datetime, str, str, str, int, int]]:
    """Hourly sums computed in Arrow, because a million rows are too many for a Python loop."""
    hours = pc.floor_temporal(rows.column("called_at"), unit="hour")
    grouped = (
        rows.append_column("hour", hours)
        .group_by(["hour", "application", "interface", "outcome"])
        .aggregate([("micros", "count"), ("micros", "sum")])
    )
    for row in grouped.to_pylist():
        yield (
            row["hour"], row["application"], row["interface"], row["outcome"],
            row["micros_count"], row["micros_sum"],
        )  # fmt: skip
