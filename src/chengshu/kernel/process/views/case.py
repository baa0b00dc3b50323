"""One case: what to do now, where it went and stands, what was said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.process import catalogue, diagram, forms, selectors
from chengshu.kernel.process.choices import CaseState, TaskKind, TaskState
from chengshu.kernel.process.definition.elements import Act, Outcome, Step
from chengshu.kernel.process.models import HumanTask, ProcessCase
from chengshu.kernel.process.presentation import case_tag, clock_tag, history
from chengshu.kernel.process.services import moving, powers, remarks
from chengshu.kernel.process.views.acts import ACTS, perform
from chengshu.kernel.ui.components import Crumb, Fact
from chengshu.kernel.ui.components import Step as StepMark


@dataclass(frozen=True, slots=True)
class ActForm:
    """An act somebody may do now, with its form."""

    key: str
    verb: str
    icon: str
    form: forms.ServiceForm
    bound: bool = False
    multipart: bool = False


def case(request: ActorRequest, case_id: int) -> HttpResponse:
    """Show a case; opening one's copy marks it as read."""
    found = selectors.case(request.actor, case_id)
    remarks.mark_copy_read(actor=request.actor, case_id=case_id)
    return render(request, "process/case.html", context_of(request, found))


@require_POST
def act(request: ActorRequest, case_id: int, key: str) -> HttpResponse:
    """Do one act and show the case again; what was refused shows beside its field."""
    found = selectors.case(request.actor, case_id)
    task = _mine(request, found)
    if key not in ACTS and key != "complete":
        raise NotFound("没有这个操作。")
    form = _form(request, found, task, key, bound=True)
    if form.is_valid():
        try:
            messages.success(request, perform(request, found, task, key, form))
        except InvalidInput as error:
            form.show(error)
        else:
            return redirect("process:case", case_id)
    context = context_of(request, found, bound=(key, form))
    return render(request, "process/case.html", context, status=422)


def attachment(request: ActorRequest, case_id: int, file_id: int) -> FileResponse:
    """Hand an attachment out to those who may see the case."""
    found = selectors.case(request.actor, case_id)
    item = found.files.select_related("file").filter(pk=file_id).first()
    if item is None:
        raise NotFound("没有找到这个附件。")
    return FileResponse(item.file.path.open("rb"), as_attachment=True, filename=item.file.name)


def context_of(
    request: ActorRequest, found: ProcessCase, bound: tuple[str, forms.ServiceForm] | None = None
) -> dict[str, Any]:
    """Everything the page shows."""
    process = catalogue.plan_of(found.version).process
    task, waiting, lines = (
        _mine(request, found),
        selectors.open_tasks(found),
        selectors.trace(found),
    )
    way = diagram.walk(process, lines, waiting)
    step = process.steps.get(task.step) if task else None
    return {
        "title": found.title,
        "crumbs": [Crumb("我的待办", reverse("process:todo")), Crumb(found.title)],
        "case": found,
        "tag": case_tag(found),
        "clock": clock_tag(found.due_at, held=found.state == CaseState.SUSPENDED) if found.due_at else None,
        "task": task,
        "task_clock": clock_tag(task.due_at, held=task.held) if task and task.due_at else None,
        "complete_form": bound[1] if bound and bound[0] == "complete" else _complete_form(request, task, step),
        "outcomes": _outcomes(task, step),
        "acts": _acts(request, found, task, bound),
        "waiting": waiting,
        "drawing": diagram.draw(process, way),
        "steps": [
            StepMark(
                s.name, "done" if look == "done" else "now" if look == "now" else "next",
                diagram.WORDS[look],
            )
            for s, look in diagram.people_steps(process, way)
        ],
        "history": history(lines),
        "files": found.files.select_related("file", "added_by"),
        "facts": _facts(found),
        "values": _values(found),
    }  # fmt: skip


def _mine(request: ActorRequest, found: ProcessCase) -> HumanTask | None:
    """The open task of this case that is the actor's to do."""
    rows = found.tasks.filter(state=TaskState.OPEN).select_related("assignee", "delegated_by")
    mine = [row for row in rows if powers.may_act(request.actor, row)]
    return min(mine, key=lambda row: row.assignee_id is None, default=None)


def _outcomes(task: HumanTask | None, step: Step | None) -> list[Outcome]:
    if task is None:
        return []
    if task.kind == TaskKind.SUPPLEMENT:
        return [Outcome(key="supply", name="提交补正")]
    if task.delegated_by_id is not None or task.kind == TaskKind.ADDED:
        return [Outcome(key="answer", name="提交意见")]
    return [] if task.held or step is None else list(step.outcomes)


