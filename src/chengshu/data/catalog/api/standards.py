"""Standards: data elements, code tables, business items, and what is overdue."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Schema

from chengshu.data.catalog import standards
from chengshu.data.catalog.api.routing import MAX_PAGE, actor_of, router
from chengshu.data.catalog.choices import StandardState
from chengshu.data.catalog.elements import element_content
from chengshu.data.catalog.models import CodeTable, DataElement, Resource
from chengshu.data.catalog.services.code_tables import codes_in_force
from chengshu.data.catalog.suggestions import suggest_elements
from chengshu.kernel.access.rest import Number
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.errors import NotFound


class ElementOut(Schema):
    """A data element as DB33/T 2426-2022 describes it."""

    identifier: str
    state: str
    version: int
    owner: str
    title: str
    english: str
    name: str
    definition: str
    object_class: str
    property_word: str
    representation: str
    type: str
    length: int | None
    precision: int | None
    scale: int | None
    data_format: str
    format: str
    code_table: str
    minimum: str
    maximum: str
    pattern: str
    value_domain: str
    unit: str
    sensitivity: str
    synonyms: list[str]
    relation: str
    source: str
    application: str
    note: str
    published_at: datetime | None


class Page(Schema):
    """Which part of a list; ``q`` narrows it by words."""

    q: str = ""
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    offset: Number = 0


class ElementListOut(Schema):
    """One page of data elements."""

    total: int
    results: list[ElementOut]


class SuggestionOut(Schema):
    """A data element a column probably is; ``score`` from 0 to 1."""

    identifier: str
    title: str
    score: float
    reason: str


class CodeOut(Schema):
    """One code."""

    code: str
    name: str


class CodeTableOut(Schema):
    """A code table with the codes in force."""

    key: str
    name: str
    standard: str
    state: str
    version: int
    codes: list[CodeOut]


class BusinessOut(Schema):
    """A business item with its systems."""

    code: str
    name: str
    department: str
    kind: str
    status: str
    systems: list[str]


class BusinessListOut(Schema):
    """One page of business items."""

    total: int
    results: list[BusinessOut]


class OverdueOut(Schema):
    """An entry whose next update is late; ``days`` are working days."""

    code: str
    title: str
    provider: str
    update_cycle: str
    fresh_at: datetime | None
    due_at: datetime
    days: int


class OverdueListOut(Schema):
    """One page of overdue entries, the latest first."""

    total: int
    results: list[OverdueOut]


@router.operation(
    "GET", "/elements", permission="catalog.element.view", response=ElementListOut,
    summary="查数据元",
)  # fmt: skip
def list_elements(request: HttpRequest, page: Query[Page]) -> dict[str, Any]:
    """Data elements the caller sees, by identifier."""
    found = standards.elements(actor=actor_of(request)).order_by("identifier")
    for word in page.q.split():
        found = found.filter(title__icontains=word) | found.filter(identifier__icontains=word)
    rows = found[page.offset : page.offset + page.limit]
    return {"total": found.count(), "results": [_element(row) for row in rows]}


@router.operation(
    "GET", "/elements/suggest", permission="catalog.element.view", response=list[SuggestionOut],
    summary="按名称推荐数据元",
)  # fmt: skip
def suggest(request: HttpRequest, title: str, name: str = "") -> list[dict[str, Any]]:
    """Which data elements in force a column called ``title`` (``name`` in the table) probably is."""
    del request
    found = suggest_elements(title, name, index=standards.element_index())
    return [asdict(suggestion) for suggestion in found]


@router.operation(
    "GET",
    "/element",
    permission="catalog.element.view",
    response=ElementOut,
    summary="查一个数据元",
)
def get_element(request: HttpRequest, identifier: str) -> dict[str, Any]:
    """One data element."""
    found = standards.elements(actor=actor_of(request)).filter(identifier=identifier).first()
    if found is None:
        raise NotFound(f"没有找到标识符为“{identifier}”的数据元。")
    return _element(found)


@router.operation(
    "GET", "/code-table", permission="catalog.resource.view", response=CodeTableOut,
    summary="查代码表",
)  # fmt: skip
def get_code_table(request: HttpRequest, key: str) -> dict[str, Any]:
    """A code table with the codes in force."""
    del request
    found = CodeTable.objects.exclude(state=StandardState.DRAFT).filter(key=key).first()
    if found is None:
        raise NotFound(f"没有找到标识为“{key}”的代码表。")
    codes = [{"code": code, "name": name} for code, name in codes_in_force(found)]
    return {
        "key": found.key, "name": found.name, "standard": found.standard, "state": found.state,
        "version": found.number, "codes": codes,
    }  # fmt: skip


@router.operation(
    "GET", "/business-items", permission="catalog.system.view", response=BusinessListOut,
    summary="查业务事项",
)  # fmt: skip
def list_business_items(request: HttpRequest, page: Query[Page]) -> dict[str, Any]:
    """Business items by code."""
    found = standards.business_items(actor=actor_of(request)).order_by("code")
    for word in page.q.split():
        found = found.filter(name__icontains=word)
    rows = found.prefetch_related("systems")[page.offset : page.offset + page.limit]
    results = [
        {
            "code": row.code, "name": row.name, "department": row.department.code,
            "kind": row.kind, "status": row.status,
            "systems": sorted(system.code for system in row.systems.all()),
        }
        for row in rows
    ]  # fmt: skip
    return {"total": found.count(), "results": results}


@router.operation(
    "GET", "/overdue", permission="catalog.resource.view", response=OverdueListOut,
    summary="查更新逾期",
)  # fmt: skip
def list_overdue(request: HttpRequest, page: Query[Page]) -> dict[str, Any]:
    """Entries past their update term, as far as the caller answers for them."""
    found = standards.overdue(actor=actor_of(request)).order_by("due_at", "pk")
    for word in page.q.split():
        found = found.filter(title__icontains=word)
    table = stored_table()
    rows: list[Resource] = list(found[page.offset : page.offset + page.limit])
    results = [
        {
            "code": row.code, "title": row.title, "provider": row.provider.code,
            "update_cycle": row.published.update_cycle if row.published else "",
            "fresh_at": row.fresh_at, "due_at": row.due_at,
            "days": standards.lateness(row, table).days,
        }
        for row in rows
    ]  # fmt: skip
    return {"total": found.count(), "results": results}


def _element(row: DataElement) -> dict[str, Any]:
    shown = row.shown
    if shown is None:
        raise NotFound(f"数据元“{row.identifier}”没有可看的版本。")
    content = element_content(shown)
    return {
        **asdict(content), "identifier": row.identifier, "state": row.state,
        "version": shown.number, "owner": row.owner.code, "data_format": content.notation,
        "published_at": shown.published_at,
    }  # fmt: skip
