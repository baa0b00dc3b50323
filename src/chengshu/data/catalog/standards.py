"""Reads the standards: data elements, what is bound to them, business items, and what is overdue."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from chengshu.data.catalog import selectors
from chengshu.data.catalog.choices import (
    OPEN_STANDARD_STATES,
    ResourceState,
    StandardState,
    StandardVersionState,
)
from chengshu.data.catalog.content import ITEM_RELATIONS, item_content
from chengshu.data.catalog.due import working_days_late
from chengshu.data.catalog.elements import (
    Deviation,
    ElementContent,
    deviating,
    deviations,
    element_content,
)
from chengshu.data.catalog.models import (
    BusinessItem,
    CodeTable,
    CodeTableVersion,
    DataElement,
    DataItem,
    ElementVersion,
    Resource,
)
from chengshu.data.catalog.suggestions import ElementIndex, KnownElement
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import holds, scope
from chengshu.kernel.calendar.deadlines import describe
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import HolidayTable, last_day
from chengshu.kernel.errors import NotFound

_SHOWN = ("published__code_table", "working__code_table")


def live_items() -> QuerySet[DataItem]:
    """Data items of the versions in force."""
    return selectors.published_items().filter(version__resource__state=ResourceState.PUBLISHED)


def elements(*, actor: Actor) -> QuerySet[DataElement]:
    """Data elements: those in force or retired for everybody, drafts for those who may write or publish them."""
    found = DataElement.objects.select_related("owner", *_SHOWN)
    if not holds(actor, "catalog.element.view"):
        return found.none()
    visible = ~Q(state=StandardState.DRAFT)
    for permission in ("catalog.element.propose", "catalog.element.publish"):
        if holds(actor, permission):
            own = scope(actor, permission, DataElement.objects.all())
            visible |= Q(pk__in=own.values("pk"))
    return found.filter(visible)


def counted(found: QuerySet[DataElement]) -> QuerySet[DataElement]:
    """With ``uses`` and ``departments``: data items of published entries, and whose they are."""
    live = Q(items__version__state="published") & Q(
        items__version__resource__state=ResourceState.PUBLISHED
    )
    return found.annotate(
        uses=Count("items", filter=live),
        departments=Count("items__version__resource__provider", filter=live, distinct=True),
    )


def element(*, actor: Actor, element_id: int) -> DataElement:
    """One data element.

    Raises:
        NotFound: it does not exist, or is a draft the actor may not see.
    """
    found = elements(actor=actor).filter(pk=element_id).first()
    if found is None:
        raise NotFound("没有找到这个数据元。", advice="它可能还是草案，或不在您的权限范围内。")
    return found


def items_of(found: DataElement) -> QuerySet[DataItem]:
    """Published data items bound to an element, by department and entry."""
    return (
        live_items()
        .filter(element=found)
        .select_related("version__resource__provider", *ITEM_RELATIONS)
        .order_by("version__resource__provider__code", "version__title", "order")
    )


def with_departures(found: Iterable[DataItem]) -> list[DataItem]:
    """Items with ``departures``: where each departs from its element (load ``element__published__code_table``)."""
    items = list(found)
    for item in items:
        said = item.element.published if item.element else None
        departs = deviations(item_content(item), element_content(said)) if said else ()
        item.departures = tuple(d.sentence for d in departs)  # type: ignore[attr-defined]
    return items


@dataclass(frozen=True, slots=True)
class Hit:
    """A published item bound to an element, and where it would depart from the element's new version."""

    item: DataItem
    deviations: tuple[Deviation, ...]


def hit_by(found: DataElement, content: ElementContent) -> list[Hit]:
    """Published items of an element that would depart if ``content`` came into force."""
    hits = [Hit(item, deviations(item_content(item), content)) for item in items_of(found)]
    return [hit for hit in hits if hit.deviations]


@dataclass(frozen=True, slots=True)
class Lateness:
    """Whether an entry's next update is late; ``words`` says when it is due, as people read it."""

    late: bool
    days: int
    words: str


def lateness(entry: Resource, table: HolidayTable | None = None) -> Lateness:
    """How an entry stands with its update cycle, in working days."""
    if entry.due_at is None:
        return Lateness(late=False, days=0, words="不限期")
    now, table = timezone.now(), table or stored_table()
    days = working_days_late(entry.due_at, now, table=table)
    words = f"{last_day(entry.due_at)}，{describe(entry.due_at, now, table=table)}"
    return Lateness(late=now >= entry.due_at, days=days, words=words)


def departing_items() -> QuerySet[DataItem]:
    """Published data items that depart from their element."""
    return live_items().filter(deviating())


def element_index() -> ElementIndex:
    """An index over the elements in force (one query)."""
    rows = ElementVersion.objects.filter(
        state=StandardVersionState.PUBLISHED, element__state=StandardState.PUBLISHED
    ).values_list("element__identifier", "title", "name", "synonyms")
    return ElementIndex.of(
        KnownElement(identifier=i, title=t, name=n, synonyms=tuple(s)) for i, t, n, s in rows
    )


def elements_in_force() -> dict[str, ElementContent]:
    """What every element in force says, by identifier (one query)."""
    rows = ElementVersion.objects.filter(
        state=StandardVersionState.PUBLISHED, element__state=StandardState.PUBLISHED
    ).select_related("element", "code_table")
    return {
        row.element.identifier: element_content(row) for row in rows.order_by("element__identifier")
    }


def proposals() -> QuerySet[ElementVersion]:
    """Versions of elements that wait for publication."""
    return ElementVersion.objects.filter(state=StandardVersionState.SUBMITTED)


