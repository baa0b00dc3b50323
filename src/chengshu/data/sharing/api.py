"""JSON API of sharing under ``/api/v1/sharing/``: for administration; shared data itself is asked at the gateway."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Schema, Status

from chengshu.data.sharing import documents, selectors, usage
from chengshu.data.sharing.models import Application, Grant, ShareInterface
from chengshu.data.sharing.services import applications, grants, interfaces, public_keys
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rest import ApiRouter, Number
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.identity.models import Organization
from chengshu_gateway.bundle import LEAST_MINIMUM_GROUP, MOST_MISSES, MOST_TRIES

router = ApiRouter()
MAX_PAGE = 200
MAX_DAYS = 366
MAX_QUOTA = 1_000_000_000
VIEW, PUBLISH, GRANT = "sharing.view", "sharing.interface.manage", "sharing.grant.manage"
APPLICATION, KEY = "sharing.application.manage", "sharing.key.manage"


class Page(Schema):
    """Which part of a list; ``q`` searches names and codes."""

    q: str = ""
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    offset: Number = 0


class ColumnOut(Schema):
    """A field of an interface."""

    name: str
    title: str
    type: str
    sensitivity: str = ""


class InterfaceOut(Schema):
    """An interface; ``columns`` are what can be granted."""

    code: str
    title: str
    resource: str
    provider: str
    key_column: str
    state: str
    rows: int
    snapshot: str
    lake_version: int | None
    published_at: datetime | None
    error: str
    query_columns: list[str]
    columns: list[ColumnOut]


class QueryColumnsIn(Schema):
    """The columns that queries may ask for."""

    columns: list[str]


class InterfaceIn(Schema):
    """Publish a resource as an interface."""

    resource: str = Field(description="资源代码")
    code: str
    title: str = ""
    key_column: str


class ApplicationOut(Schema):
    """An application."""

    code: str
    name: str
    owner: str
    purpose: str
    state: str
    created_at: datetime


class ApplicationIn(Schema):
    """Register an application."""

    code: str
    name: str
    owner: str = Field(description="机构代码")
    purpose: str
    contact: str = ""


class KeyIn(Schema):
    """Issue a key."""

    expires_at: datetime | None = None


class KeyOut(Schema):
    """A new key; ``secret`` is given in this answer and never again."""

    key_id: str
    secret: str
    expires_at: datetime | None


class PublicKeyIn(Schema):
    """Register a public key or a client certificate; the private half stays with the application."""

    scheme: Literal["sm2-sm3", "private-key-jwt", "tls-self-signed", "tls-ca"]
    public_key: str = Field(
        description="PEM；SM2 也可以是 04 开头的 130 位十六进制；tls-ca 是证书主体，如 subject_dn=CN=app,O=单位"
    )
    expires_at: datetime | None = None


class PublicKeyOut(Schema):
    """A registered public key."""

    key_id: str
    scheme: str
    expires_at: datetime | None


class ReasonIn(Schema):
    """Why."""

    reason: str


class StateIn(ReasonIn):
    """A new state with its reason."""

    state: str


class RuleIn(Schema):
    """What a grant allows; ``row_filter`` in the gateway's language, see the protocol.

    ``kinds`` left out: lookups only in a new grant, unchanged in an old one. ``minimum_group`` is the least number of
    records of a group in statistics, ``misses_per_minute`` how many keys without a record and
    ``tries_per_day`` how many failed verifications of one record are allowed;
    left out, they stay (in a new grant: the usual ones). ``privacy`` puts a grant of statistics only under
    differential privacy: ``epsilon`` of an answer, ``budget`` of a ``period`` ("day" or "month"), ``bounds`` of columns
    that are added up, public ``groups`` and ``records`` of one person; ``{}`` ends it, left out it stays.
    """

    fields: list[str]
    masks: dict[str, str] = {}
    row_filter: dict[str, Any] | None = None
    per_minute: int | None = Field(None, ge=1, le=MAX_QUOTA)
    per_day: int | None = Field(None, ge=1, le=MAX_QUOTA)
    networks: list[str] = []
    kinds: list[str] | None = None
    minimum_group: int | None = Field(None, ge=LEAST_MINIMUM_GROUP)
    misses_per_minute: int | None = Field(None, ge=1, le=MOST_MISSES)
    tries_per_day: int | None = Field(None, ge=1, le=MOST_TRIES)
    privacy: dict[str, Any] | None = None
    valid_until: datetime | None = None
    unmasked_reason: str = ""


class GrantIn(RuleIn):
    """Give an application access to an interface."""

    application: str
    interface: str
    purpose: str


class GrantOut(RuleIn):
    """A grant; ``problem`` says what keeps (part of) it from the gateway."""

    id: int
    application: str
    interface: str
    purpose: str
    state: str
    problem: str
    granted_at: datetime


class UsageFilters(Schema):
    """Whose calls of which days; empty means everything the caller may see."""

    application: str = ""
    interface: str = ""
    days: int = Field(30, ge=1, le=MAX_DAYS)


class ReasonOut(Schema):
    """Refusals of one kind."""

    outcome: str
    title: str
    calls: int


class DayOut(Schema):
    """Calls of one day."""

    day: str
    answered: int
    refused: int


class UsageOut(Schema):
    """Calls of a period; ``mean_ms`` is the gateway's handling time."""

    calls: int
    answered: int
    refused: int
    mean_ms: float | None
    reasons: list[ReasonOut]
    days: list[DayOut]


