"""JSON API of collection under ``/api/v1/ingest/``: upload, look, confirm, follow.

A script's whole way::

    POST /api/v1/ingest/batches                 multipart: resource=<code>, file=@people.csv → 201
    POST /api/v1/ingest/batches/<id>/confirm    {"encoding": "gb18030", "mapping": {"姓名": "full_name"}} → 202
    GET  /api/v1/ingest/batches/<id>            until "state" is loaded, failed or cancelled

The first answer holds the batch and a look at the file: encodings, headers, proposed mapping, what is missing.
A program that pushes rows authenticates with a push token instead of a session::

    POST /api/v1/ingest/push/sessions              {"resource": "<code>"} + Idempotency-Key → 201
    POST /api/v1/ingest/push/sessions/<id>/parts/1 {"rows": [{…}, …]} → 202, durable
    POST /api/v1/ingest/push/sessions/<id>/commit  {"rows": 2} → 202, or which part is missing

An empty ``mapping`` takes the proposed one; what is left out of the reading is taken from the look at the file.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja import Field, File, Form, Query, Schema, Status
from ninja.files import UploadedFile

from chengshu.data.ingest import selectors
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch, PushToken
from chengshu.data.ingest.services import closing, push_limits, pushing, uploads
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter, Number
from chengshu.kernel.access.routing import PUBLIC
from chengshu.kernel.errors import InvalidInput
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


class SessionIn(Schema):
    """Which resource the rows are for."""

    resource: str


class CommitIn(Schema):
    """How many rows were pushed in all."""

    rows: int = Field(ge=1)


class BeganOut(Schema):
    """A delivery begun, and what one part may hold."""

    session: UUID
    limits: dict[str, int]


class PartOut(Schema):
    """A part that is on disk."""

    session: UUID
    part: int
    rows: int


class CommittedOut(Schema):
    """A delivery whose collection is queued; ``status`` is where to ask how it goes."""

    session: UUID
    batch: UUID
    rows: int
    status: str


class SessionOut(Schema):
    """A delivery being pushed; ``missing`` are the numbers of parts below the highest that have not come."""

    session: UUID
    resource: str
    state: str
    parts: int
    missing: list[int]
    batch: UUID | None
    batch_state: str | None
    balance: dict[str, int] | None
    error: str


def _pusher(request: HttpRequest) -> tuple[PushToken, Actor]:
    """The token of the request, which is counted, and who acts by it.

    Raises:
        NotSignedIn: no valid token. TooMany: it has sent too many requests in this minute.
    """
    token = pushing.authenticate(request.headers.get("Authorization", ""))
    push_limits.count_request(token)
    address = _actor(request).address
    return token, Actor(account=token.created_by, name=f"推送令牌“{token.name}”", address=address)


def _content(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig as error:
        raise InvalidInput(
            f"一个部分不超过 {pushing.MAX_BYTES >> 20} MB。", kept="这一部分没有收下。",
            advice="请分成几个部分。",
        ) from error  # fmt: skip


# Programs have no session: these operations are open to the router and ask for a push token themselves.
@router.operation(
    "POST", "/push/sessions", permission=PUBLIC, response={201: BeganOut}, summary="开始一次推送"
)
def push_begin(request: HttpRequest, body: SessionIn) -> Status[dict[str, Any]]:
    """Open a delivery; the same ``Idempotency-Key`` gives the same one."""
    token, _ = _pusher(request)

    def act() -> pushing.Answer:
        session = pushing.begin(token=token, resource_code=body.resource)
        limits = {"rows": pushing.MAX_ROWS, "bytes": pushing.MAX_BYTES, "parts": pushing.MAX_PARTS}
        return pushing.Answer(201, {"session": str(session.pk), "limits": limits})

    key = request.headers.get("Idempotency-Key", "")
    answer = pushing.once(token, key, request.body, act)
    return Status(answer.status, answer.body)


@router.operation(
    "POST", "/push/sessions/{uuid:pk}/parts/{int:number}", permission=PUBLIC,
    response={202: PartOut}, summary="推送一部分",
)  # fmt: skip
def push_part(request: HttpRequest, pk: UUID, number: Number) -> Status[dict[str, Any]]:
    """Keep one part; the same number with the same content gives the same answer, nothing twice."""
    token, _ = _pusher(request)
    session = pushing.session_of(token, pk)
    answer = pushing.add_part(session=session, number=number, content=_content(request))
    return Status(answer.status, answer.body)


@router.operation(
    "POST", "/push/sessions/{uuid:pk}/commit", permission=PUBLIC, response={202: CommittedOut},
    summary="提交，开始归集",
)  # fmt: skip
def push_commit(request: HttpRequest, pk: UUID, body: CommitIn) -> Status[dict[str, Any]]:
    """End the delivery; 409 with the missing parts, 422 when the rows do not add up."""
    token, actor = _pusher(request)
    session = pushing.session_of(token, pk)
    answer = pushing.commit(session=session, rows=body.rows, actor=actor)
    return Status(answer.status, answer.body)


@router.operation(
    "GET", "/push/sessions/{uuid:pk}", permission=PUBLIC, response=SessionOut,
    summary="推送的进度和账目",
)  # fmt: skip
def push_state(request: HttpRequest, pk: UUID) -> dict[str, Any]:
    """State, missing parts, and the balance once it is loaded."""
    token, _ = _pusher(request)
    return pushing.state_of(pushing.session_of(token, pk))


@router.operation(
    "POST", "/push/batches", permission=PUBLIC, response={202: CommittedOut},
    summary="一次推送一小批",
)  # fmt: skip
def push_small(request: HttpRequest, resource: str) -> Status[dict[str, Any]]:
    """Begin, one part and commit in one request; all or nothing, once per ``Idempotency-Key``."""
    token, actor = _pusher(request)
    content = _content(request)

    def act() -> pushing.Answer:
        session = pushing.begin(token=token, resource_code=resource)
        part = pushing.add_part(session=session, number=1, content=content)
        return pushing.commit(session=session, rows=part.body["rows"], actor=actor)

    key = request.headers.get("Idempotency-Key", "")
    answer = pushing.once(token, key, resource.encode() + b"\n" + content, act)
    return Status(answer.status, answer.body)
