"""One source per item (一数一源): keep what the finder found, let the data bureau decide, count where values differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, Resource, list_published
from chengshu.data.contract.facade import identifier
from chengshu.data.discovery.choices import ClusterState, MemberRole
from chengshu.data.discovery.models import ClusterMember, Conflict, ItemCluster, LeadSource
from chengshu.data.discovery.similarity import Cluster, find, holders_of
from chengshu.data.discovery.similarity.clusters import SAMPLE
from chengshu.data.discovery.similarity.items import SUBJECTS
from chengshu.data.tickets.facade import open_ticket
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict as StateConflict
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import Lake

DECIDE = "discovery.lead.decide"
TICKET_KIND = "discovery.conflict"
SHOWN_ROWS = 50
SECONDS = 120.0
COUNTING = """
SELECT count(*) FILTER (WHERE l.v IS NOT NULL AND m.v IS NOT NULL),
       count(*) FILTER (WHERE l.v <> m.v),
       count(*) FILTER (WHERE l.v IS NOT NULL AND m.v IS NULL)
FROM l JOIN m USING (s)
"""
_DECIDED = (ClusterState.CONFIRMED, ClusterState.REJECTED)


def lake() -> Lake:
    """The city's lake with bounded memory."""
    return Lake(settings.LAKE_ROOT, memory_limit_mb=512)


def search_duplicates(
    entries: Sequence[PublishedResource] | None = None, *, sample: int = SAMPLE
) -> int:
    """Find clusters anew and keep them; decided ones stay decided and only get new members. Returns how many."""
    found = find(
        lake(), holders_of(list_published() if entries is None else entries), sample=sample
    )
    with unit_of_work():
        decided = set(ItemCluster.objects.filter(state__in=_DECIDED).values_list("key", flat=True))
        ItemCluster.objects.exclude(key__in={c.key for c in found} | decided).delete()
        ItemCluster.objects.bulk_create(
            map(_described, found), update_conflicts=True, unique_fields=["key"],
            update_fields=["title", "subject", "element", "score", "reasons", "departments", "holders"],
        )  # fmt: skip
        _keep_members(found)
    return len(found)


def _described(found: Cluster) -> ItemCluster:
    names = "、".join(found.names[:4])
    reasons = [
        f"{SUBJECTS[found.subject]}的同一项：{len(found.units)} 个部门、{len(found.members)} 处都在采集",
        f"名称：{names}" + ("等" if len(found.names) > 4 else ""),  # noqa: PLR2004
    ]
    if found.compared:
        reasons.append(f"按主体比对 {found.compared:,} 次，扣除偶然后一致程度 {found.kappa:.0%}")
    if found.element:
        reasons.append(f"已绑定数据元 {found.element}")
    return ItemCluster(
        key=found.key, title=found.title, subject=found.subject, element=found.element,
        score=round(found.score, 3), reasons=reasons, departments=len(found.units),
        holders=len(found.members),
    )  # fmt: skip


def _keep_members(found: Sequence[Cluster]) -> None:
    """Members that are found and new come in; those that are not found any more go, unless they have a role.

    An item belongs to one cluster: it moves when its values say so, the later cluster of ``found`` has it.
    """
    rows = ItemCluster.objects.in_bulk([c.key for c in found], field_name="key")
    wanted = {
        (m.holder.resource, m.holder.column): (rows[c.key].pk, m) for c in found for m in c.members
    }
    again = {row.pk for row in rows.values()}
    known: set[tuple[int, str]] = set()
    gone: list[int] = []
    for item in ClusterMember.objects.all():
        at = (item.resource_id, item.column)
        if at in wanted and item.cluster_id == wanted[at][0]:
            known.add(at)
        elif at in wanted or (item.cluster_id in again and item.role == MemberRole.HOLDER):
            gone.append(item.pk)
    ClusterMember.objects.filter(pk__in=gone).delete()
    ClusterMember.objects.bulk_create(
        ClusterMember(
            cluster_id=cluster, resource_id=resource, column=column, title=m.holder.title,
            subject_column=m.holder.subject_column, why=m.why,
        )
        for (resource, column), (cluster, m) in wanted.items()
        if (resource, column) not in known
    )  # fmt: skip


