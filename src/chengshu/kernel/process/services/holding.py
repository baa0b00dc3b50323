"""Who holds a task: claim, release, delegate, hand over, add a signer."""

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.models import Account
from chengshu.kernel.notices.services import notify
from chengshu.kernel.process.choices import TaskKind, TaskState, TraceAct
from chengshu.kernel.process.models import HumanTask
from chengshu.kernel.process.services import powers
from chengshu.kernel.process.work import CaseWork, on_task


def claim(*, actor: Actor, task_id: int) -> HumanTask:
    """Take a task of a group: it leaves the lists of the others.

    Raises:
        NotAllowed, Conflict: not in the group; taken already (by whom and when).
    """
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        if task.assignee_id is None:
            task.assignee = actor.account
        if task.begun_at is not None:
            return task
        task.begun_at = work.now
        task.save(update_fields=["assignee", "begun_at"])
        work.note(TraceAct.CLAIM, step=work.step, task=task)
        work.save("process.task.claimed", step=task.step)
    return task


def release(*, actor: Actor, task_id: int) -> HumanTask:
    """Put a claimed task back for the others of its group.

    Raises:
        NotAllowed, Conflict: not the actor's; it never was a group's.
    """
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        if task.group_id is None:
            raise Conflict(
                "这项任务是指定给您的，没有可以放回的范围。", kept="没有做任何改动。",
                advice="不便办理时请转办。",
            )  # fmt: skip
        if task.assignee_id is None:
            raise Conflict("这项任务还没有人签收，不用放回。", kept="没有做任何改动。")
        if task.delegated_by_id is not None:
            raise Conflict("这是委托给您的任务，请回复意见。", kept="没有做任何改动。")
        task.assignee, task.begun_at = None, None
        task.save(update_fields=["assignee", "begun_at"])
        work.note(TraceAct.RELEASE, step=work.step, task=task)
        work.save("process.task.released", step=task.step)
    return task


def delegate(*, actor: Actor, task_id: int, to: Account, comment: str = "") -> HumanTask:
    """Ask somebody for an opinion on one's own task; with the answer it comes back.

    Raises:
        NotAllowed, Conflict: not the actor's; the step does not allow it; delegated already.
        InvalidInput: to oneself, or to somebody who cannot sign in.
    """
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        powers.require_allowed(work, "delegate")
        if task.delegated_by_id is not None:
            raise Conflict("这项任务是别人委托给您的，不能再委托。", kept="没有做任何改动。")
        _require_colleague(actor, to)
        task.delegated_by, task.assignee, task.begun_at = actor.account, to, None
        task.save(update_fields=["delegated_by", "assignee", "begun_at"])
        work.note(
            TraceAct.DELEGATE,
            step=work.step,
            task=task,
            text=comment.strip(),
            to=to.pk,
            name=str(to),
        )
        _tell(work, to, f"{actor.name}请您就“{work.case.title}”提出意见", comment)
        work.save("process.task.delegated", step=task.step, to=to.username)
    return task


def transfer(*, actor: Actor, task_id: int, to: Account, comment: str = "") -> HumanTask:
    """Hand one's task over for good.

    Raises:
        NotAllowed, Conflict, InvalidInput: as :func:`delegate`.
    """
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        powers.require_allowed(work, "transfer")
        if task.delegated_by_id is not None:
            raise Conflict("这是委托给您的任务，请回复意见。", kept="没有做任何改动。")
        _require_colleague(actor, to)
        if task.kind == TaskKind.SIGN and _signs_already(task, to):
            raise Conflict(f"{to}已是这一步的会签人。", kept="没有做任何改动。")
        task.assignee, task.begun_at = to, None
        task.save(update_fields=["assignee", "begun_at"])
        work.note(
            TraceAct.TRANSFER,
            step=work.step,
            task=task,
            text=comment.strip(),
            to=to.pk,
            name=str(to),
        )
        _tell(work, to, f"{actor.name}把“{work.case.title}”转给您办理", comment)
        work.save("process.task.transferred", step=task.step, to=to.username)
    return task


def add_signer(*, actor: Actor, task_id: int, person: Account, comment: str = "") -> HumanTask:
    """Bring somebody in. In a countersign: one more signature, after the actor's in a sequence. In an ordinary step:
    an opinion the actor waits for.

    Raises:
        NotAllowed, Conflict, InvalidInput: as :func:`delegate`; somebody who signs already.
    """
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        powers.require_allowed(work, "add_signer")
        if task.kind == TaskKind.ADDED or task.delegated_by_id is not None:
            raise Conflict("征求您意见的任务不能再加签。", kept="没有做任何改动。")
        _require_colleague(actor, person)
        if _signs_already(task, person):
            raise Conflict(f"{person}已在这一步的办理人中。", kept="没有做任何改动。")
        added = work.make_task(task.token, work.step)
        added.assignee = person
        rule = work.step.countersign
        work.note(
            TraceAct.ADD_SIGNER, step=work.step, task=task, text=comment.strip(), to=person.pk,
            name=str(person),
        )  # fmt: skip
        if task.kind == TaskKind.SIGN:
            added.kind = TaskKind.SIGN
            added.slot = _make_room(task)
            if rule is not None and rule.sequential:
                added.state = TaskState.WAITING
                added.save()
            else:
                work.start_clock(added, work.step)
        else:
            task.assignee, task.begun_at = actor.account, task.begun_at or work.now
            task.state = TaskState.WAITING
            task.save(update_fields=["state", "assignee", "begun_at"])
            added.kind, added.added_to, added.slot, added.batch = (
                TaskKind.ADDED,
                task,
                _last_slot(task) + 1,
                "",
            )
            added.save()
        _tell(work, person, f"{actor.name}请您会签“{work.case.title}”", comment)
        work.save("process.task.signer_added", step=task.step, to=person.username)
    return added


def _require_colleague(actor: Actor, to: Account) -> None:
    if actor.account is not None and to.pk == actor.account.pk:
        raise InvalidInput("不能交给自己。", kept="没有做任何改动。", fields={"to": "请选择别人"})
    if not to.is_active or to.kind != AccountKind.STAFF:
        raise InvalidInput(
            f"{to}不能办理：账号未启用或不是工作人员。", kept="没有做任何改动。",
            fields={"to": "请选择在岗的工作人员"},
        )  # fmt: skip


def _signs_already(task: HumanTask, person: Account) -> bool:
    open_now = HumanTask.objects.filter(case=task.case, token=task.token).exclude(
        state__in=[TaskState.WITHDRAWN, TaskState.CLOSED]
    )
    return open_now.filter(assignee=person).exists()


def _last_slot(task: HumanTask) -> int:
    rows = HumanTask.objects.filter(case=task.case, token=task.token).order_by("-slot")
    return int(rows.values_list("slot", flat=True).first() or 0)


def _make_room(task: HumanTask) -> int:
    """Free the slot after the actor's: later ones move up, the last first."""
    later = HumanTask.objects.filter(case=task.case, token=task.token, slot__gt=task.slot)
    for row in later.order_by("-slot"):
        row.slot += 1
        row.save(update_fields=["slot"])
    return task.slot + 1


def _tell(work: CaseWork, person: Account, title: str, comment: str) -> None:
    notify(account=person, title=title, body=comment.strip(), url=task_url(work.case.pk))


def task_url(case_id: int) -> str:
    """The page of a case; pages are above services, so the address is said and a test holds it to the route."""
    return f"/console/process/cases/{case_id}/"
