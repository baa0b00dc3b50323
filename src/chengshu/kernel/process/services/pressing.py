"""Press on: urge (催办) by who waits, supervise (督办) by who is responsible."""

from datetime import timedelta

from django.utils.timezone import localtime

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, TooMany
from chengshu.kernel.identity.models import Account
from chengshu.kernel.notices.services import notify
from chengshu.kernel.process import candidates
from chengshu.kernel.process.choices import GroupKind, TaskState, TraceAct
from chengshu.kernel.process.models import ProcessCase
from chengshu.kernel.process.services import powers
from chengshu.kernel.process.services.holding import task_url
from chengshu.kernel.process.work import CaseWork, on_case

URGE_EVERY = timedelta(hours=4)


def urge(*, actor: Actor, case_id: int, comment: str = "") -> int:
    """Remind whoever the case waits for; return how many were told.

    Raises:
        NotAllowed: neither who started it nor somebody who supervises there.
        TooMany: urged within four hours. Conflict: it stands still or has ended.
    """
    with on_case(actor, case_id) as work:
        case = work.case
        powers.require_running(case)
        own = actor.account is not None and case.started_by_id == actor.account.pk
        if not own and not allows(actor, powers.SUPERVISE, case):
            raise NotAllowed("只有发起人和督办人员可以催办。", kept="没有做任何改动。")
        if case.urged_at is not None and work.now - case.urged_at < URGE_EVERY:
            left = case.urged_at + URGE_EVERY - work.now
            raise TooMany(
                f"{localtime(case.urged_at):%H:%M} 刚催办过。", kept="没有重复提醒。",
                advice="四小时后可以再催。", retry_after=int(left.total_seconds()),
            )  # fmt: skip
        people = waiting_people(case)
        case.urged, case.urged_at = case.urged + 1, work.now
        case.tasks.filter(state=TaskState.OPEN).update(urged=case.urged)
        for person in people:
            notify(
                account=person, title=f"催办：{case.title}",
                body=comment.strip() or "请尽快办理。", url=task_url(case.pk),
            )  # fmt: skip
        work.note(TraceAct.URGE, text=comment.strip(), told=len(people))
        work.save("process.case.urged")
    return len(people)


def supervise(*, actor: Actor, case_id: int, note: str) -> ProcessCase:
    """Put a case under supervision, with what is demanded; it shows in the list of supervised cases until relieved.

    Raises:
        NotAllowed: no such right there. InvalidInput: nothing demanded. Conflict: ended, or supervised already.
    """
    if not note.strip():
        raise InvalidInput("请写明督办要求。", kept="没有督办。", fields={"note": "请写明要求"})
    with on_case(actor, case_id) as work:
        case = work.case
        check(actor, powers.SUPERVISE, case)
        if case.ended:
            powers.require_running(case)
        if case.supervised_at is not None:
            raise Conflict(f"已由{case.supervised_by or '他人'}督办。", kept="没有做任何改动。")
        case.supervised_by, case.supervised_at = actor.account, work.now
        case.supervised_note = note.strip()[:300]
        for person in waiting_people(case):
            notify(
                account=person,
                title=f"督办：{case.title}",
                body=note.strip(),
                url=task_url(case.pk),
            )
        work.note(TraceAct.SUPERVISE, text=note.strip())
        work.save("process.case.supervised", reason=note)
    return case


def relieve(*, actor: Actor, case_id: int, note: str = "") -> ProcessCase:
    """End the supervision of a case.

    Raises:
        NotAllowed: no such right there. Conflict: it is not supervised.
    """
    with on_case(actor, case_id) as work:
        case = work.case
        check(actor, powers.SUPERVISE, case)
        if case.supervised_at is None:
            raise Conflict("这个办件没有在督办。", kept="没有做任何改动。")
        case.supervised_by, case.supervised_at, case.supervised_note = None, None, ""
        work.note(TraceAct.RELIEVE, text=note.strip())
        work.save("process.case.relieved", reason=note)
    return case


def waiting_people(case: ProcessCase) -> list[Account]:
    """Whoever the case waits for now: assignees, and the people of groups."""
    found: dict[int, Account] = {}
    rows = case.tasks.filter(state=TaskState.OPEN, held=False)
    for task in rows.select_related("assignee", "group__organization", "group__region"):
        group = task.group
        if task.assignee is not None:
            found[task.assignee.pk] = task.assignee
        elif group is not None and group.kind == GroupKind.ROLE and group.organization is not None:
            people = candidates.nearest(group.key, group.organization)
            found |= {account.pk: account for account in people}
        elif group is not None:
            found |= {account.pk: account for account in group.people.all()}
    return list(found.values())


def tell(work: CaseWork, people: list[Account], title: str, body: str, *, key: str) -> None:
    """Tell people once, whatever is tried again."""
    for person in people:
        notify(
            account=person, title=title, body=body, url=task_url(work.case.pk),
            key=f"{key}:{person.pk}",
        )  # fmt: skip