def waiting_elements(actor: Actor) -> int:
    """Badge: proposed elements that wait for the actor, not those he proposed himself."""
    found = scope(actor, "catalog.element.publish", proposals())
    return _of_others(found, actor).count()


def waiting_code_tables(actor: Actor) -> int:
    """Badge: proposed code tables that wait for the actor."""
    if not holds(actor, "catalog.standard.edit"):
        return 0
    found = CodeTableVersion.objects.filter(state=StandardVersionState.SUBMITTED)
    return _of_others(found, actor).count()


def _of_others(found: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    """Without what the actor proposed: a second person publishes."""
    return found.exclude(submitted_by=actor.account) if actor.account else found


def code_table_versions(table: CodeTable) -> QuerySet[CodeTableVersion]:
    """All versions of a code table, newest first."""
    return table.versions.select_related("edited_by", "published_by").order_by("-number")


def open_version(table: CodeTable) -> CodeTableVersion | None:
    """The version of a code table that is being written."""
    return table.versions.filter(state__in=OPEN_STANDARD_STATES).first()


def business_items(*, actor: Actor) -> QuerySet[BusinessItem]:
    """Business items, with the number of their systems and entries."""
    if not holds(actor, "catalog.system.view"):
        return BusinessItem.objects.none()
    return BusinessItem.objects.select_related("department").annotate(
        system_count=Count("systems", distinct=True),
        entry_count=Count(
            "resources", filter=~Q(resources__state=ResourceState.DRAFT), distinct=True
        ),
    )


def business_item(*, actor: Actor, item_id: int) -> BusinessItem:
    """One business item.

    Raises:
        NotFound: it does not exist.
    """
    found = business_items(actor=actor).filter(pk=item_id).first()
    if found is None:
        raise NotFound("没有找到这个业务事项。")
    return found


def overdue(*, actor: Actor) -> QuerySet[Resource]:
    """Published entries whose next update is late, as far as the actor answers for them."""
    late = Resource.objects.filter(state=ResourceState.PUBLISHED, due_at__lte=timezone.now())
    return in_charge(late, actor).select_related("provider", "system", "published")


def in_charge(found: QuerySet[Resource], actor: Actor) -> QuerySet[Resource]:
    """Narrow to entries the actor writes for; whoever reads the catalogue without writing sees all."""
    if holds(actor, "catalog.resource.edit"):
        return scope(actor, "catalog.resource.edit", found)
    return found if holds(actor, "catalog.resource.view") else found.none()


def waiting_overdue(actor: Actor) -> int:
    """Badge: overdue entries the actor answers for."""
    return overdue(actor=actor).count()


def count_elements() -> int:
    """Data elements in force."""
    return DataElement.objects.filter(state=StandardState.PUBLISHED).count()


def count_overdue() -> int:
    """Published entries whose next update is late."""
    return Resource.objects.filter(
        state=ResourceState.PUBLISHED, due_at__lte=timezone.now()
    ).count()


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementInfo:
    """A data element in force, as other packages see it."""

    identifier: str
    title: str
    name: str
    type: str
    length: int | None
    sensitivity: str
    owner_id: int
    owner_name: str
    number: int
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundItem:
    """A published data item bound to an element; ``deviates`` tells whether it departs from it."""

    identifier: str
    resource_id: int
    code: str
    resource_title: str
    lake_table: str
    provider_id: int
    provider_name: str
    provider_path: str
    is_lead: bool
    column: str
    title: str
    is_key: bool
    deviates: bool


def element_infos(identifiers: Iterable[str] | None = None) -> dict[str, ElementInfo]:
    """Elements in force by identifier (one query); all of them without ``identifiers``."""
    found = DataElement.objects.filter(state=StandardState.PUBLISHED)
    if identifiers is not None:
        found = found.filter(identifier__in=list(identifiers))
    return {
        e.identifier: ElementInfo(
            identifier=e.identifier, title=v.title, name=v.name, type=v.type, length=v.length,
            sensitivity=v.sensitivity, owner_id=e.owner_id, owner_name=e.owner.name,
            number=v.number, synonyms=tuple(v.synonyms),
        )
        for e in found.select_related("published", "owner")
        if (v := e.published) is not None
    }  # fmt: skip


def bound_items(identifier: str = "") -> list[BoundItem]:
    """Published items bound to the element, or to any element when ``identifier`` is empty (two queries)."""
    found, departing = live_items().filter(element__isnull=False), departing_items()
    if identifier:
        found = found.filter(element__identifier=identifier)
        departing = departing.filter(element__identifier=identifier)
    # Asked apart: inside one statement PostgreSQL may compare every item with every other one (minutes).
    departs = set(departing.values_list("pk", flat=True))
    rows = found.annotate(said=F("element__identifier")).select_related(
        "version__resource__provider"
    )
    return [
        BoundItem(
            identifier=row.said, resource_id=entry.pk, code=entry.code,
            resource_title=row.version.title, lake_table=entry.lake_table,
            provider_id=entry.provider_id, provider_name=entry.provider.name,
            provider_path=entry.provider.path, is_lead=row.version.is_lead, column=row.name,
            title=row.title, is_key=row.is_key, deviates=row.pk in departs,
        )
        for row in rows.order_by("element__identifier", "version__resource__code", "order")
        for entry in (row.version.resource,)
    ]  # fmt: skip


def element_of(resource_id: int, column: str) -> str:
    """Identifier of the element the column of a published entry is bound to; "" for none."""
    found = live_items().filter(version__resource=resource_id, name=column)
    return found.values_list("element__identifier", flat=True).first() or ""