@router.operation(
    "GET", "/interfaces", permission=VIEW, response=list[InterfaceOut], summary="查共享接口"
)
def list_interfaces(request: HttpRequest, page: Query[Page]) -> list[dict[str, Any]]:
    """Interfaces of the whole city by code."""
    found = selectors.interfaces(_actor(request)).order_by("code")
    if page.q:
        found = found.filter(title__icontains=page.q) | found.filter(code__icontains=page.q)
    return [_interface(item) for item in found[page.offset : page.offset + page.limit]]


@router.operation(
    "GET", "/interfaces/{code}", permission=VIEW, response=InterfaceOut, summary="查一个共享接口"
)
def get_interface(request: HttpRequest, code: str) -> dict[str, Any]:
    """One interface with its fields."""
    return _interface(selectors.interface(_actor(request), code))


@router.operation(
    "POST", "/interfaces", permission=PUBLISH, response={201: InterfaceOut}, summary="发布共享接口"
)
def create_interface(request: HttpRequest, payload: InterfaceIn) -> Status[Any]:
    """Publish a resource; the snapshot is built in the background, ``state`` tells when it is there."""
    item = interfaces.create_interface(
        actor=_actor(request), resource_code=payload.resource, code=payload.code,
        title=payload.title, key_column=payload.key_column,
    )  # fmt: skip
    return Status(201, _interface(item))


@router.operation(
    "PUT", "/interfaces/{code}/query-columns", permission=PUBLISH, response=InterfaceOut,
    summary="设置查询条件字段",
)  # fmt: skip
def set_query_columns(request: HttpRequest, code: str, payload: QueryColumnsIn) -> dict[str, Any]:
    """Replace them; a snapshot with their indexes is built in the background."""
    item = selectors.interface(_actor(request), code)
    interfaces.set_query_columns(actor=_actor(request), interface=item, columns=payload.columns)
    return _interface(item)


@router.operation(
    "POST", "/interfaces/{code}/refresh", permission=PUBLISH, response=InterfaceOut,
    summary="更新快照",
)  # fmt: skip
def refresh_interface(request: HttpRequest, code: str) -> dict[str, Any]:
    """Queue a fresh snapshot."""
    item = selectors.interface(_actor(request), code)
    interfaces.refresh(actor=_actor(request), interface=item)
    return _interface(item)


@router.operation(
    "POST", "/interfaces/{code}/state", permission=PUBLISH, response=InterfaceOut,
    summary="上线或下线接口",
)  # fmt: skip
def set_interface_state(request: HttpRequest, code: str, payload: StateIn) -> dict[str, Any]:
    """``online`` or ``offline``."""
    if payload.state not in {"online", "offline"}:
        raise InvalidInput("状态只能是 online 或 offline。", fields={"state": "online 或 offline"})
    item = selectors.interface(_actor(request), code)
    interfaces.set_online(
        actor=_actor(request),
        interface=item,
        online=payload.state == "online",
        reason=payload.reason,
    )
    return _interface(item)


