"""Let a case stand still and go on: suspend, ask for a supplement (补正), resume. The clocks stop with it."""

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.notices.services import notify
from chengshu.kernel.process import clocks
from chengshu.kernel.process.choices import CaseState, TaskKind, TaskState, TraceAct
from chengshu.kernel.process.models import OPEN_STATES, HumanTask, ProcessCase
from chengshu.kernel.process.services import powers
from chengshu.kernel.process.services.holding import task_url
from chengshu.kernel.process.work import CaseWork, on_case, on_task

SUPPLEMENT_STEP = "supplement"


def suspend(*, actor: Actor, case_id: int, reason: str) -> ProcessCase:
    """Stop a case and its clocks until somebody resumes it; for administrators, or who has a task of it in hand.

    Raises:
        InvalidInput: no reason. Conflict: it stands still or has ended. NotAllowed: neither of the two.
    """
    _need(reason)
    with on_case(actor, case_id) as work:
        powers.require_running(work.case)
        _require_hand_in(actor, work)
        _stop(work, reason.strip())
        work.note(TraceAct.SUSPEND, text=reason.strip())
        work.save("process.case.suspended", reason=reason)
    return work.case


def request_supplement(*, actor: Actor, task_id: int, reason: str) -> HumanTask:
    """Ask who started the case to complete the material: the case stands still, they get a task, its end resumes.

    Raises:
        InvalidInput: nothing is said to be missing.
        NotAllowed, Conflict: not the actor's task; not allowed at this step; nobody to ask.
    """
    _need(reason)
    with on_task(actor, task_id) as work:
        task = powers.require_mine(work)
        powers.require_allowed(work, "supplement")
        asked = work.case.started_by
        if asked is None or not asked.is_active:
            raise Conflict("发起人已不能登录，无法要求补正。", kept="没有做任何改动。")
        if task.assignee_id is None:
            task.assignee, task.begun_at = actor.account, work.now
            task.save(update_fields=["assignee", "begun_at"])
        _stop(work, "补正")
        work.note(TraceAct.SUPPLEMENT, step=work.step, task=task, text=reason.strip(), to=asked.pk)
        wanted = work.make_task(0, work.step)
        wanted.step, wanted.name, wanted.kind = SUPPLEMENT_STEP, "补正材料", TaskKind.SUPPLEMENT
        wanted.assignee, wanted.batch, wanted.slot = asked, "", 0
        wanted.save()
        notify(
            account=asked, title=f"“{work.case.title}”需要补正", body=reason.strip(),
            url=task_url(work.case.pk),
        )  # fmt: skip
        work.save("process.case.suspended", reason=reason)
    return wanted


def supply(*, actor: Actor, task_id: int, comment: str) -> ProcessCase:
    """Hand the supplement in: the case goes on where it stood, and its clocks with it.

    Raises:
        InvalidInput: nothing said. NotAllowed, Conflict: not the actor's; done already.
    """
    if not comment.strip():
        raise InvalidInput("请说明补正了什么。", kept="没有提交。", fields={"comment": "请说明"})
    with on_task(actor, task_id) as work:
        task = work.task
        powers.require_signed_in(actor)
        powers.require_open(task)
        if task.kind != TaskKind.SUPPLEMENT or not powers.may_act(actor, task):
            raise Conflict("这不是您的补正任务。", kept="没有做任何改动。")
        task.state, task.finished_at, task.finished_by = TaskState.DONE, work.now, actor.account
        task.comment = comment.strip()
        task.save()
        _go_on(work, comment.strip())
        work.save("process.case.resumed", reason=comment)
    return work.case


def resume(*, actor: Actor, case_id: int, comment: str = "") -> ProcessCase:
    """Let a suspended case go on; an open supplement is dropped.

    Raises:
        Conflict: it does not stand still. NotAllowed: as :func:`suspend`.
    """
    with on_case(actor, case_id) as work:
        if work.case.state != CaseState.SUSPENDED:
            raise Conflict("办件没有暂停，不用恢复。", kept="没有做任何改动。")
        _require_hand_in(actor, work)
        work.case.tasks.filter(kind=TaskKind.SUPPLEMENT, state=TaskState.OPEN).update(
            state=TaskState.CLOSED, finished_at=work.now
        )
        _go_on(work, comment.strip())
        work.save("process.case.resumed", reason=comment)
    return work.case


def _need(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("请写明原因。", kept="没有做任何改动。", fields={"reason": "请写明原因"})


def _require_hand_in(actor: Actor, work: CaseWork) -> None:
    account = actor.account
    mine = work.case.tasks.filter(assignee=account, state__in=OPEN_STATES).exclude(
        kind=TaskKind.SUPPLEMENT
    )
    if account is not None and mine.exists():
        return
    if not allows(actor, powers.MANAGE, work.case):
        powers.require_manager(actor, work.case)


def _stop(work: CaseWork, reason: str) -> None:
    work.case.state, work.case.suspended_reason = CaseState.SUSPENDED, reason[:300]
    work.case.pauses = [*work.case.pauses, [work.now.isoformat(), None]]
    work.case.tasks.filter(state__in=OPEN_STATES).update(held=True)
    clocks.hold(work.case)


def _go_on(work: CaseWork, text: str) -> None:
    case = work.case
    begin = case.pauses[-1][0]
    case.pauses = [*case.pauses[:-1], [begin, work.now.isoformat()]]
    case.state, case.suspended_reason = CaseState.RUNNING, ""
    case.tasks.filter(held=True).update(held=False)
    clocks.resume(case, work.plan, now=work.now)
    work.note(TraceAct.RESUME, text=text)