def _complete_form(
    request: ActorRequest, task: HumanTask | None, step: Step | None
) -> forms.StepForm | None:
    if task is None:
        return None
    plain = task.kind in {TaskKind.SUPPLEMENT, TaskKind.ADDED} or task.delegated_by_id is not None
    asked = step or Step(id=task.step, name=task.name, kind="user", line=0)
    data = request.POST if request.method == "POST" else None
    words = [phrase.text for phrase in selectors.phrases(request.actor)]
    kept = task.case.data if task.case else {}
    return forms.StepForm(
        data, step=asked, phrases=words, ask=not plain,
        initial={item.key: kept.get(item.key) for item in asked.fields},
    )  # fmt: skip


def _form(
    request: ActorRequest, found: ProcessCase, task: HumanTask | None, key: str, *, bound: bool
) -> forms.ServiceForm:
    data, files = (request.POST, request.FILES) if bound else (None, None)
    process = catalogue.plan_of(found.version).process
    if key == "complete":
        form = _complete_form(request, task, process.steps.get(task.step) if task else None)
        if form is None:
            raise NotFound("这个办件现在没有等您办理的任务。", advice="请刷新页面查看最新进展。")
        return form
    label = ACTS[key].label
    make: dict[str, Callable[[], forms.ServiceForm]] = {
        "person": lambda: forms.PersonForm(data, actor=request.actor, label=label, prefix=key),
        "back": lambda: forms.BackForm(
            data,
            steps=moving.former_steps(found, before=task) if task else [],
            label=label,
            prefix=key,
        ),
        "jump": lambda: forms.JumpForm(
            data, steps=[(s.id, s.name) for s in process.human], label=label, prefix=key
        ),
        "file": lambda: forms.FileForm(data, files, prefix=key),
        "say": lambda: forms.SayForm(data, label=label, prefix=key),
    }
    return make[ACTS[key].form]()


def _acts(
    request: ActorRequest,
    found: ProcessCase,
    task: HumanTask | None,
    bound: tuple[str, forms.ServiceForm] | None,
) -> list[ActForm]:
    keys = _possible(request, found, task)
    return [
        ActForm(
            key, ACTS[key].verb, ACTS[key].icon,
            bound[1] if bound and bound[0] == key else _form(request, found, task, key, bound=False),
            bound=bool(bound and bound[0] == key), multipart=ACTS[key].form == "file",
        )
        for key in keys
    ]  # fmt: skip


def _possible(request: ActorRequest, found: ProcessCase, task: HumanTask | None) -> list[str]:
    """Acts worth offering; each service decides again."""
    if found.ended:
        return ["comment", "copy"]
    actor, account = request.actor, request.actor.account
    running = found.state == CaseState.RUNNING
    manager, supervisor = (
        allows(actor, powers.MANAGE, found),
        allows(actor, powers.SUPERVISE, found),
    )
    starter = account is not None and found.started_by_id == account.pk
    mine = _task_acts(found, task) if running and task is not None else []
    offered = {
        "withdraw": running and found.tasks.filter(finished_by=account, state=TaskState.DONE).exists(),
        "urge": running and (starter or supervisor),
        "resume": not running and (manager or (task is not None and task.kind != TaskKind.SUPPLEMENT)),
        "supervise": supervisor and found.supervised_at is None,
        "relieve": supervisor and found.supervised_at is not None,
        "suspend": running and manager,
        "jump": running and manager,
        "cancel": starter or manager,
    }  # fmt: skip
    return [*mine, *(key for key, may in offered.items() if may), "comment", "attach", "copy"]


def _task_acts(found: ProcessCase, task: HumanTask) -> list[str]:
    if task.kind == TaskKind.ADDED or task.delegated_by_id is not None:
        return []
    step = catalogue.plan_of(found.version).process.steps[task.step]
    claims = ["claim"] if task.assignee_id is None else ["release"] if task.group_id else []
    allowed: list[tuple[Act, str]] = [
        ("return", "back"), ("supplement", "supplement"), ("add_signer", "add_signer"),
        ("delegate", "delegate"), ("transfer", "transfer"),
    ]  # fmt: skip
    return [*claims, *(key for name, key in allowed if name in step.allow)]


def _facts(found: ProcessCase) -> list[Fact]:
    facts = [
        Fact("事项", found.version.name),
        Fact("发起人", found.started_by or "平台"),
        Fact("单位", found.organization.short),
        Fact("发起时间", found.started_at),
        Fact("流程版本", f"第 {found.version.number} 版"),
    ]
    if found.supervised_at:
        facts.append(Fact("督办要求", found.supervised_note))
    if found.url:
        facts.append(Fact("业务页面", "打开", found.url))
    return facts


def _values(found: ProcessCase) -> list[Fact]:
    """What was filled in, field by field, under the words of the definition."""
    process = catalogue.plan_of(found.version).process
    facts = []
    for step in process.human:
        for item in step.fields:
            value = found.data.get(item.key)
            if value is None:
                continue
            shown = dict(item.choices).get(str(value), value)
            facts.append(
                Fact(item.label, ("是" if value else "否") if item.type == "yesno" else shown)
            )
    return facts
