"""The cascade protocol as the upper side offers it, under ``/api/v1/cascade/`` (docs/cascade-protocol.md).

A lower platform has no session: every operation is open to the router and asks for the signature itself.
"""

import hashlib
import json
import uuid
from typing import Any
from urllib.parse import quote

from django.core.exceptions import RequestDataTooBig
from django.http import FileResponse, HttpRequest
from ninja import Schema, Status

from chengshu.data.cascade.choices import IncomingState, Role
from chengshu.data.cascade.models import Incoming, LowerEntry, Platform
from chengshu.data.cascade.services import answering
from chengshu.kernel.access.rest import ApiRouter, Number
from chengshu.kernel.access.routing import PUBLIC
from chengshu.kernel.errors import InvalidInput, NotSignedIn

router = ApiRouter()
PROTOCOL = 1


class HelloOut(Schema):
    """Who answers, and which protocol; ``you`` is the caller's name as registered here."""

    platform: str
    protocol: int
    you: str


class EntryOut(Schema):
    """What became of a version of an entry: ``sent`` (not decided yet), ``accepted`` or ``returned``."""

    code: str
    version: int
    withdrawn: bool
    state: str
    reason: str


class PartOut(Schema):
    """What was received; the caller compares."""

    name: str
    sha256: str


class DeliveryOut(Schema):
    """Where a batch stands; ``receipt`` once every row is accounted for."""

    dataset: str
    number: int
    state: str
    receipt: dict[str, Any] | None


class NotesOut(Schema):
    """Delivery notes of what is handed down."""

    notes: list[dict[str, Any]]


class ReturnOut(Schema):
    """Where a batch that is handed down stands here."""

    dataset: str
    number: int
    state: str


def _caller(request: HttpRequest, digest: str) -> Platform:
    return answering.authenticate(
        method=request.method or "", path=quote(request.path),
        query=str(request.META.get("QUERY_STRING", "")), headers=dict(request.headers),
        body_digest=digest,
    )  # fmt: skip


def _signed(request: HttpRequest) -> tuple[Platform, Any]:
    """The caller and the JSON object of the body (None for an empty one)."""
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise InvalidInput("内容太长。", kept="没有收下任何内容。") from error
    caller = _caller(request, hashlib.sha256(body).hexdigest())
    if not body:
        return caller, None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("请求体读不懂。", advice="应为一个 JSON 对象。") from error
    if not isinstance(found, dict):
        raise InvalidInput("请求体应为一个 JSON 对象。", kept="没有收下任何内容。")
    return caller, found


def _entry(item: LowerEntry) -> dict[str, Any]:
    return {
        "code": item.code, "version": item.version, "withdrawn": item.withdrawn,
        "state": item.state, "reason": item.reason,
    }  # fmt: skip


def _delivery(item: Incoming) -> dict[str, Any]:
    settled = item.state not in (IncomingState.NOTED, IncomingState.LOADING)
    return {
        "dataset": item.channel.dataset, "number": item.number, "state": item.state,
        "receipt": item.receipt if settled and item.receipt else None,
    }  # fmt: skip


@router.operation("GET", "/hello", permission=PUBLIC, response=HelloOut, summary="问是谁")
def hello(request: HttpRequest) -> dict[str, Any]:
    """Say who is here."""
    caller, _body = _signed(request)
    return {"platform": answering.own_name(), "protocol": PROTOCOL, "you": caller.name}


@router.operation(
    "POST", "/entries", permission=PUBLIC, response={202: EntryOut}, summary="上报一版目录"
)
def send_entry(request: HttpRequest) -> Status[dict[str, Any]]:
    """Take a version of an entry, or its withdrawal."""
    caller, body = _signed(request)
    return Status(202, _entry(answering.take_entry(platform=caller, document=body or {})))


@router.operation("GET", "/entries", permission=PUBLIC, response=EntryOut, summary="目录的审核结果")
def entry_answer(
    request: HttpRequest, code: str, version: Number, withdrawn: Number = 0
) -> dict[str, Any]:
    """What was decided."""
    caller, _body = _signed(request)
    return _entry(answering.entry_of(
        platform=caller, code=code, version=version, withdrawn=bool(withdrawn)
    ))  # fmt: skip


