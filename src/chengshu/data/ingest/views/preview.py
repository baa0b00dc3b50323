"""The data of one resource beside its description: first rows, key lookup, recent batches."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import (
    PublishedResource,
    Resource,
    published_by_id,
    resource_page,
)
from chengshu.data.contract.facade import ColumnSpec, ColumnType
from chengshu.data.ingest import loading, selectors
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.masking import Mask, masked, masks_of
from chengshu.data.ingest.models import Batch, Collected
from chengshu.data.ingest.presentation import batch_url, source_words, tone
from chengshu.data.ingest.services import quarantine
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Action, Column, EmptyState, Table

ROWS = 50
BATCHES = 8
_BATCH_COLUMNS = (
    Column(key="created_at", title="时间", kind="ago", url=batch_url),
    Column(key="state", title="状态", kind="status", value=tone, label="get_state_display"),
    Column(key="source", title="来源", value=source_words),
    Column(key="source_rows", title="来源行数", kind="number"),
    Column(key="accepted", title="入库", kind="number"),
    Column(key="quarantined", title="隔离", kind="number"),
    Column(key="duplicates", title="重复", kind="number"),
    Column(key="created_by", title="发起人", value=lambda b: b.created_by or "平台"),
)


def preview(request: ActorRequest, resource_id: int) -> HttpResponse:
    """The tab of an entry; a POST with a reason shows this page once with personal values."""
    context = resource_page(actor=request.actor, resource_id=resource_id, active="data")
    entry: Resource = context["resource"]
    actor = request.actor
    reachable = allows(actor, "ingest.view", entry) and entry.state == "published"
    context |= {"reachable": reachable, "held": None, "keys": []}
    if not reachable:
        return render(request, "ingest/preview.html", context)
    resource = published_by_id(entry.pk)
    held = Collected.objects.filter(resource=entry).first()
    masks, reason_error = _unmask(request, entry, resource)
    given = {name: request.GET.get(f"key-{name}", "").strip() for name in resource.key}
    problem, table = "", None
    if held is not None and loading.lake().exists(resource.lake_table):
        try:
            rows = _read(resource, given)
        except InvalidInput as error:
            problem, rows = error.message, []
        table = _table(resource, rows, masks, asked=any(given.values()))
    recent = list(
        selectors.batches(actor)
        .filter(resource=entry)
        .select_related("data_source", "parent")[:BATCHES]
    )
    context |= {
        "held": held,
        "rows": table,
        "keys": [(resource.column(name), given[name]) for name in resource.key],
        "asked": any(given.values()),
        "problem": problem,
        "personal": bool(masks_of(resource.columns)),
        "unmasked": request.method == "POST" and not reason_error,
        "may_unmask": allows(actor, "ingest.personal.unmask", entry),
        "reason_error": reason_error,
        "may_collect": allows(actor, "ingest.batch.create", entry),
        "empty": _empty(actor_may=allows(actor, "ingest.batch.create", entry), entry=entry),
        "batches": _batches(recent),
        "running": [b for b in recent if b.state in (BatchState.QUEUED, BatchState.RUNNING)],
        "all_batches": f"{reverse('ingest:batches')}?q={entry.code}",
    }
    return render(request, "ingest/preview.html", context, status=422 if reason_error else 200)


def _unmask(
    request: ActorRequest, entry: Resource, resource: PublishedResource
) -> tuple[dict[str, Mask], str]:
    masks = masks_of(resource.columns)
    if request.method != "POST":
        return masks, ""
    try:
        quarantine.note_unmasking(
            actor=request.actor, obj=entry, reason=request.POST.get("reason", ""),
            shown=f"预览 {request.GET.urlencode() or f'前 {ROWS} 行'}"[:200],
        )  # fmt: skip
    except InvalidInput as error:
        return masks, error.fields.get("reason", error.detail)
    return {}, ""


def _read(resource: PublishedResource, given: dict[str, str]) -> list[dict[str, Any]]:
    """The first rows, or those with the given key values (some or all parts of the key)."""
    asked = {name: typed(resource.column(name), text) for name, text in given.items() if text}
    lake, known = loading.lake(), loading.lake().schema(resource.lake_table).names
    columns = [column.name for column in resource.columns if column.name in known]
    if asked and len(asked) == len(resource.key):
        key = tuple(asked[name] for name in resource.key)
        found = lake.lookup(resource.lake_table, [key], columns=columns)
        return list(found.to_pylist())
    where = " AND ".join(f'"{name}" = ?' for name in asked)
    reader = lake.read(
        resource.lake_table, columns=columns, where=where or None, params=list(asked.values()),
        limit=ROWS,
    )  # fmt: skip
    return list(reader.read_all().to_pylist())


def typed(column: ColumnSpec, text: str) -> Any:
    """A key value as its column's type.

    Raises:
        InvalidInput: it cannot be one.
    """
    try:
        match column.type:
            case ColumnType.INTEGER:
                return int(text)
            case ColumnType.DECIMAL:
                return Decimal(text)
            case ColumnType.DATE:
                return date.fromisoformat(text)
            case ColumnType.DATETIME:
                moment = datetime.fromisoformat(text)
                return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
            case ColumnType.BOOLEAN:
                return {"是": True, "否": False}[text]
            case _:
                return text
    except (ValueError, InvalidOperation, KeyError) as error:
        raise InvalidInput(f"“{column.title}”应当是{_EXAMPLES[column.type]}，没有查询。") from error


_EXAMPLES = {
    ColumnType.INTEGER: "整数",
    ColumnType.DECIMAL: "数字",
    ColumnType.DATE: "日期（如 2026-11-23）",
    ColumnType.DATETIME: "日期时间（如 2026-11-23 14:05）",
    ColumnType.BOOLEAN: "“是”或“否”",
}


def _table(
    resource: PublishedResource,
    rows: Sequence[dict[str, Any]],
    masks: dict[str, Mask],
    *,
    asked: bool,
) -> Table:
    columns = [
        Column(
            key=column.name, title=column.title, value=_reader(column, masks),
            kind="number" if column.type in (ColumnType.INTEGER, ColumnType.DECIMAL) else "text",
        )
        for column in resource.columns
    ]  # fmt: skip
    nothing = EmptyState(
        title="没有这个主键的记录" if asked else "湖里还没有记录",
        icon="search" if asked else "table",
    )
    return Table.plain(
        key="preview", columns=columns, rows=rows, caption=f"{resource.title}的记录", empty=nothing
    )


def _reader(column: ColumnSpec, masks: dict[str, Mask]) -> Any:
    def read(row: dict[str, Any]) -> Any:
        value = row.get(column.name)
        if column.name in masks:
            return masked(masks, column.name, value)
        if column.codes and str(value) in column.codes:
            return f"{value} {column.codes[str(value)]}"
        return value

    return read


def _empty(*, actor_may: bool, entry: Resource) -> EmptyState:
    url = reverse("ingest:new", args=[entry.pk])
    return EmptyState(
        title="还没有归集数据", text="上传文件，或从登记的数据库选一张表。", icon="database-import",
        action=Action(title="归集", url=url, icon="cloud-upload", primary=True) if actor_may else None,
    )  # fmt: skip


def _batches(rows: list[Batch]) -> Table:
    return Table.plain(
        key="resource-batches", columns=_BATCH_COLUMNS, rows=rows, caption="最近的批次",
        empty=EmptyState(title="还没有归集批次", icon="stack-2"),
    )  # fmt: skip