def reject(*, actor: Actor, cluster: ItemCluster, note: str) -> ItemCluster:
    """Say that these items are different things; the finder does not bring them up again.

    Raises:
        InvalidInput: no reason. Conflict: a lead source is designated.
    """
    check(actor, DECIDE, cluster)
    if not note.strip():
        raise InvalidInput("请写明为什么不是同一数据。", fields={"note": "请填写"})
    with unit_of_work():
        locked = ItemCluster.objects.select_for_update().get(pk=cluster.pk)
        if LeadSource.objects.filter(cluster=locked).exists():
            raise StateConflict("已经指定了数源，不能否定。", kept="没有做任何改动。")
        _decide(locked, actor, ClusterState.REJECTED, note.strip())
        record(
            actor=actor,
            action="discovery.cluster_rejected",
            obj=locked,
            after={"note": note.strip()},
        )
    return locked


def confirm(*, actor: Actor, cluster: ItemCluster) -> ItemCluster:
    """Say that these items are the same data element."""
    check(actor, DECIDE, cluster)
    with unit_of_work():
        locked = ItemCluster.objects.select_for_update().get(pk=cluster.pk)
        _decide(locked, actor, ClusterState.CONFIRMED, "")
        record(actor=actor, action="discovery.cluster_confirmed", obj=locked)
    return locked


def _decide(cluster: ItemCluster, actor: Actor, state: str, note: str) -> None:
    cluster.state, cluster.note = state, note[:300]
    cluster.decided_at, cluster.decided_by = timezone.now(), actor.account
    cluster.save(update_fields=["state", "note", "decided_at", "decided_by"])


def designate(*, actor: Actor, member: ClusterMember, basis: str) -> LeadSource:
    """Make one holder the lead source (数源); the others are told to call it instead of collecting again.

    A holder that keeps the item to check identities (its subject number) stays as verification (核验).

    Raises:
        InvalidInput: no basis given. Conflict: the cluster was rejected, or the element's lead is elsewhere.
    """
    check(actor, DECIDE, member.cluster)
    if not basis.strip():
        raise InvalidInput("请写明确定数源的依据。", fields={"basis": "请填写，如 三定方案或法规"})
    with unit_of_work():
        cluster = ItemCluster.objects.select_for_update().get(pk=member.cluster_id)
        if cluster.state == ClusterState.REJECTED:
            raise StateConflict("已判定不是同一数据。", kept="没有指定数源。")
        element = cluster.element or cluster.key
        elsewhere = LeadSource.objects.filter(element=element).exclude(cluster=cluster).first()
        if elsewhere is not None:
            raise StateConflict(f"数据元 {element} 已由“{elsewhere.organization}”作为数源。")
        if cluster.state != ClusterState.CONFIRMED:
            confirm(actor=actor, cluster=cluster)
        resource = member.resource
        lead, _ = LeadSource.objects.update_or_create(
            cluster=cluster,
            defaults={
                "element": element, "title": cluster.title, "organization": resource.provider,
                "resource": resource, "column": member.column, "basis": basis.strip(),
                "designated_at": timezone.now(), "designated_by": actor.account,
            },
        )  # fmt: skip
        _assign_roles(cluster, member)
        record(
            actor=actor, action="discovery.lead_designated", obj=lead,
            after={"resource": resource.code, "column": member.column, "basis": basis.strip()},
        )  # fmt: skip
        emit(
            type="city.discovery.lead.designated", source="discovery", subject=element,
            data={"resource": resource.code, "column": member.column},
        )  # fmt: skip
        _tell(lead)
    return lead


