"""Makes the files that applications asked the gateway for, and removes them when their time is over.

The gateway puts requests down (`chengshu_gateway.export_store`); this is the job that answers them. A file holds what
the grant shows of the snapshot in use, encrypted for the key that asked. Whatever is found wrong becomes a refusal the
asker can read; the making, the refusal and the removal are each audited.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils import timezone

from chengshu.data.sharing.choices import (
    ApplicationState,
    CallKind,
    ExportState,
    GrantState,
    InterfaceState,
    KeyState,
)
from chengshu.data.sharing.models import ApplicationKey, Export, Grant
from chengshu.data.sharing.publishing import (
    KEY_PLACE,
    gateway_dir,
    keys,
    one_at_a_time,
    publishable,
    wire_interface,
)
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.errors import SealedValueError
from chengshu.kernel.crypto.facade import open_sealed
from chengshu.kernel.errors import Conflict
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import export_store
from chengshu_gateway.export_build import ExportTooLargeError, Limits, build_export
from chengshu_gateway.export_store import Asked, State
from chengshu_gateway.shape import fingerprint
from chengshu_gateway.snapshot import SnapshotError, open_current

KEPT = timedelta(days=7)
A_DAY = timedelta(days=1)
MOST_A_DAY = 3
"""Files that one grant gets within a day."""
LIMITS = Limits(most_rows=5_000_000, most_bytes=2 << 30)
# How long the state of an export that is over can still be asked for.
STATE_KEPT = timedelta(days=90)
_ACTOR = "共享导出"


@dataclass(frozen=True, slots=True)
class _Order:
    """A request that may be answered: the key that opens the file, and whose data goes into it."""

    key: ApplicationKey
    grant: Grant


def folder() -> Path:
    """Where exports wait and lie."""
    return gateway_dir() / "exports"


def answer_all(context: JobContext | None = None) -> dict[str, int]:
    """Remove what is over, then make every file that is asked for; return how many of each.

    While another run is at it, nothing is done: a long file must not make the runs pile up.
    """
    made = refused = 0
    with one_at_a_time("exports", wait=False) as alone:
        if not alone:
            return {"made": 0, "refused": 0, "removed": 0}
        removed = remove_over()
        for asked in export_store.waiting(folder()):
            if answer(asked, context):
                made += 1
            else:
                refused += 1
    return {"made": made, "refused": refused, "removed": removed}


def answer(asked: Asked, context: JobContext | None = None) -> bool:
    """Make one file, or say why not; repeatable after a crash at any point."""
    try:
        order = _order(asked)
        _require_room(order.grant)
        state = _made(asked, order, context)
    except (Conflict, SnapshotError, ExportTooLargeError, SealedValueError, OSError) as error:
        _refuse(asked, error)
        return False
    with unit_of_work():
        item, _new = Export.objects.update_or_create(
            code=asked.export,
            defaults={
                "grant": order.grant, "key": order.key, "format": asked.format,
                "state": ExportState.READY, "purpose": asked.purpose, "rows": state.rows,
                "size": state.size, "sha256": state.sha256, "version": state.version,
                "asked_at": _moment(asked.asked_at), "made_at": timezone.now(),
                "expires_at": _moment(state.expires),
            },
        )  # fmt: skip
        record(
            actor=platform(_ACTOR), action="sharing.export_made", obj=item, reason=asked.purpose,
            after={
                "rows": state.rows, "sha256": state.sha256, "version": state.version,
                "fields": list(state.fields), "format": state.format,
            },
        )  # fmt: skip
    # Last: whoever sees the file as ready finds it recorded.
    export_store.settle(folder(), state)
    return True


def remove_over() -> int:
    """Remove the files whose time is over or whose grant was revoked, and what a crash left behind."""
    place, now = folder(), timezone.now()
    ready = Export.objects.filter(state=ExportState.READY).select_related("grant")
    over = [
        each
        for each in ready
        if (each.expires_at and each.expires_at <= now) or each.grant.state == GrantState.REVOKED
    ]
    for item in over:
        export_store.file_of(place, item.code).unlink(missing_ok=True)
        with unit_of_work():
            Export.objects.filter(pk=item.pk).update(state=ExportState.EXPIRED)
            record(actor=platform(_ACTOR), action="sharing.export_removed", obj=item)
        export_store.settle(place, _over(item))
    known = set(ready.filter(state=ExportState.READY).values_list("code", flat=True))
    for path in [*place.glob("*.plain"), *place.glob("*.age")]:
        if path.suffix == ".plain" or path.stem not in known:
            path.unlink(missing_ok=True)
    for path in place.glob("*.json"):
        if path.stat().st_mtime < (now - STATE_KEPT).timestamp():
            path.unlink(missing_ok=True)
    return len(over)


def _order(asked: Asked) -> _Order:
    """Judge a request by the rules of now: since the gateway took it they may have changed."""
    key = ApplicationKey.objects.filter(
        key_id=asked.key_id, application__code=asked.app, state=KeyState.ACTIVE,
        application__state=ApplicationState.ACTIVE,
    ).first()  # fmt: skip
    grant = (
        Grant.objects.filter(
            application__code=asked.app, interface__code=asked.interface,
            state=GrantState.ACTIVE, interface__state=InterfaceState.ONLINE,
        ).select_related("application", "interface__resource").first()
    )  # fmt: skip
    if key is None or grant is None or CallKind.EXPORT not in grant.kinds:
        raise Conflict("应用、密钥、接口或批量导出的授权已不在有效状态。")
    if not key.secret_sealed:
        raise Conflict("国密和公钥密钥没有共享密码，文件无从加密。请用这个应用的共享密钥重新申请。")
    if grant.valid_until is not None and grant.valid_until <= timezone.now():
        raise Conflict("授权已到期。")
    return _Order(key, grant)


def _require_room(grant: Grant) -> None:
    recent = Export.objects.filter(grant=grant, made_at__gt=timezone.now() - A_DAY)
    if recent.exclude(state=ExportState.REFUSED).count() >= MOST_A_DAY:
        raise Conflict(f"24 小时内已经导出 {MOST_A_DAY} 份，请下载已有的文件，或过些时候再申请。")


def _made(asked: Asked, order: _Order, context: JobContext | None) -> State:
    interface = wire_interface(order.grant.interface)
    rule, problem = publishable(order.grant, interface)
    if rule is None:
        raise Conflict(problem)
    snapshot = open_current(gateway_dir() / "snapshots" / interface.snapshot)
    if snapshot is None:
        raise Conflict("接口还没有数据。")

    def progress(rows: int) -> None:
        if context is not None:
            context.progress(done=rows, stage=f"导出 {interface.title}")

    with closing(snapshot):
        place = folder()
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = build_export(
            export_store.file_of(place, asked.export), snapshot, interface, rule,
            hash_key=keys().for_application(rule.app_id),
            secret=open_sealed(order.key.secret_sealed, place=KEY_PLACE),
            export=asked.export, chosen=asked.format, limits=_limits(order.grant),
            progress=progress,
        )  # fmt: skip
    return State(
        asked.export, asked.app, asked.interface, "ready", asked.format, asked.key_id,
        tuple(rule.fields), made.rows, made.size, made.sha256, snapshot.version,
        (timezone.now() + KEPT).timestamp(), shape=fingerprint(rule),
    )  # fmt: skip


def _limits(grant: Grant) -> Limits:
    """A file with more records than a day allows could never be fetched."""
    most = LIMITS.most_rows if grant.per_day is None else min(LIMITS.most_rows, grant.per_day)
    return Limits(most, LIMITS.most_bytes)


def _refuse(asked: Asked, error: Exception) -> None:
    reason = error.message if isinstance(error, Conflict) else str(error)
    if isinstance(error, OSError):
        reason = "平台存储空间不足或读写出错，请稍后重新申请。"
    grant = Grant.objects.filter(
        application__code=asked.app, interface__code=asked.interface
    ).order_by("-granted_at").first()  # fmt: skip
    with unit_of_work():
        if grant is not None:
            item, _new = Export.objects.update_or_create(
                code=asked.export,
                defaults={
                    "grant": grant, "format": asked.format, "state": ExportState.REFUSED,
                    "purpose": asked.purpose, "asked_at": _moment(asked.asked_at),
                    "made_at": timezone.now(), "problem": reason[:300],
                },
            )  # fmt: skip
            record(actor=platform(_ACTOR), action="sharing.export_refused", obj=item, reason=reason)
    state = State(
        asked.export, asked.app, asked.interface, "refused", asked.format, asked.key_id,
        reason=reason,
    )  # fmt: skip
    export_store.settle(folder(), state)


def _over(item: Export) -> State:
    return State(
        item.code, item.grant.application.code, item.grant.interface.code, "expired", item.format,
        rows=item.rows, size=item.size, sha256=item.sha256, version=item.version,
        expires=item.expires_at.timestamp() if item.expires_at else 0.0,
        reason="文件已过期删除，需要时请重新申请。",
    )  # fmt: skip


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