@router.operation(
    "GET", "/applications", permission=VIEW, response=list[ApplicationOut], summary="查接入应用"
)
def list_applications(request: HttpRequest, page: Query[Page]) -> list[dict[str, Any]]:
    """Applications of the caller's scope by code."""
    found = selectors.applications(_actor(request)).order_by("code")
    if page.q:
        found = found.filter(name__icontains=page.q) | found.filter(code__icontains=page.q)
    return [_application(item) for item in found[page.offset : page.offset + page.limit]]


@router.operation(
    "POST", "/applications", permission=APPLICATION, response={201: ApplicationOut},
    summary="登记接入应用",
)  # fmt: skip
def register_application(request: HttpRequest, payload: ApplicationIn) -> Status[Any]:
    """Register an application of an organisation."""
    owner = Organization.objects.filter(code=payload.owner).first()
    if owner is None:
        raise InvalidInput("没有这个机构。", kept="没有登记。", fields={"owner": "没有这个代码"})
    item = applications.register_application(
        actor=_actor(request), code=payload.code, name=payload.name, owner=owner,
        purpose=payload.purpose, contact=payload.contact,
    )  # fmt: skip
    return Status(201, _application(item))


@router.operation(
    "POST", "/applications/{code}/state", permission=APPLICATION, response=ApplicationOut,
    summary="停用或恢复应用",
)  # fmt: skip
def set_application_state(request: HttpRequest, code: str, payload: StateIn) -> dict[str, Any]:
    """``active`` or ``suspended``."""
    if payload.state not in {"active", "suspended"}:
        raise InvalidInput(
            "状态只能是 active 或 suspended。", fields={"state": "active 或 suspended"}
        )
    item = selectors.application(_actor(request), code)
    applications.set_application_state(
        actor=_actor(request), application=item, state=payload.state, reason=payload.reason
    )
    return _application(item)


@router.operation(
    "POST", "/applications/{code}/keys", permission=KEY, response={201: KeyOut}, summary="签发密钥"
)
def issue_key(request: HttpRequest, code: str, payload: KeyIn) -> Status[Any]:
    """Issue a key. Store the secret at once: nobody can show it again."""
    item = selectors.application(_actor(request), code)
    key, secret = applications.issue_key(
        actor=_actor(request), application=item, expires_at=payload.expires_at
    )
    return Status(201, {"key_id": key.key_id, "secret": secret, "expires_at": key.expires_at})


@router.operation(
    "POST", "/applications/{code}/public-keys", permission=KEY, response={201: PublicKeyOut},
    summary="登记公钥或客户端证书",
)  # fmt: skip
def register_public_key(request: HttpRequest, code: str, payload: PublicKeyIn) -> Status[Any]:
    """Register a public key for SM2 signatures, or a key or certificate for asking for OAuth tokens."""
    item = selectors.application(_actor(request), code)
    key = public_keys.register_public_key(
        actor=_actor(request), application=item, scheme=payload.scheme,
        public_key=payload.public_key, expires_at=payload.expires_at,
    )  # fmt: skip
    return Status(201, {"key_id": key.key_id, "scheme": key.scheme, "expires_at": key.expires_at})


@router.operation(
    "POST", "/applications/{code}/keys/{key_id}/revoke", permission=KEY, response={204: None},
    summary="吊销密钥",
)  # fmt: skip
def revoke_key(request: HttpRequest, code: str, key_id: str, payload: ReasonIn) -> Status[Any]:
    """Revoke a key for good."""
    item = selectors.application(_actor(request), code)
    key = item.keys.filter(key_id=key_id).select_related("application__owner").first()
    if key is None:
        raise NotFound(f"应用“{item.name}”没有密钥 {key_id}。")
    applications.revoke_key(actor=_actor(request), key=key, reason=payload.reason)
    return Status(204, None)


@router.operation("GET", "/grants", permission=VIEW, response=list[GrantOut], summary="查共享授权")
def list_grants(
    request: HttpRequest, page: Query[Page], application: str = "", interface: str = ""
) -> list[dict[str, Any]]:
    """Grants given and received, newest first."""
    found = selectors.grants(_actor(request)).order_by("-granted_at", "-pk")
    if application:
        found = found.filter(application__code=application)
    if interface:
        found = found.filter(interface__code=interface)
    return [_grant(item) for item in found[page.offset : page.offset + page.limit]]


