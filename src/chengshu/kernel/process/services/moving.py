"""Move a case otherwise than forward: return, withdraw, jump, cancel."""

from collections.abc import Mapping
from typing import Any

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.identity.models import Account
from chengshu.kernel.process import engine
from chengshu.kernel.process.choices import CaseState, TaskKind, TaskState, TraceAct
from chengshu.kernel.process.definition.elements import Step
from chengshu.kernel.process.engine import Arrival, Marking, Token
from chengshu.kernel.process.models import OPEN_STATES, HumanTask, ProcessCase
from chengshu.kernel.process.services import powers
from chengshu.kernel.process.work import CaseWork, on_case, on_task


def former_steps(case: ProcessCase, *, before: HumanTask) -> list[tuple[str, str]]:
    """The human steps a task may be returned to, the latest first: id and name."""
    rows = HumanTask.objects.filter(
        case=case, state=TaskState.DONE, kind__in=[TaskKind.STEP, TaskKind.SIGN]
    )
    names = {row.step: row.name for row in rows.order_by("finished_at", "pk")}
    return [(key, names[key]) for key in reversed(names) if key != before.step]


def send_back(
    *, actor: Actor, task_id: int, step: str, comment: str, straight: bool = False
) -> HumanTask:
    """Return the case to a former human step; whoever did it last does it again.

    Outside parallel branches everything else that is open is closed; inside one only this branch goes back.

    Args:
        actor: whose task it is.
        task_id: the task that is returned instead of done.
        step: one of :func:`former_steps`.
        comment: why; required.
        straight: after the correction the case comes straight back to this step, without those in between.

    Raises:
        InvalidInput: no reason, or a step nobody did yet.
        NotAllowed, Conflict: not the actor's; not allowed here; the step lies in another parallel branch.
    """
    if not comment.strip():
        raise InvalidInput("请写明退回原因。", kept="没有退回。", fields={"comment": "请写明原因"})
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        powers.require_allowed(work, "return")
        if task.kind == TaskKind.ADDED or task.delegated_by_id is not None:
            raise Conflict(
                "征求您意见的任务不能退回。", kept="没有做任何改动。", advice="请写下意见。"
            )
        if step not in dict(former_steps(work.case, before=task)):
            raise InvalidInput("只能退回到办理过的步骤。", kept="没有退回。")
        target = work.plan.process.steps[step]
        remove = _removal(work, current=task.step, target=target)
        work.note(
            TraceAct.RETURN,
            step=work.step,
            task=task,
            text=comment.strip(),
            to=step,
            name=target.name,
        )
        task.state, task.finished_at, task.finished_by = TaskState.RETURNED, work.now, actor.account
        task.begun_at, task.comment = task.begun_at or work.now, comment.strip()
        task.save()
        work.close_tasks([task.token])
        move = work.place(target, remove, person=_last_person(work.case, step))
        if straight:
            numbers = [token.number for token in move.opened]
            work.case.tasks.filter(token__in=numbers).update(back_to=task.step)
        work.save("process.task.returned", reason=comment, step=task.step, to=step)
    return task


def withdraw(*, actor: Actor, task_id: int, comment: str = "") -> HumanTask:
    """Take one's own completed task back while nobody has begun what it led to; returns the task to do again.

    Raises:
        NotAllowed: somebody else did it.
        Conflict: the next person has begun, a service has run, or the case has gone on or ended.
    """
    with on_task(actor, task_id) as work:
        task = work.task
        powers.require_signed_in(actor)
        if task.finished_by_id != getattr(actor.account, "pk", None):
            raise NotAllowed("只能撤回自己办理的任务。", kept="没有做任何改动。")
        if task.state != TaskState.DONE:
            raise Conflict("这项任务不在已办状态，不能撤回。", kept="没有做任何改动。")
        powers.require_running(work.case)
        powers.require_allowed(work, "withdraw")
        if task.kind == TaskKind.ADDED:
            raise Conflict("意见已经送出，不能撤回。", kept="没有做任何改动。")
        if task.undo is not None:
            _take_back(work, task.undo)
        elif work.marking.token(task.token) is None:
            raise _gone_on()
        work.note(TraceAct.WITHDRAW, step=work.step, task=task, text=comment.strip())
        again = _open_again(work, task)
        work.save("process.task.withdrawn", step=task.step)
    return again


def jump(*, actor: Actor, case_id: int, step: str, reason: str) -> ProcessCase:
    """Put a case on a step whatever it waits for now; an administrator's last resort, always with a reason.

    Raises:
        NotAllowed: the actor does not manage processes there.
        InvalidInput: no reason, or no human step of that name.
        Conflict: the case has ended or stands still; the step lies in a parallel branch.
    """
    if not reason.strip():
        raise InvalidInput("请写明跳转原因。", kept="没有跳转。", fields={"reason": "请写明原因"})
    with on_case(actor, case_id) as work:
        powers.require_manager(actor, work.case)
        powers.require_running(work.case)
        target = work.plan.process.steps.get(step)
        if target is None or target.kind != "user":
            raise InvalidInput("请选择一个人工步骤。", kept="没有跳转。")
        remove = _removal(work, current=step, target=target)
        everything = {t.number for t in work.marking.tokens} | {
            a.number for a in work.marking.arrivals
        }
        if remove != everything and not remove:
            raise Conflict(
                f"“{target.name}”在并行分支里，请跳到分支之前的步骤。", kept="没有做任何改动。"
            )
        work.note(TraceAct.JUMP, step=target, text=reason.strip())
        work.place(target, remove)
        work.save("process.case.jumped", reason=reason, step=step)
    return work.case


