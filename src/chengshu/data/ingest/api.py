"""JSON API of collection under ``/api/v1/ingest/``: upload, look, confirm, follow.

A script's whole way::

    POST /api/v1/ingest/batches                 multipart: resource=<code>, file=@people.csv → 201
    POST /api/v1/ingest/batches/<id>/confirm    {"encoding": "gb18030", "mapping": {"姓名": "full_name"}} → 202
    GET  /api/v1/ingest/batches/<id>            until "state" is loaded, failed or cancelled

The first answer holds the batch and a look at the file: encodings, headers, proposed mapping, what is missing.
An empty ``mapping`` takes the proposed one; what is left out of the reading is taken from the look at the file.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, File, Form, Query, Schema, Status
from ninja.files import UploadedFile

from chengshu.data.ingest import selectors
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import closing, uploads
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter
from chengshu.kernel.ui import keyset

router = ApiRouter()
MAX_PAGE = 200


class BalanceOut(Schema):
    """来源 = 入库 + 隔离 + 重复; accepted = inserted + updated + unchanged."""

    source: int
    accepted: int
    quarantined: int
    duplicates: int
    inserted: int
    updated: int
    unchanged: int


class ProblemOut(Schema):
    """How many rows one rule refused in one column ("" for the whole row)."""

    rule: str
    name: str
    column: str
    rows: int


class BatchOut(Schema):
    """A batch; ``percent`` while it runs, ``error`` when it did not load."""

    id: UUID
    resource: str
    title: str
    origin: str
    state: str
    state_name: str
    file: str
    percent: int | None
    stage: str
    balance: BalanceOut | None
    problems: list[ProblemOut]
    catalogue_version: int | None
    lake_version: int | None
    error: str
    created_at: datetime
    finished_at: datetime | None
    url: str


class EncodingOut(Schema):
    """One possible encoding, best first."""

    encoding: str
    confidence: float
    evidence: str


class LookOut(Schema):
    """What the upload showed; confirm with a corrected ``mapping`` (header → column name) where needed."""

    kind: str
    size: int
    estimated_rows: int
    encodings: list[EncodingOut]
    delimiter: str | None
    sheets: list[str]
    sheet: str | None
    header_row: int
    headers: list[str]
    duplicate_headers: list[str]
    mapping: dict[str, str]
    missing: list[str]
    unused: list[str]
    warnings: list[str]
    needs_confirmation: bool


class UploadOut(Schema):
    """The unconfirmed batch and the look at its file. Nothing is loaded yet."""

    batch: BatchOut
    look: LookOut


class ConfirmIn(Schema):
    """How to read the file; empty values are taken from the look."""

    mapping: dict[str, str] = Field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    header_row: int | None = None
    sheet: str = ""


class BatchFilters(Schema):
    """What narrows the list; ``cursor`` pages on: the ``next`` of the page before."""

    resource: str = ""
    state: BatchState | None = None
    origin: Origin | None = None
    cursor: str = ""
    limit: int = Field(50, ge=1, le=MAX_PAGE)


class BatchListOut(Schema):
    """One page of batches, newest first; ``next`` is the next ``cursor``, empty at the end."""

    results: list[BatchOut]
    next: str


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def batch_out(batch: Batch, *, problems: bool = True) -> dict[str, Any]:
    """A batch as the API shows it; lists leave the problems out."""
    loaded = batch.state == BatchState.LOADED
    job = batch.job
    return {
        "id": batch.pk,
        "resource": batch.resource.code,
        "title": batch.resource.title,
        "origin": batch.origin,
        "state": batch.state,
        "state_name": batch.get_state_display(),
        "file": batch.file.name if batch.file else "",
        "percent": 100 if loaded else job.percent if job else None,
        "stage": job.stage if job and not job.finished else "",
        "balance": {
            "source": batch.source_rows, "accepted": batch.accepted,
            "quarantined": batch.quarantined, "duplicates": batch.duplicates,
            "inserted": batch.inserted, "updated": batch.updated, "unchanged": batch.unchanged,
        } if loaded else None,
        "problems": [
            {"rule": p.rule, "name": p.rule_name, "column": p.column, "rows": p.rows}
            for p in batch.problems.all()
        ] if loaded and problems else [],
        "catalogue_version": batch.catalogue_version,
        "lake_version": batch.lake_version,
        "error": batch.error,
        "created_at": batch.created_at,
        "finished_at": batch.finished_at,
        "url": f"/console/ingest/batches/{batch.pk}/",
    }  # fmt: skip


@router.operation(
    "POST", "/batches", permission="ingest.batch.create", response={201: UploadOut},
    summary="上传文件，建立待确认的批次",
)  # fmt: skip
def upload(
    request: HttpRequest, resource: Form[str], file: File[UploadedFile]
) -> Status[dict[str, Any]]:
    """Keep a file for the resource with this code, and look at it. Nothing is loaded before the confirmation."""
    batch = uploads.upload(
        actor=_actor(request), resource_code=resource, name=file.name or "数据",
        chunks=file.chunks(),
    )  # fmt: skip
    look = uploads.inspect(actor=_actor(request), batch=batch)
    report = look.report
    out = {
        "kind": report.kind, "size": report.size, "estimated_rows": report.estimated_rows,
        "encodings": [
            {"encoding": g.encoding, "confidence": g.confidence, "evidence": g.evidence}
            for g in report.encodings
        ],
        "delimiter": report.delimiter, "sheets": [s.name for s in report.sheets],
        "sheet": report.sheet, "header_row": report.header_row, "headers": list(report.headers),
        "duplicate_headers": list(report.duplicate_headers), "mapping": look.mapping,
        "missing": look.missing, "unused": look.unused, "warnings": list(report.warnings),
        "needs_confirmation": report.needs_confirmation,
    }  # fmt: skip
    return Status(201, {"batch": batch_out(batch), "look": out})


@router.operation(
    "POST", "/batches/{uuid:pk}/confirm", permission="ingest.batch.create",
    response={202: BatchOut}, summary="确认读取方式，开始归集",
)  # fmt: skip
def confirm(request: HttpRequest, pk: UUID, body: ConfirmIn) -> Status[dict[str, Any]]:
    """Start the load; 409 when somebody has confirmed already, 422 when the reading cannot work."""
    actor = _actor(request)
    batch = selectors.batch(actor, pk)
    reading = body.dict(exclude={"mapping"})
    mapping = body.mapping or uploads.inspect(actor=actor, batch=batch, **reading).mapping
    started = uploads.confirm(actor=actor, batch=batch, mapping=mapping, **reading)
    return Status(202, batch_out(started))


@router.operation(
    "GET", "/batches/{uuid:pk}", permission="ingest.view", response=BatchOut,
    summary="批次的状态、进度和账目",
)  # fmt: skip
def status(request: HttpRequest, pk: UUID) -> dict[str, Any]:
    """State, progress and, when loaded, the balance and the problems."""
    return batch_out(selectors.batch(_actor(request), pk))


@router.operation(
    "POST", "/batches/{uuid:pk}/cancel", permission="ingest.batch.create", response=BatchOut,
    summary="取消归集",
)  # fmt: skip
def cancel(request: HttpRequest, pk: UUID) -> dict[str, Any]:
    """Drop an unconfirmed batch, or ask a waiting or running one to stop."""
    batch = closing.cancel(actor=_actor(request), batch=selectors.batch(_actor(request), pk))
    return batch_out(batch)


@router.operation(
    "GET", "/batches", permission="ingest.view", response=BatchListOut, summary="归集批次列表"
)
def batches(request: HttpRequest, filters: Query[BatchFilters]) -> dict[str, Any]:
    """Batches in the caller's scope, newest first."""
    rows = selectors.batches(_actor(request)).select_related("job")
    if filters.resource:
        rows = rows.filter(resource__code=filters.resource)
    if filters.state is not None:
        rows = rows.filter(state=filters.state)
    if filters.origin is not None:
        rows = rows.filter(origin=filters.origin)
    cursor = keyset.decode(filters.cursor)
    page = keyset.cut(rows, order="-created_at", size=filters.limit, cursor=cursor)
    return {
        "results": [batch_out(batch, problems=False) for batch in page.rows],
        "next": page.next.encode() if page.next else "",
    }