@router.operation("POST", "/grants", permission=GRANT, response={201: GrantOut}, summary="授权")
def create_grant(request: HttpRequest, payload: GrantIn) -> Status[Any]:
    """Give an application access."""
    application = Application.objects.filter(code=payload.application).first()
    if application is None:
        raise InvalidInput(
            "没有这个应用。", kept="没有授权。", fields={"application": "没有这个编号"}
        )
    item = grants.grant(
        actor=_actor(request), application=application,
        interface=selectors.interface(_actor(request), payload.interface),
        **payload.dict(exclude={"application", "interface"}),
    )  # fmt: skip
    return Status(201, _grant(item))


@router.operation(
    "PUT", "/grants/{grant_id}", permission=GRANT, response=GrantOut, summary="变更授权"
)
def change_grant(request: HttpRequest, grant_id: Number, payload: RuleIn) -> dict[str, Any]:
    """Replace what a grant allows."""
    item = selectors.grant(_actor(request), grant_id)
    return _grant(grants.change_grant(actor=_actor(request), item=item, **payload.dict()))


@router.operation(
    "GET", "/grants/{grant_id}/openapi", permission=VIEW, response=dict[str, Any],
    summary="取一项授权的 OpenAPI 文档",
)  # fmt: skip
def get_openapi(request: HttpRequest, grant_id: Number) -> dict[str, Any]:
    """OpenAPI 3.1, only what was granted."""
    return documents.openapi_document(selectors.grant(_actor(request), grant_id))


@router.operation(
    "GET", "/grants/{grant_id}/contract", permission=VIEW, response=dict[str, Any],
    summary="取一项授权的数据契约",
)  # fmt: skip
def get_contract(request: HttpRequest, grant_id: Number) -> dict[str, Any]:
    """Open Data Contract Standard v3.2.0."""
    return documents.data_contract(selectors.grant(_actor(request), grant_id))


@router.operation(
    "POST", "/grants/{grant_id}/state", permission=GRANT, response=GrantOut,
    summary="暂停、恢复或收回授权",
)  # fmt: skip
def set_grant_state(request: HttpRequest, grant_id: Number, payload: StateIn) -> dict[str, Any]:
    """``active``, ``suspended`` or ``revoked``."""
    if payload.state not in {"active", "suspended", "revoked"}:
        text = "active、suspended 或 revoked"
        raise InvalidInput(f"状态只能是 {text}。", fields={"state": text})
    item = selectors.grant(_actor(request), grant_id)
    grants.set_state(actor=_actor(request), item=item, state=payload.state, reason=payload.reason)
    return _grant(item)


@router.operation("GET", "/usage", permission=VIEW, response=UsageOut, summary="查调用统计")
def get_usage(request: HttpRequest, filters: Query[UsageFilters]) -> dict[str, Any]:
    """Calls within the caller's scope, counted from the gateway's trail every minute."""
    rows = selectors.statistics(_actor(request)).filter(day__gte=usage.first_day(filters.days))
    if filters.application:
        rows = rows.filter(application=filters.application)
    if filters.interface:
        rows = rows.filter(interface=filters.interface)
    totals = usage.totals(rows)
    return {
        "calls": totals.calls, "answered": totals.answered, "refused": totals.refused,
        "mean_ms": totals.mean_ms,
        "reasons": [
            {"outcome": r.outcome, "title": r.title, "calls": r.calls} for r in usage.reasons(rows)
        ],
        "days": [
            {"day": d.day.isoformat(), "answered": d.answered, "refused": d.refused}
            for d in usage.by_day(rows, filters.days)
        ],
    }  # fmt: skip


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _interface(item: ShareInterface) -> dict[str, Any]:
    return {
        "code": item.code, "title": item.title, "resource": item.resource.code,
        "provider": item.resource.provider.code, "key_column": item.key_column,
        "state": item.state, "rows": item.rows, "snapshot": item.snapshot,
        "lake_version": item.lake_version, "published_at": item.published_at, "error": item.error,
        "query_columns": item.query_columns, "columns": item.columns,
    }  # fmt: skip


def _application(item: Application) -> dict[str, Any]:
    return {
        "code": item.code, "name": item.name, "owner": item.owner.code, "purpose": item.purpose,
        "state": item.state, "created_at": item.created_at,
    }  # fmt: skip


def _grant(item: Grant) -> dict[str, Any]:
    return {
        "id": item.pk, "application": item.application.code, "interface": item.interface.code,
        "purpose": item.purpose, "state": item.state, "problem": item.problem,
        "granted_at": item.granted_at, **grants.describe(item),
    }  # fmt: skip
