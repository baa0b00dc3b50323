"""The acts of the case page: which form each shows, and which service it calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import NotFound
from chengshu.kernel.process import forms
from chengshu.kernel.process.choices import TaskKind, TaskState
from chengshu.kernel.process.models import HumanTask, ProcessCase
from chengshu.kernel.process.services import (
    completing,
    holding,
    moving,
    pausing,
    pressing,
    remarks,
)

FormKind = Literal["say", "person", "back", "jump", "file"]


@dataclass(frozen=True, slots=True)
class ActKind:
    """One act: its button, its form, what the words of the form are called."""

    verb: str
    icon: str
    form: FormKind = "say"
    label: str = "说明"


ACTS: dict[str, ActKind] = {
    "claim": ActKind("签收", "user-check"),
    "release": ActKind("放回", "arrow-back-up"),
    "back": ActKind("退回", "arrow-back-up", "back", "退回原因"),
    "supplement": ActKind("要求补正", "file-text", "say", "要补什么"),
    "add_signer": ActKind("加签", "user-plus", "person"),
    "delegate": ActKind("征求意见", "message", "person"),
    "transfer": ActKind("转办", "arrow-right", "person"),
    "withdraw": ActKind("撤回", "arrow-back-up", "say", "撤回原因"),
    "urge": ActKind("催办", "bell"),
    "suspend": ActKind("暂停", "clock", "say", "暂停原因"),
    "resume": ActKind("恢复办理", "arrow-right"),
    "supervise": ActKind("督办", "flag", "say", "督办要求"),
    "relieve": ActKind("解除督办", "flag"),
    "jump": ActKind("跳转", "arrow-right", "jump", "跳转原因"),
    "cancel": ActKind("撤销办件", "x", "say", "撤销原因"),
    "comment": ActKind("留言", "message"),
    "attach": ActKind("上传附件", "upload", "file"),
    "copy": ActKind("抄送", "mail", "person"),
}
Do = Callable[[ActorRequest, ProcessCase, HumanTask | None, Any], str]


def perform(
    request: ActorRequest,
    case: ProcessCase,
    task: HumanTask | None,
    key: str,
    form: forms.ServiceForm,
) -> str:
    """Call the service of an act; return what to tell the person."""
    if key == "complete":
        assert isinstance(form, forms.StepForm)
        return _complete(request, task, form)
    return _DO[key](request, case, task, form.cleaned_data)


def _complete(request: ActorRequest, task: HumanTask | None, form: forms.StepForm) -> str:
    key = _need(task)
    if task is not None and task.kind == TaskKind.SUPPLEMENT:
        pausing.supply(actor=request.actor, task_id=key, comment=form.opinion())
        return "补正已提交，办件继续办理，计时恢复。"
    completing.complete(
        actor=request.actor, task_id=key, outcome=request.POST.get("outcome", ""),
        values=form.cleaned_data, comment=form.opinion(),
    )  # fmt: skip
    return "已办理，办件已送到下一步。"


def _need(task: HumanTask | None) -> int:
    if task is None:
        raise NotFound("这个办件现在没有等您办理的任务。", advice="请刷新页面查看最新进展。")
    return task.pk


def _claim(request: ActorRequest, _case: ProcessCase, task: HumanTask | None, _said: Any) -> str:
    holding.claim(actor=request.actor, task_id=_need(task))
    return "已签收，请办理。"


def _release(request: ActorRequest, _case: ProcessCase, task: HumanTask | None, _said: Any) -> str:
    holding.release(actor=request.actor, task_id=_need(task))
    return "已放回，其他人可以签收。"


def _back(request: ActorRequest, _case: ProcessCase, task: HumanTask | None, said: Any) -> str:
    moving.send_back(
        actor=request.actor, task_id=_need(task), step=said["step"], comment=said["text"],
        straight=said["straight"],
    )  # fmt: skip
    return "已退回，原办理人会收到待办。"


def _supplement(
    request: ActorRequest, _case: ProcessCase, task: HumanTask | None, said: Any
) -> str:
    pausing.request_supplement(actor=request.actor, task_id=_need(task), reason=said["text"])
    return "已要求补正，计时已停。"


def _add_signer(
    request: ActorRequest, _case: ProcessCase, task: HumanTask | None, said: Any
) -> str:
    holding.add_signer(
        actor=request.actor, task_id=_need(task), person=said["person"], comment=said["text"]
    )
    return f"已请{said['person']}会签。"


def _delegate(request: ActorRequest, _case: ProcessCase, task: HumanTask | None, said: Any) -> str:
    holding.delegate(
        actor=request.actor, task_id=_need(task), to=said["person"], comment=said["text"]
    )
    return f"已征求{said['person']}的意见，答复后回到您这里。"


def _transfer(request: ActorRequest, _case: ProcessCase, task: HumanTask | None, said: Any) -> str:
    holding.transfer(
        actor=request.actor, task_id=_need(task), to=said["person"], comment=said["text"]
    )
    return f"已转给{said['person']}。"


def _withdraw(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    rows = case.tasks.filter(finished_by=request.actor.account, state=TaskState.DONE)
    last = rows.order_by("-finished_at", "-pk").first()
    moving.withdraw(actor=request.actor, task_id=_need(last), comment=said["text"])
    return "已撤回，请重新办理。"


def _urge(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    told = pressing.urge(actor=request.actor, case_id=case.pk, comment=said["text"])
    return f"已催办，提醒了 {told} 人。"


def _suspend(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    pausing.suspend(actor=request.actor, case_id=case.pk, reason=said["text"])
    return "已暂停，计时已停。"


def _resume(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    pausing.resume(actor=request.actor, case_id=case.pk, comment=said["text"])
    return "已恢复，计时继续。"


def _supervise(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    pressing.supervise(actor=request.actor, case_id=case.pk, note=said["text"])
    return "已督办，办理人会收到通知。"


def _relieve(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    pressing.relieve(actor=request.actor, case_id=case.pk, note=said["text"])
    return "已解除督办。"


def _jump(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    moving.jump(actor=request.actor, case_id=case.pk, step=said["step"], reason=said["text"])
    return "已跳转。"


def _cancel(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    moving.cancel(actor=request.actor, case_id=case.pk, reason=said["text"])
    return "已撤销。"


def _comment(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    remarks.comment(actor=request.actor, case_id=case.pk, text=said["text"])
    return "已留言。"


def _attach(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    file = said["file"]
    remarks.attach(actor=request.actor, case_id=case.pk, name=file.name, chunks=file.chunks())
    return "附件已上传。"


def _copy(request: ActorRequest, case: ProcessCase, _task: HumanTask | None, said: Any) -> str:
    remarks.copy_to(actor=request.actor, case_id=case.pk, people=[said["person"]])
    return f"已抄送{said['person']}。"


_DO: dict[str, Do] = {
    "claim": _claim, "release": _release, "back": _back, "supplement": _supplement,
    "add_signer": _add_signer, "delegate": _delegate, "transfer": _transfer,
    "withdraw": _withdraw, "urge": _urge, "suspend": _suspend, "resume": _resume,
    "supervise": _supervise, "relieve": _relieve, "jump": _jump, "cancel": _cancel,
    "comment": _comment, "attach": _attach, "copy": _copy,
}  # fmt: skip
