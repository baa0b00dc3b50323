"""Reads proposals, findings and clusters within the actor's scope."""

from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from chengshu.data.discovery.choices import OPEN_PROPOSALS, FindingState, ProposalState
from chengshu.data.discovery.models import (
    Conflict,
    DriftFinding,
    ItemCluster,
    LeadSource,
    Proposal,
    SourceBinding,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound


def proposals(actor: Actor) -> QuerySet[Proposal]:
    """Proposals of the departments the actor writes for."""
    rows = Proposal.objects.select_related("owner", "data_source", "resource", "job")
    return scope(actor, "discovery.propose", rows).defer("content", "structure")


def proposal(actor: Actor, pk: UUID) -> Proposal:
    """One proposal with its content.

    Raises:
        NotFound: there is none, or it is outside the actor's scope.
    """
    rows = Proposal.objects.select_related("owner", "data_source", "resource", "job", "file")
    found = scope(actor, "discovery.propose", rows).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这份目录建议。", advice="它可能不在您的权限范围内。")
    return found


def work(actor: Actor, pk: UUID) -> list[Proposal]:
    """The proposals of one work list.

    Raises:
        NotFound: there is none the actor may see.
    """
    found = list(proposals(actor).filter(work=pk).order_by("object_name"))
    if not found:
        raise NotFound("没有找到这份工作单。", advice="它可能不在您的权限范围内。")
    return found


def waiting(actor: Actor) -> int:
    """Proposals that wait for the actor's departments."""
    return proposals(actor).filter(state__in=OPEN_PROPOSALS).count()


def ready(actor: Actor) -> int:
    """Proposals somebody should confirm."""
    return proposals(actor).filter(state=ProposalState.READY).count()


def findings(actor: Actor) -> QuerySet[DriftFinding]:
    """Findings about entries of the actor's departments."""
    rows = DriftFinding.objects.select_related("resource", "resource__provider", "decided_by")
    return scope(actor, "discovery.view", rows)


def finding(actor: Actor, pk: int) -> DriftFinding:
    """One finding.

    Raises:
        NotFound: there is none, or it is outside the actor's scope.
    """
    found = findings(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这处变动。", advice="它可能不在您的权限范围内。")
    return found


def open_findings(actor: Actor) -> int:
    """Findings nobody has decided yet (the menu's badge)."""
    return findings(actor).filter(state=FindingState.OPEN).count()


def binding(resource_id: int) -> SourceBinding | None:
    """The source binding of an entry."""
    return (
        SourceBinding.objects.filter(resource=resource_id)
        .select_related("data_source", "resource__provider")
        .first()
    )


def clusters() -> QuerySet[ItemCluster]:
    """Clusters with their lead source."""
    return ItemCluster.objects.select_related("lead__organization", "lead__resource")


def cluster(pk: int) -> ItemCluster:
    """One cluster.

    Raises:
        NotFound: there is none.
    """
    found = clusters().filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这组数据项。", advice="重新查找后它可能已合并到别的组。")
    return found


def conflict(pk: int) -> Conflict:
    """One comparison.

    Raises:
        NotFound: there is none.
    """
    rows = Conflict.objects.select_related("cluster", "member__resource__provider")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这组比对。", advice="数源可能已改，请从一数一源重新进入。")
    return found


def overview() -> dict[str, int]:
    """Figures above the cluster list (one query)."""
    return ItemCluster.objects.aggregate(
        clusters=Count("pk"), waiting=Count("pk", filter=Q(state="pending")),
        holders=Sum("holders", default=0), differing=Sum("differing", default=0),
    )  # fmt: skip


def leads_of(resource_id: int) -> QuerySet[LeadSource]:
    """Lead sources of the elements whose clusters an entry's items are in."""
    return (
        LeadSource.objects.filter(cluster__members__resource=resource_id)
        .select_related("organization", "resource", "cluster")
        .distinct()
    )


def count_leads() -> int:
    """Data elements with a designated source."""
    return LeadSource.objects.count()
