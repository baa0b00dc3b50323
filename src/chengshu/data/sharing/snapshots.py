"""Builds the gateway's snapshots: the shared rows of one interface as an immutable file."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.sharing.choices import CallKind, GrantState, InterfaceState
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import gateway_dir, one_at_a_time
from chengshu.kernel.errors import Conflict
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.snapshot_build import PublishedSnapshot, SnapshotBuildError, publish_snapshot
from chengshu_lake import Lake, LakeError

MAX_CODES = 200
"""Values of a code list that the rules carry to the gateway; longer lists are looked up in the catalogue."""


def build_snapshot(*, interface: ShareInterface, context: JobContext | None) -> dict[str, Any]:
    """Build the interface's snapshot from the newest lake version and remember what was published.

    Builds of one interface queue, and each reads the newest version after waiting: an older one never
    replaces a newer one. An interface that is offline stays offline.

    Raises:
        Conflict: nothing was collected yet, the entry is not in service, the key column is gone, not unique
            or has empty values; the former snapshot stays in use.
    """
    with one_at_a_time(f"snapshot-{interface.code}"):
        resource = published_by_id(interface.resource_id)
        columns = {column.name: column for column in resource.columns}
        lake = Lake(settings.LAKE_ROOT)
        if not lake.exists(resource.lake_table):
            raise Conflict(
                f"“{resource.title}”还没有归集数据，不能发布接口。", advice="请先归集数据后再发布。"
            )
        version = lake.version(resource.lake_table)
        names = [n for n in lake.schema(resource.lake_table, as_of=version).names if n in columns]
        if interface.key_column not in names:
            raise Conflict(
                f"查询字段 {interface.key_column} 已不在“{resource.title}”中，快照没有更新。",
                kept="原来的快照继续使用。",
                advice="请以现有字段新建接口，并下线这个接口。",
            )
        source = _Source(lake, resource.lake_table, version, names)
        made = _build(interface, source, context)
        shown = [
            {
                "name": c.name, "type": c.type, "title": columns[c.name].title,
                "sensitivity": columns[c.name].sensitivity or "",
                "format": str(columns[c.name].format or ""), **_described(columns[c.name]),
            }
            for c in made.columns
        ]  # fmt: skip
        _remember(interface, made, version, shown)
    return {"rows": made.rows, "version": made.version}


def _described(column: ColumnSpec) -> dict[str, Any]:
    """What the interface's documents say of a column besides its type; a long code list is left out."""
    codes = dict(column.codes or {})
    return {
        "length": column.length, "required": column.required,
        "codes": codes if len(codes) <= MAX_CODES else {},
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Source:
    """One version of the shared columns of a table."""

    lake: Lake
    table: str
    version: int
    names: list[str]


def _build(
    interface: ShareInterface, source: _Source, context: JobContext | None
) -> PublishedSnapshot:
    total = source.lake.count(source.table, as_of=source.version)

    def progress(rows: int) -> None:
        if context is not None:
            context.progress(done=rows, total=total, stage="生成快照")

    try:
        reader = source.lake.read(
            source.table,
            columns=source.names,
            as_of=source.version,
            order_by=[interface.key_column],
        )
        return publish_snapshot(
            gateway_dir() / "snapshots" / interface.code,
            pa.schema(reader.schema),
            reader,
            key_column=interface.key_column,
            queryable=[name for name in interface.query_columns if name in source.names],
            track_changes=_tracked(interface),
            progress=progress,
        )
    except (SnapshotBuildError, LakeError) as error:
        raise Conflict(str(error)) from error


def _tracked(interface: ShareInterface) -> bool:
    """Whether somebody may ask what changed: only then is it worth the space."""
    open_grants = interface.grants.exclude(state=GrantState.REVOKED)
    return any(CallKind.CHANGES in kinds for kinds in open_grants.values_list("kinds", flat=True))


def _remember(
    interface: ShareInterface, made: PublishedSnapshot, version: int, columns: list[dict[str, str]]
) -> None:
    with unit_of_work():
        # The state may have changed during the build: somebody took the interface offline meanwhile.
        locked = ShareInterface.objects.select_for_update().get(pk=interface.pk)
        if locked.state != InterfaceState.OFFLINE:
            locked.state = InterfaceState.ONLINE
        locked.columns, locked.snapshot, locked.rows = columns, made.version, made.rows
        locked.lake_version, locked.published_at, locked.error = version, timezone.now(), ""
        locked.save(
            update_fields=[
                "state", "columns", "snapshot", "rows", "lake_version", "published_at", "error",
            ]
        )  # fmt: skip
    interface.refresh_from_db()
