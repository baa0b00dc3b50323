"""Reads the catalogue within the actor's scope, and counts it for the city's indicators.

Published entries (also suspended and retired ones) are the city's common knowledge: whoever may view the catalogue sees
them. What is still being written is seen by those who may edit or review it.
"""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Substr
from django.utils import timezone

from chengshu.data.catalog.choices import ResourceState, VersionState
from chengshu.data.catalog.content import version_content
from chengshu.data.catalog.diff import VersionDiff, compare
from chengshu.data.catalog.freshness import freshness_case
from chengshu.data.catalog.models import (
    CodeTable,
    DataItem,
    InformationSystem,
    Resource,
    ResourceVersion,
    ThematicLibrary,
    Warehouse,
)
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import allows, holds, scope
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import NotFound
from chengshu.kernel.search.facets import encode
from chengshu.kernel.search.services import matching_keys

UNINDEXED = timedelta(hours=1)
"""The index follows events; so long after a change an entry is also looked at directly."""

_PEOPLE = ("edited_by", "submitted_by", "reviewed_by")


def resources(*, actor: Actor) -> QuerySet[Resource]:
    """Entries the actor may see, with everything a list shows (one query)."""
    found = Resource.objects.select_related(
        "provider", "system", "warehouse", "published", "working"
    )
    if not (actor.system or holds(actor, "catalog.resource.view")):
        return found.none()
    own = [
        Q(pk__in=scope(actor, permission, Resource.objects.all()).values("pk"))
        for permission in ("catalog.resource.edit", "catalog.resource.review")
        if holds(actor, permission)
    ]
    visible = ~Q(state=ResourceState.DRAFT)
    for condition in own:
        visible |= condition
    return found.filter(visible)


def search_resources(
    found: QuerySet[Resource], words: str, *, actor: Actor | None = None
) -> QuerySet[Resource]:
    """Narrow to entries in which the words occur: title, code, department, summary or a data item.

    Entries are found through the search index: pinyin and synonyms count, and it stays quick over a million items.
    Drafts and what changed within :data:`UNINDEXED` may not be indexed yet and are looked at directly; they are few.
    """
    known = matching_keys(actor or platform(), words, "catalog.resource")
    direct: Any = Q(published=None) | Q(updated_at__gte=timezone.now() - UNINDEXED)
    for word in words.split():
        items = DataItem.objects.filter(
            Q(version=OuterRef("published_id"))
            | Q(version=OuterRef("working_id"), version__resource__published=None)
        ).filter(Q(title__icontains=word) | Q(name__icontains=word) | Q(definition__icontains=word))
        direct &= (
            Q(title__icontains=word)
            | Q(code__icontains=word)
            | Q(physical_name__icontains=word)
            | Q(provider__short__icontains=word)
            | Q(published__summary__icontains=word)
            | Q(published=None, working__summary__icontains=word)
            | Exists(items)
        )
    return found.filter(Q(pk__in=known) | direct)


def facet_groups(found: QuerySet[Resource]) -> list[tuple[str, str, int]]:
    """Counts of entries by all facets at once, in the form :func:`chengshu.kernel.search.facets.tally` reads."""
    rows = (
        found.order_by()
        .values_list(
            "kind",
            "provider__code",
            Substr("category__code", 1, 1),
            Coalesce("published__sharing_type", "working__sharing_type", Value("")),
            Coalesce("published__level", "working__level", Value("")),
            freshness_case(timezone.now()),
        )
        .annotate(entries=Count("pk"))
    )
    names = ("provider", "class", "sharing", "level", "fresh")
    return [(kind, encode(dict(zip(names, keys, strict=True))), n) for kind, *keys, n in rows]


def shown_by(field: str, value: str) -> Q:
    """A condition on the version people see: the published one, else the one being written."""
    return Q(**{f"published__{field}": value}) | Q(published=None, **{f"working__{field}": value})


def resource(*, actor: Actor, resource_id: int) -> Resource:
    """One entry.

    Raises:
        NotFound: it does not exist or the actor may not see it: the same answer on purpose.
    """
    found = resources(actor=actor).filter(pk=resource_id).select_related(
        "provider", "category__parent__parent__parent", "created_by",
        *(f"{v}__{f}" for v in ("published", "working") for f in ("system__owner", "warehouse", *_PEOPLE)),
    ).first()  # fmt: skip
    if found is None:
        raise NotFound("没有找到这个数据资源。", advice="它可能还没有发布，或不在您的权限范围内。")
    return found


def can_write(actor: Actor, found: Resource) -> bool:
    """Whether the actor sees the unpublished versions of an entry."""
    return allows(actor, "catalog.resource.edit", found) or allows(
        actor, "catalog.resource.review", found
    )