def _assign_roles(cluster: ItemCluster, lead: ClusterMember) -> None:
    members = cluster.members.all()
    for other in members:
        if other.pk == lead.pk:
            other.role = MemberRole.LEAD
        elif other.column == other.subject_column:
            other.role = MemberRole.VERIFY
        else:
            other.role = MemberRole.REFERENCE
    ClusterMember.objects.bulk_update(members, ["role"])
    Conflict.objects.filter(cluster=cluster).delete()
    ItemCluster.objects.filter(pk=cluster.pk).update(compared=0, differing=0)


def _tell(lead: LeadSource) -> None:
    units = {}
    members = lead.cluster.members.select_related("resource__provider") if lead.cluster else []
    for member in members:
        if member.role == MemberRole.REFERENCE:
            units[member.resource.provider_id] = member.resource.provider
    units.pop(lead.organization_id, None)
    for unit in units.values():
        notify(
            title=f"“{lead.title}”已明确数源：{lead.organization}",
            body="建议停止重复采集，改为共享调用。数源资源：" + lead.resource.title,
            url=f"/console/discovery/clusters/{lead.cluster_id}/", organization=unit,
            permission="discovery.view", key=f"discovery.lead:{lead.pk}:{lead.resource_id}:{unit.pk}",
        )  # fmt: skip


def count_conflicts(*clusters: ItemCluster) -> int:
    """Compare every holder with its cluster's lead source over the whole lake; how many values differ in all.

    For each subject that both know. Subjects with several records on either side count with their usual value.

    Raises:
        Conflict: a cluster has no lead source yet.
    """
    sides = []
    for cluster in clusters:
        lead = _lead_member(cluster)
        others = cluster.members.exclude(pk=lead.pk).select_related("resource")
        sides.append((lead, [m for m in others if m.column != m.subject_column]))
    counted = _counted(sides)
    found = [
        _keep_conflicts(cluster, members, counted)
        for cluster, (_, members) in zip(clusters, sides, strict=True)
    ]
    return sum(found)


def _keep_conflicts(
    cluster: ItemCluster, members: Sequence[ClusterMember], counted: Mapping[int, Mapping[str, int]]
) -> int:
    now = timezone.now()
    rows = [
        Conflict(cluster=cluster, member=member, counted_at=now, **counted[member.pk])
        for member in members
        if member.pk in counted
    ]
    differing = sum(row.differing for row in rows)
    with unit_of_work():
        # Not collected yet: nothing to compare, and the page says so by having no figures.
        Conflict.objects.filter(member__in=[m.pk for m in members if m.pk not in counted]).delete()
        Conflict.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["member"],
            update_fields=["cluster", "compared", "differing", "missing", "counted_at"],
        )  # fmt: skip
        ItemCluster.objects.filter(pk=cluster.pk).update(
            compared=sum(row.compared for row in rows), differing=differing
        )
    return differing


def _counted(
    sides: Sequence[tuple[ClusterMember, Sequence[ClusterMember]]],
) -> dict[int, dict[str, int]]:
    """By member: subjects compared, differing and missing. Each lead's side is read once for all of its members."""
    engine = lake()
    wanted = {m.resource.lake_table for lead, members in sides for m in (lead, *members)}
    tables = {f"t{n}": table for n, table in enumerate(sorted(wanted)) if engine.exists(table)}
    alias = {table: name for name, table in tables.items()}
    found: dict[int, dict[str, int]] = {}
    with engine.session(tables) as session:
        for lead, members in sides:
            at = alias.get(lead.resource.lake_table)
            if at is None or not _has_column(session, at, lead):
                continue
            session.execute(f"CREATE OR REPLACE TABLE l AS {_side(at, lead)}")
            for member in members:
                at = alias.get(member.resource.lake_table)
                if at is None or not _has_column(session, at, member):
                    continue
                query = f"WITH m AS ({_side(at, member)}) {COUNTING}"
                figures = session.execute(query).fetchone()
                found[member.pk] = dict(
                    zip(("compared", "differing", "missing"), figures or (0, 0, 0), strict=True)
                )
    return found


