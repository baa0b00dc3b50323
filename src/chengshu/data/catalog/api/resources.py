"""Entries: search, read, register, submit; codes identify them."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Schema, Status

from chengshu.data.catalog import selectors
from chengshu.data.catalog.api.routing import MAX_PAGE, actor_of, router
from chengshu.data.catalog.content import (
    LIST_VERSION_FIELDS,
    ItemContent,
    VersionContent,
    item_content,
)
from chengshu.data.catalog.models import Category, Resource
from chengshu.data.catalog.services import drafts, review
from chengshu.kernel.access.rest import Number
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.identity.models import Organization

_DESCRIPTION = (
    "theme", "spatial", "source_name", "source_table", "access_protocol", "access_method",
    "access_address", "sharing_condition", "sharing_basis",
    "open_condition", "open_basis", "national_class", "level_basis",
)  # fmt: skip


class ItemOut(Schema):
    """A data item."""

    name: str
    title: str
    type: str
    length: int | None
    precision: int | None
    scale: int | None
    nullable: bool
    is_key: bool
    code_table: str
    format: str
    minimum: str
    maximum: str
    pattern: str
    sensitivity: str
    definition: str
    element: str
    english: str
    unit: str


class ResourceOut(Schema):
    """An entry as lists show it."""

    code: str
    title: str
    provider: str
    provider_name: str
    state: str
    physical_name: str
    version: int | None
    version_state: str | None
    summary: str
    sharing_type: str
    open_type: str
    update_cycle: str
    level: str
    item_count: int
    kind: str
    formats: list[str]
    keywords: list[str]
    theme: str
    spatial: str
    temporal_start: date | None
    temporal_end: date | None
    related: list[str]
    is_lead: bool
    source_name: str
    source_table: str
    access_protocol: str
    access_method: str
    access_address: str
    business_codes: list[str]
    sharing_condition: str
    sharing_basis: str
    open_condition: str
    open_basis: str
    national_class: str
    level_basis: str
    published_at: datetime | None
    fresh_at: datetime | None
    due_at: datetime | None


class ResourceFilters(Schema):
    """What narrows the list; empty means everything. ``q`` searches titles, summaries and data items."""

    q: str = ""
    provider: str = ""
    level: str = ""
    sharing_type: str = ""
    state: str = ""
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    offset: Number = 0


class ResourceListOut(Schema):
    """One page of entries."""

    total: int
    results: list[ResourceOut]


class ItemIn(Schema):
    """A data item to write; only ``name``, ``title`` and ``type`` have no default."""

    name: str
    title: str
    type: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    is_key: bool = False
    code_table: str = ""
    format: str = ""
    minimum: str = ""
    maximum: str = ""
    pattern: str = ""
    sensitivity: str = "L1"
    definition: str = ""
    element: str = Field("", description="数据元标识符")
    english: str = ""
    unit: str = ""


class ResourceIn(Schema):
    """A new entry with its first draft."""

    provider: str = Field(description="机构代码")
    category: str = Field(description="细目分类代码")
    physical_name: str
    title: str
    summary: str = ""
    system: str = ""
    warehouse: str = ""
    sharing_type: str = ""
    sharing_condition: str = ""
    sharing_basis: str = ""
    sharing_method: str = "interface"
    open_type: str = ""
    open_condition: str = ""
    update_cycle: str = ""
    level_floor: str = ""
    national_class: str = "general"
    formats: list[str] = []
    kind: str = "table"
    keywords: list[str] = []
    theme: str = ""
    spatial: str = ""
    temporal_start: date | None = None
    temporal_end: date | None = None
    related: list[str] = Field([], description="关联资源的代码")
    is_lead: bool = Field(default=False, description="提供单位是不是数源单位")
    source_name: str = ""
    source_table: str = ""
    access_protocol: str = ""
    access_method: str = ""
    access_address: str = Field("", description="接口地址、文件路径或数据流主题")
    business_codes: list[str] = Field([], description="业务事项的编码")
    open_basis: str = ""
    level_basis: str = ""
    items: list[ItemIn] = []


@router.operation(
    "GET",
    "/resources",
    permission="catalog.resource.view",
    response=ResourceListOut,
    summary="查目录",
)
def list_resources(request: HttpRequest, filters: Query[ResourceFilters]) -> dict[str, Any]:
    """Search and filter entries within the caller's scope."""
    found = selectors.resources(actor=actor_of(request))
    if filters.provider:
        found = found.filter(provider__code=filters.provider)
    if filters.state:
        found = found.filter(state=filters.state)
    for field, value in (("level", filters.level), ("sharing_type", filters.sharing_type)):
        if value:
            found = found.filter(selectors.shown_by(field, value))
    found = selectors.search_resources(found, filters.q).order_by("code")
    page = found[filters.offset : filters.offset + filters.limit]
    return {"total": found.count(), "results": [_resource(entry) for entry in page]}


