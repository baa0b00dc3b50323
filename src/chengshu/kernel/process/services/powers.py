"""May this act be done now, by this person? Each refusal says who did what when, or what to do instead."""

from django.utils.timezone import localtime

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.errors import Conflict, NotAllowed, NotSignedIn
from chengshu.kernel.process import candidates
from chengshu.kernel.process.choices import CaseState, TaskKind, TaskState
from chengshu.kernel.process.definition.elements import Act
from chengshu.kernel.process.models import HumanTask, ProcessCase
from chengshu.kernel.process.work import CaseWork

MANAGE = "process.manage"
VIEW = "process.view"
SUPERVISE = "process.supervise"
_DONE = {
    TaskState.DONE: "办理",
    TaskState.RETURNED: "退回",
    TaskState.WITHDRAWN: "撤回",
}
_ACT_NAMES: dict[Act, str] = {
    "delegate": "委托",
    "transfer": "转办",
    "add_signer": "加签",
    "return": "退回",
    "withdraw": "撤回",
    "supplement": "补正",
    "urge": "催办",
    "copy": "抄送",
}


def require_signed_in(actor: Actor) -> None:
    """Raise unless somebody is signed in."""
    if actor.account is None:
        raise NotSignedIn("请先登录。", kept="没有做任何改动。")


def require_running(case: ProcessCase) -> None:
    """Raise unless the case goes on.

    Raises:
        Conflict: it has ended, or stands still.
    """
    if case.ended:
        raise Conflict(
            f"办件“{case.title}”{case.get_state_display()}，不能再办理。", kept="没有做任何改动。"
        )
    if case.state == CaseState.SUSPENDED:
        raise Conflict(
            f"办件正在{case.suspended_reason or '暂停'}，计时已停。", kept="没有做任何改动。",
            advice="恢复办理后再操作。",
        )  # fmt: skip


def require_open(task: HumanTask) -> None:
    """Raise unless the task is still to be done; names who did it and when."""
    if task.state == TaskState.OPEN:
        return
    if task.finished_by is not None and task.finished_at is not None:
        word = _DONE.get(TaskState(task.state), "处理")
        at = localtime(task.finished_at)
        raise Conflict(
            f"这项任务已由{task.finished_by}于 {at:%Y-%m-%d %H:%M} {word}。",
            kept="您填写的内容没有提交。", advice="请刷新页面查看结果。",
        )  # fmt: skip
    if task.state == TaskState.WAITING:
        raise Conflict("还没有轮到您：前面的人尚未办理。", kept="没有做任何改动。")
    raise Conflict(
        "这项任务已不需要办理：办件已走到别处。", kept="没有做任何改动。", advice="请刷新待办列表。"
    )


def may_act(actor: Actor, task: HumanTask) -> bool:
    """Whether the task is the actor's, or open to a group the actor is in."""
    if actor.account is None:
        return False
    if task.assignee_id is not None:
        return task.assignee_id == actor.account.pk
    return task.group is not None and candidates.in_group(actor, task.group)


def require_mine(work: CaseWork) -> HumanTask:
    """The task in hand, if it is open and the actor's to do.

    Raises:
        NotSignedIn, NotAllowed, Conflict: as the sentence says.
    """
    require_signed_in(work.actor)
    task = work.task
    if task.state == TaskState.OPEN and not may_act(work.actor, task):
        if task.assignee is not None:
            at = f"（{localtime(task.begun_at):%Y-%m-%d %H:%M} 签收）" if task.begun_at else ""
            raise NotAllowed(f"这项任务由{task.assignee}办理{at}。", kept="没有做任何改动。")
        raise NotAllowed("您不在这项任务的办理人范围内。", kept="没有做任何改动。")
    require_open(task)
    require_running(work.case)
    if task.kind == TaskKind.SUPPLEMENT:
        raise Conflict("补正任务请用“提交补正”。", kept="没有做任何改动。")
    return task


def require_allowed(work: CaseWork, act: Act) -> None:
    """Raise when the definition does not allow ``act`` at this step."""
    if act not in work.step.allow:
        raise Conflict(
            f"“{work.step.name}”这一步不允许{_ACT_NAMES[act]}。", kept="没有做任何改动。"
        )


def require_manager(actor: Actor, case: ProcessCase) -> None:
    """Raise unless the actor manages processes where the case belongs."""
    check(actor, MANAGE, case)
