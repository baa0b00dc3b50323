"""Lets plans follow a change of the catalogue that came from their source, and asks where that would be a guess.

A plan's kept structure remembers in ``follows`` which agreement it has taken over, or which was known when a person
confirmed its mapping: what a person said later is never overwritten by an earlier agreement.
"""

from typing import Any

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.collection import extraction
from chengshu.data.collection.choices import PENDING
from chengshu.data.collection.following import Followed, follow
from chengshu.data.collection.models import Plan
from chengshu.data.discovery.facade import Agreement, agreement
from chengshu.data.ingest.facade import SourceStructure, check_mapping
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work


def follow_catalogue(resource_id: int) -> list[Plan]:
    """Let every plan of an entry follow; plans with a run under way do so when they run next. Returns those changed."""
    try:
        resource = published_by_id(resource_id)
    except (NotFound, Conflict):
        return []
    known = agreement(resource)
    if known is None:
        return []
    plans = Plan.objects.filter(
        resource=resource_id, source=known.source_id, object_name=known.object_name
    ).exclude(runs__state__in=PENDING)
    return [plan for plan in plans if _adopt(plan, resource, known, tell=True)]


def follow_before_run(plan: Plan, resource: PublishedResource) -> bool:
    """Let a plan follow just before it runs, silently; whether anything changed."""
    known = agreement(resource)
    if known is None or (known.source_id, known.object_name) != (plan.source_id, plan.object_name):
        return False
    return _adopt(plan, resource, known, tell=False)


def confirmed_structure(resource: PublishedResource, found: SourceStructure) -> dict[str, Any]:
    """The structure a person just confirmed a mapping for, to be kept beside the plan."""
    known = agreement(resource)
    return extraction.structure_document(found) | {"follows": known.number if known else 0}


def _adopt(plan: Plan, resource: PublishedResource, known: Agreement, *, tell: bool) -> bool:
    if int(plan.structure.get("follows", 0)) >= known.number:
        return False
    columns = [dict(column) for column in known.columns]
    document = {"object": known.object_name, "columns": columns, "follows": known.number}
    found = _followed(plan, resource, known)
    with unit_of_work():
        if tell and (found.blocking or found.open_questions):
            _ask(plan, resource, found)
        if found.blocking:
            return False
        before = plan.mapping
        plan.mapping, plan.structure = found.mapping, document
        plan.save(update_fields=["mapping", "structure"])
        record(
            actor=platform("归集任务"), action="collection.plan_followed", obj=plan,
            before={"object_name": plan.object_name, "mapping": before},
            after={"object_name": plan.object_name, "mapping": plan.mapping},
        )  # fmt: skip
    return True


def _followed(plan: Plan, resource: PublishedResource, known: Agreement) -> Followed:
    found = follow(
        plan.mapping, columns={str(c["name"]) for c in known.columns}, agreed=known.mapping,
        renamed=known.renamed, titles={c.name: c.title for c in resource.columns},
    )  # fmt: skip
    blocking = list(found.blocking)
    if not blocking and plan.cursor_column and plan.cursor_column not in found.mapping:
        blocking.append(f"游标列“{plan.cursor_column}”不再归集")
    if not blocking:
        try:
            check_mapping(resource, found.mapping)
        except InvalidInput as error:
            blocking.append(error.detail.rstrip("。"))
    return Followed(found.mapping, tuple(blocking), found.open_questions)


def _ask(plan: Plan, resource: PublishedResource, found: Followed) -> None:
    said = "；".join((*found.blocking, *found.open_questions))
    after = "核对之前任务不会读取数据。" if found.blocking else "其余的列已经照新目录归集。"
    notify(
        title=f"归集任务“{plan.name}”要核对对应关系"[:120],
        body=f"目录已按来源的变动发布 v{resource.version}。{said}。{after}",
        url=f"/console/collection/plans/{plan.pk}/edit/", organization=plan.resource.provider,
        permission="collection.plan.manage", key=f"collection.follow:{plan.pk}:{resource.version}",
    )  # fmt: skip
