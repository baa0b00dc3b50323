"""Tasks that do not move the case by themselves: a delegate's answer, an added signer's opinion, a supplement."""

from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.process.choices import TaskKind, TaskState, TraceAct
from chengshu.kernel.process.models import OPEN_STATES, HumanTask
from chengshu.kernel.process.work import CaseWork


def settle_side_task(work: CaseWork, task: HumanTask, comment: str) -> bool:
    """Settle a delegated or an added task; False when it is an ordinary one."""
    if task.delegated_by is not None:
        _need(comment)
        work.note(TraceAct.ANSWER, step=work.step, task=task, text=comment.strip())
        task.assignee, task.delegated_by = task.delegated_by, None
        task.save(update_fields=["assignee", "delegated_by"])
        work.save("process.task.answered", step=task.step)
        return True
    if task.kind == TaskKind.ADDED:
        _need(comment)
        task.state, task.finished_at, task.finished_by = (
            TaskState.DONE,
            work.now,
            work.actor.account,
        )
        task.comment = comment.strip()
        task.save()
        work.note(TraceAct.SIGN, step=work.step, task=task, text=task.comment)
        _reopen_asker(task)
        work.save("process.task.answered", step=task.step)
        return True
    return False


def _need(comment: str) -> None:
    if not comment.strip():
        raise InvalidInput("请写下您的意见。", kept="没有提交。", fields={"comment": "请写下意见"})


def _reopen_asker(task: HumanTask) -> None:
    asker = task.added_to
    if asker is None or asker.state != TaskState.WAITING:
        return
    if not asker.added.filter(state__in=OPEN_STATES).exists():
        asker.state = TaskState.OPEN
        asker.save(update_fields=["state"])
