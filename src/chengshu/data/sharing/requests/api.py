"""JSON API of access requests under ``/api/v1/requests/``: the same services, rights and refusals as the pages."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Schema, Status

from chengshu.data.sharing import selectors as sharing
from chengshu.data.sharing.choices import lookup_only
from chengshu.data.sharing.requests import selectors
from chengshu.data.sharing.requests.content import Common, GrantTerms, Wanted, mark_of
from chengshu.data.sharing.requests.flow import APPLY, OPEN, VIEW
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.moves import act_on, available
from chengshu.data.sharing.requests.services.submission import submit, submit_change
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter
from chengshu.kernel.errors import InvalidInput
from chengshu_gateway.bundle import LEAST_MINIMUM_GROUP, MOST_MISSES, MOST_TRIES

router = ApiRouter()
MAX_PAGE = 200


class Filters(Schema):
    """Which requests; ``side`` is ``own`` (of one's department) or ``received`` (to review or to answer)."""

    side: str = "own"
    state: str = ""
    open: bool | None = None
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    offset: int = Field(0, ge=0)


class WantedIn(Schema):
    """What is wanted of one interface; ``row_filter`` in the gateway's language."""

    interface: str
    fields: list[str]
    row_filter: dict[str, Any] | None = None
    kinds: list[str] = Field(default_factory=lookup_only)


class CommonIn(Schema):
    """What one form says for all its interfaces; ``valid_until`` is the last moment."""

    purpose: str
    legal_basis: str
    business_item: str
    frequency: str
    valid_until: datetime
    per_day: int | None = Field(None, ge=1)
    networks: list[str] = []


class FormIn(CommonIn):
    """One form over several interfaces: sent whole or not at all."""

    application: str
    wanted: list[WantedIn]


class ChangeIn(CommonIn):
    """What a grant in force shall allow afterwards, whole."""

    grant: int
    fields: list[str]
    row_filter: dict[str, Any] | None = None
    kinds: list[str] = Field(default_factory=lookup_only)


class TermsIn(Schema):
    """What is granted in the end; left out: as asked, masked by level."""

    fields: list[str]
    masks: dict[str, str] = {}
    row_filter: dict[str, Any] | None = None
    per_minute: int | None = Field(None, ge=1)
    per_day: int | None = Field(None, ge=1)
    networks: list[str] = []
    valid_until: datetime | None = None
    kinds: list[str] = Field(default_factory=lookup_only)
    minimum_group: int | None = Field(None, ge=LEAST_MINIMUM_GROUP)
    misses_per_minute: int | None = Field(None, ge=1, le=MOST_MISSES)
    tries_per_day: int | None = Field(None, ge=1, le=MOST_TRIES)
    privacy: dict[str, Any] | None = None
    unmasked_reason: str = ""


class ActIn(Schema):
    """One act; which of the rest is needed, the act says.

    ``version`` is the one that was read, ``seen`` its ``amends_mark``: needed where the grant was changed meanwhile.
    """

    act: str
    reason: str = ""
    remarks: dict[str, str] = {}
    values: dict[str, Any] = {}
    terms: TermsIn | None = None
    version: int | None = None
    seen: str = ""


class RequestOut(Schema):
    """A request; ``acts`` are those the caller may do now, ``amends`` the grant it asks to change."""

    id: int
    number: str
    application: str
    interface: str
    provider: str
    state: str
    refusal: str
    purpose: str
    legal_basis: str
    business_item: str
    frequency: str
    fields: list[str]
    row_filter: dict[str, Any] | None
    kinds: list[str]
    per_day: int | None
    networks: list[str]
    valid_until: datetime
    correction: dict[str, str]
    amends: int | None
    amends_mark: str
    grant: int | None
    sent_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    version: int
    acts: list[str]


@router.operation("GET", "/", permission=VIEW, response=list[RequestOut], summary="查共享申请")
def list_requests(request: HttpRequest, filters: Query[Filters]) -> list[dict[str, Any]]:
    """Requests of one's own department, or those one's side reviews or answers, newest first."""
    sides = {"own": selectors.own, "received": selectors.received}
    if filters.side not in sides:
        raise InvalidInput("side 只能是 own 或 received。", fields={"side": "own 或 received"})
    actor = _actor(request)
    rows = sides[filters.side](actor).order_by("-pk")
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.open is not None:
        rows = rows.filter(state__in=OPEN) if filters.open else rows.exclude(state__in=OPEN)
    return [_request(actor, item) for item in rows[filters.offset : filters.offset + filters.limit]]


@router.operation(
    "GET", "/{int:request_id}", permission=VIEW, response=RequestOut, summary="查一件申请"
)
def get_request(request: HttpRequest, request_id: int) -> dict[str, Any]:
    """One request with the acts that are open to the caller."""
    return _request(_actor(request), selectors.request(_actor(request), request_id))


@router.operation(
    "POST", "/", permission=APPLY, response={201: list[RequestOut]}, summary="提交申请单"
)
def create_requests(request: HttpRequest, payload: FormIn) -> Status[Any]:
    """Send one form; each interface becomes a request of its own."""
    actor = _actor(request)
    wanted = [
        Wanted(
            interface=sharing.interface(actor, want.interface), fields=want.fields,
            row_filter=want.row_filter, kinds=want.kinds,
        )
        for want in payload.wanted
    ]  # fmt: skip
    sent = submit(
        actor=actor, application=sharing.application(actor, payload.application),
        common=_common(payload), wanted=wanted,
    )  # fmt: skip
    return Status(201, [_request(actor, item) for item in sent])


@router.operation(
    "POST", "/changes", permission=APPLY, response={201: RequestOut}, summary="申请变更或续期"
)
def create_change(request: HttpRequest, payload: ChangeIn) -> Status[Any]:
    """Ask to change a grant in force, or to prolong it."""
    actor = _actor(request)
    grant = sharing.grant(actor, payload.grant)
    wanted = Wanted(
        interface=grant.interface, fields=payload.fields, row_filter=payload.row_filter,
        kinds=payload.kinds,
    )  # fmt: skip
    item = submit_change(actor=actor, grant=grant, common=_common(payload), wanted=wanted)
    return Status(201, _request(actor, item))


@router.operation(
    "POST", "/{int:request_id}/acts", permission=VIEW, response=RequestOut, summary="办理申请"
)
def act(request: HttpRequest, request_id: int, payload: ActIn) -> dict[str, Any]:
    """Withdraw, correct, review, answer, negotiate, decide: whatever ``acts`` names, by the caller's own right."""
    actor = _actor(request)
    done = act_on(
        actor=actor, item=selectors.request(actor, request_id), act=payload.act,
        reason=payload.reason, remarks=payload.remarks, values=payload.values,
        terms=GrantTerms(**payload.terms.dict()) if payload.terms else None,
        version=payload.version, seen=payload.seen,
    )  # fmt: skip
    return _request(actor, done)


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _common(payload: CommonIn) -> Common:
    names = (
        "purpose",
        "legal_basis",
        "business_item",
        "frequency",
        "valid_until",
        "per_day",
        "networks",
    )
    return Common(**{name: getattr(payload, name) for name in names})


def _request(actor: Actor, item: AccessRequest) -> dict[str, Any]:
    same = (
        "number", "state", "refusal", "purpose", "legal_basis", "business_item", "frequency", "fields",
        "row_filter", "kinds", "per_day", "networks", "valid_until", "correction", "sent_at", "due_at",
        "closed_at", "version",
    )  # fmt: skip
    return {
        **{name: getattr(item, name) for name in same}, "id": item.pk,
        "application": item.application.code, "interface": item.interface.code,
        "provider": item.provider.code, "amends": item.amends_id, "grant": item.grant_id,
        "amends_mark": mark_of(item.amends) if item.amends is not None else "",
        "acts": [move.key for move in available(actor, item)],
    }  # fmt: skip