def version(*, actor: Actor, resource_id: int, number: int) -> ResourceVersion:
    """One version of an entry, published ones for every reader.

    Raises:
        NotFound: as for the entry.
    """
    entry = resource(actor=actor, resource_id=resource_id)
    found = (
        ResourceVersion.objects.filter(resource=entry, number=number)
        .select_related(
            "resource__provider",
            "resource__category__parent__parent__parent",
            "system__owner",
            "warehouse",
            *_PEOPLE,
        )
        .first()
    )
    published = (VersionState.PUBLISHED, VersionState.SUPERSEDED)
    if found is None or (found.state not in published and not can_write(actor, entry)):
        raise NotFound("没有找到这个目录版本。", advice="它可能还没有发布。")
    return found


def versions(*, actor: Actor, entry: Resource) -> QuerySet[ResourceVersion]:
    """The versions of an entry the actor may see, newest first."""
    found = entry.versions.select_related(*_PEOPLE).order_by("-number")
    if can_write(actor, entry):
        return found
    return found.filter(state__in=(VersionState.PUBLISHED, VersionState.SUPERSEDED))


def items_of(found: ResourceVersion) -> QuerySet[DataItem]:
    """The data items of a version in their order, with their code tables and data elements."""
    return found.items.select_related("code_table", "element__published__code_table").order_by(
        "order"
    )


def difference(old: ResourceVersion, new: ResourceVersion) -> VersionDiff:
    """What changed from ``old`` to ``new``."""
    return compare(version_content(old), version_content(new))


def previous_of(found: ResourceVersion) -> ResourceVersion | None:
    """The version an open or published one is compared with: the last published before it."""
    return (
        ResourceVersion.objects.filter(
            resource=found.resource_id, number__lt=found.number,
            state__in=(VersionState.PUBLISHED, VersionState.SUPERSEDED),
        )
        .select_related("system", "warehouse")
        .order_by("-number")
        .first()
    )  # fmt: skip


def history(entry: Resource, limit: int = 20) -> list[AuditRecord]:
    """What happened to an entry, newest first, from the audit trail."""
    trail = AuditRecord.objects.filter(object_type="catalog.resource", object_id=str(entry.pk))
    return list(trail.order_by("-seq")[:limit])


def reviews(*, actor: Actor) -> QuerySet[ResourceVersion]:
    """Versions that wait for the actor's review."""
    waiting = ResourceVersion.objects.filter(state=VersionState.SUBMITTED)
    return scope(actor, "catalog.resource.review", waiting).select_related(
        "resource__provider", "submitted_by"
    )


def waiting_reviews(actor: Actor) -> int:
    """Badge of the review queue."""
    waiting = ResourceVersion.objects.filter(state=VersionState.SUBMITTED)
    return scope(actor, "catalog.resource.review", waiting).count()


def systems(*, actor: Actor) -> QuerySet[InformationSystem]:
    """Systems the actor may see, with the number of their published entries."""
    return (
        scope(actor, "catalog.system.view", InformationSystem.objects.all())
        .select_related("owner")
        .annotate(entries=Count("resources", filter=~Q(resources__state=ResourceState.DRAFT)))
    )


def system(*, actor: Actor, system_id: int) -> InformationSystem:
    """One system.

    Raises:
        NotFound: it does not exist or lies outside the actor's scope.
    """
    found = systems(actor=actor).select_related("owner", "edited_by").filter(pk=system_id).first()
    if found is None:
        raise NotFound("没有找到这个信息系统。", advice="它可能不在您的权限范围内。")
    return found


def published_items() -> QuerySet[DataItem]:
    """All data items of published entries."""
    return DataItem.objects.filter(version__state=VersionState.PUBLISHED)


def code_tables() -> QuerySet[CodeTable]:
    """Code tables with the number of their codes."""
    return CodeTable.objects.annotate(size=Count("values"))


def warehouses() -> QuerySet[Warehouse]:
    """Warehouses with the number of their published entries."""
    return Warehouse.objects.annotate(
        entries=Count("resources", filter=Q(resources__state=ResourceState.PUBLISHED))
    )


def libraries() -> QuerySet[ThematicLibrary]:
    """Thematic libraries with the number of their entries."""
    return ThematicLibrary.objects.annotate(entries=Count("resources"))


def count_systems() -> int:
    """Registered information systems."""
    return InformationSystem.objects.count()


def count_entries() -> int:
    """Published entries."""
    return Resource.objects.filter(state=ResourceState.PUBLISHED).count()


def count_items() -> int:
    """Data items of published entries."""
    return published_items().filter(version__resource__state=ResourceState.PUBLISHED).count()


def count_warehouses() -> int:
    """Warehouses."""
    return Warehouse.objects.count()


def count_libraries() -> int:
    """Thematic libraries."""
    return ThematicLibrary.objects.count()