def _has_column(session: Any, table: str, member: ClusterMember) -> bool:
    """Whether the lake has what the catalogue names: an item may be published before its first delivery."""
    described = session.execute(f"SELECT * FROM {table} LIMIT 0").description  # noqa: S608 - our own alias
    return {member.column, member.subject_column} <= {column[0] for column in described}


def _lead_member(cluster: ItemCluster) -> ClusterMember:
    lead = cluster.members.filter(role=MemberRole.LEAD).select_related("resource").first()
    if lead is None:
        raise StateConflict("还没有指定数源，不能比对。", advice="请先在各来源里指定一个数源。")
    return lead


def _tables(lead: ClusterMember, member: ClusterMember) -> dict[str, str]:
    return {"a": lead.resource.lake_table, "b": member.resource.lake_table}


def _side(table: str, member: ClusterMember) -> str:
    """One value per subject, the usual one of several."""
    key, column = identifier(member.subject_column), identifier(member.column)
    return (
        f"SELECT {key}::VARCHAR AS s, mode({column}::VARCHAR) AS v FROM {table} "  # noqa: S608 - quoted names
        f"WHERE {key} IS NOT NULL GROUP BY 1"
    )


def conflict_rows(*, actor: Actor, conflict: Conflict) -> list[tuple[str, str, str]]:
    """The first differing subjects: number, the lead's value, the holder's value; unmasked, callers mask them.

    Looking is recorded.
    """
    check(actor, "discovery.view")
    with unit_of_work():
        record(actor=actor, action="discovery.conflicts_shown", obj=conflict.cluster)
    member = conflict.member
    lead = _lead_member(conflict.cluster)
    query = (
        f"WITH l AS ({_side('a', lead)}), m AS ({_side('b', member)}) "  # noqa: S608 - quoted names
        "SELECT s, l.v, m.v FROM l JOIN m USING (s) "
        f"WHERE l.v <> m.v ORDER BY s LIMIT {SHOWN_ROWS}"
    )
    found = lake().sql(query, tables=_tables(lead, member), timeout=SECONDS).read_all()
    columns = [column.to_pylist() for column in found.columns]
    return [(str(s), str(a), str(b)) for s, a, b in zip(*columns, strict=True)]


def send_ticket(*, actor: Actor, conflict: Conflict) -> Any:
    """Open a ticket to the department whose values differ; the same conflict has one ticket.

    Raises:
        Conflict: nothing differs.
    """
    check(actor, DECIDE, conflict.cluster)
    if not conflict.differing:
        raise StateConflict("没有不一致的数据，不用发工单。")
    member, lead = conflict.member, _lead_member(conflict.cluster)
    with unit_of_work():
        ticket = open_ticket(
            actor=actor, kind=TICKET_KIND, resource_id=member.resource_id,
            title=f"“{member.title}”与数源不一致：{conflict.differing:,} 人（户）",
            key=f"{member.resource_id}:{member.column}:{lead.resource_id}:{lead.column}",
            rule="lead_source", rule_name="与数源一致", column=member.column,
            affected_rows=conflict.differing,
            evidence={
                "sentence": f"“{member.title}”应与数源“{lead.resource.title}”的“{lead.title}”一致",
                "good": f"以{lead.resource.provider}登记的为准；数源有误的，请提出异议",
                "conflict": conflict.pk,
            },
            source_ref=f"cluster:{conflict.cluster_id}",
        )  # fmt: skip
        conflict.ticket = ticket.number or str(ticket.pk)
        conflict.ticket_url = f"/console/tickets/{ticket.pk}/"
        conflict.save(update_fields=["ticket", "ticket_url"])
        record(
            actor=actor, action="discovery.ticket_opened", obj=conflict.cluster,
            after={"rows": conflict.differing, "ticket": ticket.number},
        )  # fmt: skip
    return ticket


def resource_of(member: ClusterMember) -> Resource:
    """The entry a member belongs to."""
    return member.resource
