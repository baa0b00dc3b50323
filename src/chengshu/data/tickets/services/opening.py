"""Open a ticket, once per problem, however often it is found."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from chengshu.data.catalog.facade import Resource
from chengshu.data.tickets import clock
from chengshu.data.tickets.choices import Resolution, Severity, State
from chengshu.data.tickets.flow import OPEN
from chengshu.data.tickets.kinds import KINDS
from chengshu.data.tickets.models import Ticket
from chengshu.data.tickets.services.moves import take
from chengshu.data.tickets.services.trace import leave
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work


def open_ticket(
    *,
    actor: Actor,
    kind: str,
    resource_id: int,
    title: str,
    key: str,
    department: Organization | int | None = None,
    rule: str = "",
    rule_name: str = "",
    column: str = "",
    affected_rows: int = 0,
    evidence: Mapping[str, Any] | None = None,
    source_ref: str = "",
    severity: str = Severity.NORMAL,
    term_days: int | None = None,
) -> Ticket:
    """Open a ticket about one problem of one resource, or bring the one that exists up to date.

    - An open ticket with the same ``kind`` and ``key``: its counts and evidence are renewed; no second ticket.
    - Closed as mended within the policy's days: it is opened again and counts as reopened.
    - Closed because an objection was upheld: it is returned as it is, closed. The rule must change first; a
      changed rule brings a new ``key`` (put the rule's version into it).

    - ``kind`` is as registered with ``register_kind``; ``key`` names the problem for good, e.g.
      ``"<resource>:<rule>:<column>"``, at most 200 characters.
    - ``department`` must mend it; left out, it is the resource's provider. ``affected_rows`` fail now.
    - ``evidence`` is what the page tells: ``sentence`` (the rule in plain words), ``good`` (what good looks like),
      and whatever the kind's own recheck needs. No unmasked personal values: it is stored and shown.
    - ``term_days`` are the working days of the term, where the kind has one of its own.
    - ``source_ref`` says where it was found, e.g. ``"batch:<uuid>"``.

    Raises:
        NotAllowed: the actor may not open tickets for the department.
        NotFound: no such resource. InvalidInput: unknown kind or severity, no title or key.
    """
    resource = Resource.objects.select_related("provider").filter(pk=resource_id).first()
    if resource is None:
        raise NotFound("没有找到这个数据资源，工单没有开出。")
    unit = _department(department, resource)
    fresh = Ticket(
        kind=kind, key=key, resource=resource, department=unit, title=title.strip()[:160],
        rule=rule, rule_name=rule_name, column=column, severity=severity,
        first_rows=affected_rows, affected_rows=affected_rows, evidence=dict(evidence or {}),
        source_ref=source_ref, opened_by=actor.account,
    )  # fmt: skip
    check(actor, OPEN, fresh)
    _require_valid(fresh)
    with unit_of_work():
        known = _newest(kind, key)
        if known is not None and (known.is_open or not _forgotten(known)):
            return _seen_again(known, fresh)
        return _create(actor, fresh, term_days)


def _department(given: Organization | int | None, resource: Resource) -> Organization:
    if given is None:
        return resource.provider
    if isinstance(given, Organization):
        return given
    unit = Organization.objects.filter(pk=given).first()
    if unit is None:
        raise NotFound("没有找到责任单位，工单没有开出。")
    return unit


def _require_valid(fresh: Ticket) -> None:
    if fresh.kind not in KINDS:
        raise InvalidInput(f"没有登记过“{fresh.kind}”这种工单来源。", kept="工单没有开出。")
    if not fresh.title:
        raise InvalidInput("请写明问题。", fields={"title": "请写明问题"})
    if not fresh.key or len(fresh.key) > 200:  # noqa: PLR2004 - the column's length
        raise InvalidInput("工单缺少唯一标识，或标识过长。", kept="工单没有开出。")
    if fresh.severity not in Severity.values or fresh.affected_rows < 0:
        raise InvalidInput("工单的程度或行数不对。", kept="工单没有开出。")


def _newest(kind: str, key: str) -> Ticket | None:
    found = Ticket.objects.select_for_update(of=("self",)).select_related("department", "owner")
    return found.filter(kind=kind, key=key).order_by("-pk").first()


def _forgotten(known: Ticket) -> bool:
    """Whether a closed ticket is too old (or was set aside by hand) to count as the same problem."""
    if known.resolution == Resolution.INVALID:
        return False
    since = timezone.now() - timedelta(days=clock.policy().reopen_days)
    return known.resolution == Resolution.WITHDRAWN or (
        known.closed_at is not None and known.closed_at < since
    )


def _create(actor: Actor, fresh: Ticket, term_days: int | None = None) -> Ticket:
    now = timezone.now()
    fresh.opened_at = now
    clock.restart(fresh, now, term_days or clock.policy().problem_days)
    clock.turn(fresh, State.PENDING, now)
    try:
        # A savepoint of its own: on PostgreSQL a refused twin would end the caller's transaction.
        with transaction.atomic():
            fresh.save()
    except IntegrityError:
        twin = _newest(fresh.kind, fresh.key)
        if twin is None:
            raise
        return _seen_again(twin, fresh)
    leave(
        actor=actor, ticket=fresh, action="open", before="",
        data={"number": fresh.number, "rows": fresh.affected_rows},
    )  # fmt: skip
    return fresh


def _seen_again(known: Ticket, fresh: Ticket) -> Ticket:
    if not known.is_open and known.resolution == Resolution.INVALID:
        return known
    changed = known.affected_rows != fresh.affected_rows
    known.affected_rows, known.evidence = fresh.affected_rows, fresh.evidence
    known.title, known.source_ref = fresh.title, fresh.source_ref or known.source_ref
    if not known.is_open:
        known.first_rows = fresh.affected_rows
        return take(
            actor=platform("规则检查"), ticket=known, act="recur",
            reason=f"又有 {fresh.affected_rows:,} 行不符合规则",
        )  # fmt: skip
    known.updated_at = timezone.now()
    known.save(update_fields=["affected_rows", "evidence", "title", "source_ref", "updated_at"])
    if changed:
        leave(
            actor=platform("规则检查"), ticket=known, action="recount", before=known.state,
            data={"rows": known.affected_rows},
        )  # fmt: skip
    return known