@router.operation(
    "PUT", "/deliveries/{dataset}/{number}/parts/{name}", permission=PUBLIC, response=PartOut,
    summary="送一个文件",
)  # fmt: skip
def send_part(request: HttpRequest, dataset: str, number: Number, name: str) -> dict[str, Any]:
    """Keep the file until its note comes."""
    headers = request.headers
    # Nobody unknown fills the disk: the signature can be checked only once the bytes are here.
    known = Platform.objects.filter(
        role=Role.LOWER, app=headers.get("X-Cs-App", ""), key_id=headers.get("X-Cs-Key", "")
    )
    if not known.exists():
        raise NotSignedIn("签名不对，或没有登记过这个平台。", kept="没有收下任何内容。")
    passing = answering.passing_folder() / uuid.uuid4().hex
    digest = answering.receive_body(request, passing)
    try:
        caller = _caller(request, digest)
        place = answering.part_place(caller, dataset, number, name)
        answering.take_part(passing=passing, place=place)
    finally:
        passing.unlink(missing_ok=True)
    return {"name": name, "sha256": digest}


@router.operation(
    "POST", "/deliveries/{dataset}/{number}", permission=PUBLIC, response={202: DeliveryOut},
    summary="送交接单",
)  # fmt: skip
def commit(request: HttpRequest, dataset: str, number: Number) -> Status[dict[str, Any]]:
    """The batch is complete: check it and load it."""
    caller, body = _signed(request)
    item = answering.take_delivery(platform=caller, dataset=dataset, number=number, document=body)
    return Status(202, _delivery(item))


@router.operation(
    "GET",
    "/deliveries/{dataset}/{number}",
    permission=PUBLIC,
    response=DeliveryOut,
    summary="取回执",
)
def delivery(request: HttpRequest, dataset: str, number: Number) -> dict[str, Any]:
    """Where the batch stands, with its receipt."""
    caller, _body = _signed(request)
    return _delivery(answering.delivery_of(platform=caller, dataset=dataset, number=number))


@router.operation(
    "GET", "/returns/{dataset}", permission=PUBLIC, response=NotesOut, summary="回流的交接单"
)
def notes(request: HttpRequest, dataset: str, after: Number = 0) -> dict[str, Any]:
    """Notes with numbers above ``after``, at most 200."""
    caller, _body = _signed(request)
    return {"notes": answering.notes_for(platform=caller, dataset=dataset, after=after)}


@router.operation(
    "GET", "/returns/{dataset}/{number}/parts/{name}", permission=PUBLIC, summary="取一个回流文件"
)
def fetch(request: HttpRequest, dataset: str, number: Number, name: str) -> Any:
    """The bytes of one file."""
    caller, _body = _signed(request)
    path = answering.offered_part(platform=caller, dataset=dataset, number=number, name=name)
    return FileResponse(path.open("rb"), content_type="application/octet-stream")


@router.operation(
    "POST", "/returns/{dataset}/{number}/receipt", permission=PUBLIC, response=ReturnOut,
    summary="送回流的回执",
)  # fmt: skip
def receipt(request: HttpRequest, dataset: str, number: Number) -> dict[str, Any]:
    """Take the receipt, once."""
    caller, body = _signed(request)
    item = answering.take_receipt(platform=caller, dataset=dataset, number=number, document=body)
    return {"dataset": dataset, "number": number, "state": item.state}


@router.operation(
    "POST", "/returns/{dataset}/{number}/again", permission=PUBLIC, response=ReturnOut,
    summary="要求重送一批",
)  # fmt: skip
def again(request: HttpRequest, dataset: str, number: Number) -> dict[str, Any]:
    """Hand the batch down once more."""
    caller, _body = _signed(request)
    item = answering.asked_again(platform=caller, dataset=dataset, number=number)
    return {"dataset": dataset, "number": number, "state": item.state}