@router.operation(
    "GET",
    "/resource",
    permission="catalog.resource.view",
    response=ResourceOut,
    summary="查一个目录",
)
def get_resource(request: HttpRequest, code: str) -> dict[str, Any]:
    """One entry by its code (codes hold a slash, so they travel as a parameter)."""
    return _resource(_entry(request, code))


@router.operation(
    "GET", "/resource/items", permission="catalog.resource.view", response=list[ItemOut],
    summary="查数据项",
)  # fmt: skip
def get_items(request: HttpRequest, code: str) -> list[dict[str, Any]]:
    """The data items of the version the caller sees."""
    shown = _entry(request, code).shown
    return [asdict(item_content(i)) for i in selectors.items_of(shown)] if shown else []


@router.operation(
    "GET", "/resource/diff", permission="catalog.resource.view", response=dict[str, Any],
    summary="比较两个版本",
)  # fmt: skip
def get_diff(request: HttpRequest, code: str, old: Number, new: Number) -> dict[str, Any]:
    """What changed from version ``old`` to version ``new``."""
    entry, actor = _entry(request, code), actor_of(request)
    before = selectors.version(actor=actor, resource_id=entry.pk, number=old)
    after = selectors.version(actor=actor, resource_id=entry.pk, number=new)
    return selectors.difference(before, after).as_dict()


@router.operation(
    "POST", "/resources", permission="catalog.resource.edit", response={201: ResourceOut},
    summary="登记数据资源",
)  # fmt: skip
def create_resource(request: HttpRequest, payload: ResourceIn) -> Status[Any]:
    """Create an entry as a draft."""
    provider = Organization.objects.filter(code=payload.provider).first()
    category = Category.objects.filter(code=payload.category).first()
    if provider is None or category is None:
        missing = "provider" if provider is None else "category"
        raise InvalidInput("没有这个代码。", kept="没有登记。", fields={missing: "没有这个代码"})
    lists: dict[str, Any] = {name: tuple(getattr(payload, name)) for name in LIST_VERSION_FIELDS}
    apart = {"provider", "category", "physical_name", "items", *LIST_VERSION_FIELDS}
    content = VersionContent(
        **payload.dict(exclude=apart),
        **lists,
        items=tuple(ItemContent(**item.dict()) for item in payload.items),
    )
    entry = drafts.create_resource(
        actor=actor_of(request), provider=provider, category=category,
        physical_name=payload.physical_name, content=content,
    )  # fmt: skip
    return Status(201, _resource(entry))


@router.operation(
    "POST", "/resource/submit", permission="catalog.resource.submit", response=ResourceOut,
    summary="提交审核",
)  # fmt: skip
def submit_resource(request: HttpRequest, code: str) -> dict[str, Any]:
    """Submit the open draft of an entry."""
    entry = _entry(request, code)
    if entry.working is None:
        raise NotFound("这个目录没有正在编辑的版本。")
    review.submit(actor=actor_of(request), version=entry.working)
    return _resource(_entry(request, code))


def _entry(request: HttpRequest, code: str) -> Resource:
    entry = selectors.resources(actor=actor_of(request)).filter(code=code).first()
    if entry is None:
        raise NotFound(f"没有找到资源代码为“{code}”的目录。")
    return entry


def _resource(entry: Resource) -> dict[str, Any]:
    shown = entry.shown
    return {
        "code": entry.code,
        "title": shown.title if shown else entry.title,
        "provider": entry.provider.code,
        "provider_name": entry.provider.name,
        "state": entry.state,
        "physical_name": entry.physical_name,
        "version": shown.number if shown else None,
        "version_state": shown.state if shown else None,
        "summary": shown.summary if shown else "",
        "sharing_type": shown.sharing_type if shown else "",
        "open_type": shown.open_type if shown else "",
        "update_cycle": shown.update_cycle if shown else "",
        "level": shown.level if shown else "",
        "item_count": shown.item_count if shown else 0,
        "kind": entry.kind,
        "published_at": shown.published_at if shown else None,
        "fresh_at": entry.fresh_at,
        "due_at": entry.due_at,
        **{name: list(getattr(shown, name, ())) for name in LIST_VERSION_FIELDS},
        **{name: getattr(shown, name, "") for name in _DESCRIPTION},
        "temporal_start": shown.temporal_start if shown else None,
        "temporal_end": shown.temporal_end if shown else None,
        "is_lead": bool(shown and shown.is_lead),
    }
