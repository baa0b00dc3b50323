"""Publishes to the gateway: immutable snapshots of shared tables and the bundle of all rules."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.utils import timezone

from chengshu.data.sharing.choices import (
    ApplicationState,
    GrantState,
    InterfaceState,
    KeyState,
)
from chengshu.data.sharing.models import (
    Application,
    BundlePublication,
    Grant,
    ShareInterface,
)
from chengshu.kernel.crypto.facade import open_sealed
from chengshu.kernel.errors import Conflict
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import bundle as wire
from chengshu_gateway.bundle_store import publish_bundle as write_bundle
from chengshu_gateway.keys import GatewayKeys
from chengshu_gateway.snapshot_build import publish_snapshot
from chengshu_lake import Lake

KEY_PLACE = "sharing.application_key.secret"


def gateway_dir() -> Path:
    """The gateway's data folder."""
    return Path(settings.GATEWAY_DIR)


def keys() -> GatewayKeys:
    """The gateway's derived keys."""
    return GatewayKeys.from_secret(settings.GATEWAY_SECRET)


def publish_rules() -> int:
    """Write the present applications, interfaces and grants as the gateway's new bundle; return its version.

    Serialised by a transaction, because the bundle store expects one publisher at a time.
    """
    with unit_of_work():
        # The newest publication's row is the publishers' queue on PostgreSQL; SQLite has one writer anyway.
        BundlePublication.objects.select_for_update().first()
        content = build_bundle()
        version = write_bundle(gateway_dir() / "bundles", content, keys().bundle)
        BundlePublication.objects.create(
            version=version,
            applications=len(content.applications),
            interfaces=len(content.interfaces),
            grants=len(content.grants),
        )
    return version


def build_bundle() -> wire.Bundle:
    """The rules as the gateway reads them; suspended, revoked and offline ones are left out."""
    applications = Application.objects.filter(state=ApplicationState.ACTIVE).prefetch_related(
        "keys"
    )
    interfaces = list(
        ShareInterface.objects.filter(state=InterfaceState.ONLINE).select_related("resource")
    )
    grants = Grant.objects.filter(
        state=GrantState.ACTIVE,
        application__state=ApplicationState.ACTIVE,
        interface__state=InterfaceState.ONLINE,
    ).select_related("application", "interface")
    return wire.Bundle(
        applications=tuple(_application(a) for a in applications),
        interfaces=tuple(_interface(i) for i in interfaces),
        grants=tuple(_grant(g) for g in grants),
    )


def _application(item: Application) -> wire.Application:
    return wire.Application(
        app_id=item.code,
        name=item.name,
        keys=tuple(
            wire.AppKey(
                key_id=key.key_id,
                secret=open_sealed(key.secret_sealed, place=KEY_PLACE),
                expires=key.expires_at.timestamp() if key.expires_at else None,
            )
            for key in item.keys.all()
            if key.state == KeyState.ACTIVE
        ),
    )


def _interface(item: ShareInterface) -> wire.Interface:
    return wire.Interface(
        interface_id=item.code,
        resource=item.resource.code,
        title=item.title,
        snapshot=item.code,
        key_column=item.key_column,
        columns=tuple(wire.Column(c["name"], c["type"], c["title"]) for c in item.columns),
    )


def _grant(item: Grant) -> wire.Grant:
    return wire.Grant(
        app_id=item.application.code,
        interface_id=item.interface.code,
        fields=tuple(item.fields),
        masks=item.masks,
        row_filter=item.row_filter,
        per_minute=item.per_minute,
        per_day=item.per_day,
        networks=tuple(item.networks),
        valid_from=item.valid_from.timestamp(),
        valid_until=item.valid_until.timestamp() if item.valid_until else None,
    )


def build_snapshot(
    *,
    interface: ShareInterface,
    titles: dict[str, str],
    lake_table: str,
    context: JobContext | None,
) -> dict[str, Any]:
    """Build the interface's snapshot from the lake and remember what was published.

    Raises:
        Conflict: nothing was collected yet.
        SnapshotBuildError: the key column is not unique or has empty values; the former snapshot stays.
    """
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(lake_table):
        raise Conflict(
            f"“{interface.resource}”还没有归集数据，不能发布接口。", advice="请先归集数据后再发布。"
        )
    version = lake.version(lake_table)
    total = lake.count(lake_table, as_of=version)
    names = [name for name in lake.schema(lake_table).names if name in titles]
    reader = lake.read(lake_table, columns=names, as_of=version, order_by=[interface.key_column])

    def progress(rows: int) -> None:
        if context is not None:
            context.progress(done=rows, total=total, stage="生成快照")

    published = publish_snapshot(
        gateway_dir() / "snapshots" / interface.code,
        pa.schema(reader.schema),
        reader,
        key_column=interface.key_column,
        progress=progress,
    )
    interface.columns = [
        {"name": c.name, "type": c.type, "title": titles[c.name]} for c in published.columns
    ]
    interface.snapshot, interface.rows = published.version, published.rows
    interface.lake_version, interface.published_at = version, timezone.now()
    interface.state, interface.error = InterfaceState.ONLINE, ""
    interface.save()
    return {"rows": published.rows, "version": published.version}
