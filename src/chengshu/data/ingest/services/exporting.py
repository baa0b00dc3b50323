"""Quarantine as Excel when it is too much for one answer: a job writes the file, the person fetches it."""

import os
from pathlib import Path

from django.utils import timezone

from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services.quarantine import export
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import NotFound
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

# Above this many rows writing takes longer than somebody waits for a page.
DIRECT_ROWS = 20_000
_FILE = "quarantine.xlsx"


def file_name(batch: Batch) -> str:
    """What the downloaded file is called."""
    day = timezone.localtime(batch.created_at)
    return f"{batch.resource.title}-隔离数据-{day:%Y%m%d-%H%M}.xlsx"


def finished_export(batch: Batch) -> Path | None:
    """The file a job has written, if there is one."""
    path = batch.folder / _FILE
    return path if path.is_file() else None


def start_export(*, actor: Actor, batch: Batch) -> Job:
    """Write the file in the background."""
    check(actor, "ingest.quarantine.manage", batch)
    return enqueue(
        "ingest.export", actor=actor, title=f"导出隔离数据：{batch.resource.title}",
        arguments={"batch": str(batch.pk)}, organization=batch.resource.provider,
        object_url=f"/console/ingest/batches/{batch.pk}/quarantine/",
    )  # fmt: skip


def write_export(*, actor: Actor, batch: Batch) -> int:
    """Write the file whole or not at all; returns its rows."""
    part = batch.folder / f"{_FILE}.{os.getpid()}.part"
    try:
        _, rows = export(actor=actor, batch=batch, target=part)
        part.replace(batch.folder / _FILE)
    finally:
        part.unlink(missing_ok=True)
    return rows


def download(*, actor: Actor, batch: Batch) -> Path:
    """The written file; audited, because it hands data out.

    Raises:
        NotFound: no job has written one yet.
    """
    check(actor, "ingest.quarantine.manage", batch)
    path = finished_export(batch)
    if path is None:
        raise NotFound("表格还没有生成。", advice="请在隔离区点“生成 Excel”。")
    with unit_of_work():
        record(
            actor=actor, action="ingest.quarantine_exported", obj=batch,
            after={"rows": batch.quarantined},
        )  # fmt: skip
    return path
