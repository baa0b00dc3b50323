"""Quarantine as Excel when it is too much for one answer: a job writes the file, the person fetches it."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO, cast

from django.utils import timezone

from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.pipeline import EXPORT_ROWS
from chengshu.data.ingest.services.quarantine import export
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import create_sealed_file, is_sealed_file, open_sealed_file
from chengshu.kernel.errors import NotFound
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

# Above this many rows writing takes longer than somebody waits for a page.
DIRECT_ROWS = 20_000
CHUNK_BYTES = 1 << 20
_FILE = "quarantine.xlsx"
_PLACE = "ingest.quarantine_export"


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
    """Write the file whole or not at all, sealed like the rows themselves; returns its rows."""
    target = batch.folder / _FILE
    part, closed = (batch.folder / f"{_FILE}.{os.getpid()}.{end}" for end in ("part", "sealed"))
    try:
        _, rows = export(actor=actor, batch=batch, target=part)
        with part.open("rb") as plain, create_sealed_file(closed, place=_PLACE) as sealed:
            shutil.copyfileobj(plain, sealed, CHUNK_BYTES)
        closed.replace(target)
    finally:
        part.unlink(missing_ok=True)
        closed.unlink(missing_ok=True)
    return rows


def download(*, actor: Actor, batch: Batch) -> BinaryIO:
    """The written file, opened; audited, because it hands data out.

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
            after={"rows": min(batch.quarantined, EXPORT_ROWS)},
        )  # fmt: skip
    # A file of before the sealing is still handed out.
    opened = open_sealed_file(path, place=_PLACE) if is_sealed_file(path) else path.open("rb")
    return cast("BinaryIO", opened)
