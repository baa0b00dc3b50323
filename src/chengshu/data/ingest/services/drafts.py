"""Uploads nobody confirms do not wait for ever: a warning first, then they are dropped, and both are told."""

from datetime import datetime, timedelta

from django.utils import timezone

from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

KEEP = timedelta(days=7)
WARN = timedelta(days=2)
CLERK = platform("草稿清理")


def expire_drafts(now: datetime | None = None) -> dict[str, int]:
    """Warn of drafts that end in :data:`WARN`, drop those older than :data:`KEEP`; safe to repeat."""
    moment = now or timezone.now()
    drafts = Batch.objects.filter(state=BatchState.DRAFT, created_at__lte=moment - KEEP + WARN)
    warned = dropped = 0
    for pk in list(drafts.values_list("pk", flat=True)):
        with unit_of_work():
            batch = (
                Batch.objects.select_for_update(of=("self",))
                .select_related("resource__provider", "created_by", "file")
                .get(pk=pk)
            )
            if batch.state != BatchState.DRAFT:
                continue
            if batch.created_at <= moment - KEEP:
                _drop(batch, moment)
                dropped += 1
            else:
                warned += _tell(batch, "warn", "快要过期，请确认或放弃")
    return {"warned": warned, "expired": dropped}


def _drop(batch: Batch, moment: datetime) -> None:
    batch.state, batch.finished_at = BatchState.CANCELLED, moment
    batch.error = f"上传后 {KEEP.days} 天没有确认，已自动放弃，没有载入任何数据。"
    batch.save(update_fields=["state", "finished_at", "error"])
    record(actor=CLERK, action="ingest.draft_expired", obj=batch, reason=batch.error)
    _tell(batch, "expired", f"{KEEP.days} 天没有确认，已自动放弃")


def _tell(batch: Batch, what: str, words: str) -> int:
    title = f"待确认的上传{words}：{batch.resource.title}"
    body = f"文件：{batch.file.name}" if batch.file else ""
    url, key = f"/console/ingest/batches/{batch.pk}/", f"ingest-draft:{batch.pk}:{what}"
    if batch.created_by is not None and batch.created_by.is_active:
        return notify(account=batch.created_by, title=title, body=body, url=url, key=key)
    return notify(
        organization=batch.resource.provider, permission="ingest.batch.create", title=title,
        body=body, url=url, key=key,
    )  # fmt: skip