def cancel(*, actor: Actor, case_id: int, reason: str) -> ProcessCase:
    """End a case before its end: by who started it, while nobody else has done anything, or by an administrator.

    Raises:
        InvalidInput: no reason. Conflict: ended already. NotAllowed: others have worked on it.
    """
    if not reason.strip():
        raise InvalidInput("请写明撤销原因。", kept="没有撤销。", fields={"reason": "请写明原因"})
    with on_case(actor, case_id) as work:
        case = work.case
        if case.ended:
            powers.require_running(case)
        own = actor.account is not None and case.started_by_id == actor.account.pk
        others = case.tasks.filter(finished_by__isnull=False).exclude(finished_by=case.started_by)
        if not (own and not others.exists()):
            powers.require_manager(actor, case)
        work.finish(CaseState.CANCELLED, TraceAct.CANCEL, "撤销", reason.strip())
        work.save("process.case.cancelled", reason=reason)
    return case


def _removal(work: CaseWork, *, current: str, target: Step) -> set[int]:
    remove = engine.to_remove(work.plan, work.marking, current=current, target=target.id)
    if remove is None:
        raise Conflict(
            f"“{target.name}”在另一个并行分支里，退到那里会合点就等不齐了。", kept="没有做任何改动。",
            advice="请选择分支之前的步骤。",
        )  # fmt: skip
    return remove


def _last_person(case: ProcessCase, step: str) -> Account | None:
    """Who did a step last; None in a countersign (all sign again) or when they have left."""
    rows = HumanTask.objects.filter(case=case, step=step, state=TaskState.DONE)
    last = rows.select_related("finished_by").order_by("-finished_at", "-pk").first()
    if last is None or last.kind == TaskKind.SIGN or last.finished_by is None:
        return None
    return last.finished_by if last.finished_by.is_active else None


def _gone_on() -> Conflict:
    return Conflict(
        "下一步已有人开始办理，不能撤回。",
        kept="没有做任何改动。",
        advice="请联系下一步的办理人退回。",
    )


def _take_back(work: CaseWork, undo: Mapping[str, Any]) -> None:
    """Put the marking back as it was, if all that was opened still waits untouched."""
    steps = work.plan.process.steps
    if any(steps[key].kind == "service" for key in undo["path"] if key in steps):
        raise Conflict("中间的自动步骤已经执行，不能撤回。", kept="没有做任何改动。")
    marking, opened = work.marking, set(undo["opened"])
    tokens, arrivals = {t.number for t in marking.tokens}, {a.number for a in marking.arrivals}
    touched = work.case.tasks.filter(token__in=opened).exclude(state__in=OPEN_STATES, begun_at=None)
    if not opened <= tokens or not set(undo["arrived"]) <= arrivals or touched.exists():
        raise _gone_on()
    work.close_tasks(sorted(opened))
    work.case.timers.filter(token__in=opened).delete()
    kept = marking.without(opened | set(undo["arrived"]))
    work.case.marking = Marking(
        (*kept.tokens, *(Token(*item) for item in undo["closed"])),
        (*kept.arrivals, *(Arrival(*item) for item in undo["joined"])),
        marking.last,
    ).plain()
    for number, step, _group in undo["closed"]:
        work.restore_timer(Token(number, step))


def _open_again(work: CaseWork, task: HumanTask) -> HumanTask:
    """A fresh row for the same step and place; the old one stays in the history as withdrawn."""
    if task.undo is not None and task.kind == TaskKind.SIGN:
        # Those a decision had made superfluous sign after all.
        freed = work.case.tasks.filter(token=task.token, kind=TaskKind.SIGN, state=TaskState.CLOSED)
        sequential = work.step.countersign is not None and work.step.countersign.sequential
        for row in freed:
            row.finished_at = None
            if sequential:
                row.state = TaskState.WAITING
                row.save()
            else:
                work.start_clock(row, work.step, since=row.opened_at)
    task.state = TaskState.WITHDRAWN
    task.save(update_fields=["state"])
    again = work.make_task(task.token, work.step)
    again.kind, again.slot, again.group, again.assignee = (
        task.kind,
        task.slot,
        task.group,
        task.finished_by,
    )
    again.back_to = task.back_to
    if task.kind == TaskKind.SIGN and task.undo is None:
        # In a sequence the next signer waits again.
        for row in work.case.tasks.filter(
            token=task.token, slot__gt=task.slot, state=TaskState.OPEN
        ):
            if row.begun_at is not None:
                raise _gone_on()
            if work.step.countersign is not None and work.step.countersign.sequential:
                row.timers.all().delete()
                row.state = TaskState.WAITING
                row.save(update_fields=["state"])
    work.start_clock(again, work.step, since=task.opened_at)
    return again
