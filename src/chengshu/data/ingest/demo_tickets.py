"""Tickets of the demo city: opened from its own quarantine through the services, and worked by its own people."""

from datetime import timedelta

from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.ingest import quarantined
from chengshu.data.ingest.groups import Group, batches_of, groups
from chengshu.data.ingest.services.bulk import correct_value, replay_resource
from chengshu.data.ingest.suggestions import ValueProbe, suggest
from chengshu.data.ingest.ticketing import send_ticket
from chengshu.data.tickets.facade import Ticket, act_on, submit
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.identity.models import RoleAssignment

VALUES = 20
LARGEST = 200
CANDIDATES = 20
SPREAD = 7


def open_demo_tickets() -> int:
    """Open some tickets, each of another department, and bring them into several states; once."""
    if Ticket.objects.exists():
        return 0
    everything = groups(platform("演示数据"))
    officers = _officers()
    chosen: dict[str, Group] = {}
    for item in everything:
        if item.column and item.department_code in officers:
            chosen.setdefault(item.department_code, item)
    mendable = _mendable(everything, officers)
    if mendable is not None:
        chosen.pop(mendable.department_code, None)
        _mend(mendable, officers[mendable.department_code])
    judge = _judge()
    for number, item in enumerate(list(chosen.values())[:SPREAD]):
        _work(number, item, officers[item.department_code], judge)
    return Ticket.objects.count()


def _officers() -> dict[str, Actor]:
    """The data officer of each department."""
    rows = RoleAssignment.objects.filter(role="data_officer", account__is_active=True)
    return {
        row.organization.code: Actor(account=row.account, name=row.account.display_name)
        for row in rows.select_related("organization", "account__organization").order_by("-pk")
    }


def _judge() -> Actor | None:
    row = (
        RoleAssignment.objects.filter(role="data_admin", account__is_active=True)
        .select_related("account__organization")
        .order_by("pk")
        .first()
    )
    return Actor(account=row.account, name=row.account.display_name) if row else None


def _work(number: int, item: Group, officer: Actor, judge: Actor | None) -> None:
    ticket = send_ticket(actor=judge or platform("演示数据"), item=item)
    if number in (1, 2, 3):
        ticket = act_on(actor=officer, ticket=ticket, act="claim")
    if number == 2:  # noqa: PLR2004 - the third ticket waits for its re-check
        submit(actor=officer, ticket=ticket, reason="源系统已更正，等下一批数据复检")
    if number == 3:  # noqa: PLR2004 - the fourth waits for somebody else
        act_on(
            actor=officer, ticket=ticket, act="suspend", reason="等公安部门核实原件",
            until=timezone.localdate() + timedelta(days=7),
        )  # fmt: skip
    if number in (4, 5):
        ticket = act_on(
            actor=officer, ticket=ticket, act="contest",
            reason="这些值来自历史档案，当时没有这个代码，请核对规则是否适用",
        )  # fmt: skip
    if number == 5 and judge is not None:  # noqa: PLR2004 - the sixth objection is decided
        act_on(
            actor=judge, ticket=ticket, act="overrule",
            reason="目录已规定代码表，历史档案也应按现行代码归集",
        )  # fmt: skip


def _mendable(everything: list[Group], officers: dict[str, Actor]) -> Group | None:
    """A small group in which every wrong value has a computed reading."""
    small = [
        g for g in everything
        if g.column and g.open <= LARGEST and g.rule in ("code", "type", "format")
    ]  # fmt: skip
    for item in sorted(small, key=lambda g: g.open)[:CANDIDATES]:
        if item.department_code in officers:
            column = published_by_id(item.resource_id).column(item.column)
            probe = ValueProbe(column)
            if all(suggest(probe, value) for value in _values(item)):
                return item
    return None


def _values(item: Group) -> list[str | None]:
    found: dict[str | None, None] = {}
    for batch in batches_of(platform("演示数据"), item):
        for one in quarantined.wrong_values(
            batch, rule=item.rule, column=item.column, limit=VALUES
        ):
            found[one.value] = None
    return list(found)


def _mend(item: Group, officer: Actor) -> None:
    """Signed for, corrected by value, replayed by the worker, closed by the re-check that follows."""
    ticket = send_ticket(actor=platform("演示数据"), item=item)
    act_on(actor=officer, ticket=ticket, act="claim")
    probe = ValueProbe(published_by_id(item.resource_id).column(item.column))
    for value in _values(item):
        found = suggest(probe, value)
        if found is not None:
            correct_value(actor=officer, group=item, value=value, replacement=found.value)
    replay_resource(actor=officer, resource_id=item.resource_id)
