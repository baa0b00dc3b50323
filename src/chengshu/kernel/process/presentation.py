"""How cases and tasks read on pages: tags, clocks, history."""

from datetime import datetime

from django.utils import timezone

from chengshu.kernel.calendar.deadlines import describe, overdue
from chengshu.kernel.calendar.tables import StoredTable
from chengshu.kernel.process.choices import CaseState, TaskState, TraceAct
from chengshu.kernel.process.models import HumanTask, ProcessCase, TraceEntry
from chengshu.kernel.ui.components import StatusTag, TimelineEntry
from chengshu.kernel.ui.components.status import Tone

_CASE_TONES: dict[str, tuple[Tone, str]] = {
    CaseState.RUNNING: ("blue", "loader-2"),
    CaseState.SUSPENDED: ("amber", "clock"),
    CaseState.FINISHED: ("teal", "circle-check"),
    CaseState.CANCELLED: ("grey", "circle-minus"),
}
_ACT_TONES: dict[str, Tone] = {
    TraceAct.COMPLETE: "teal",
    TraceAct.SIGN: "teal",
    TraceAct.FINISH: "teal",
    TraceAct.RETURN: "amber",
    TraceAct.WITHDRAW: "amber",
    TraceAct.SUSPEND: "amber",
    TraceAct.SUPPLEMENT: "amber",
    TraceAct.URGE: "amber",
    TraceAct.WARN: "amber",
    TraceAct.OVERDUE: "red",
    TraceAct.ESCALATE: "red",
    TraceAct.SUPERVISE: "red",
    TraceAct.JUMP: "red",
    TraceAct.CANCEL: "red",
}
NO_CLOCK = StatusTag("不限时", "grey", "clock")


def case_tag(case: ProcessCase) -> StatusTag:
    """The state of a case."""
    tone, icon = _CASE_TONES[case.state]
    word = case.suspended_reason if case.state == CaseState.SUSPENDED else ""
    return StatusTag((word or case.get_state_display())[:12], tone, icon)


def clock_tag(
    due_at: datetime | None, *, held: bool = False, table: StoredTable | None = None
) -> StatusTag:
    """How much time is left, in words; ``table`` is shared by the rows of a list."""
    if due_at is None:
        return NO_CLOCK
    now = timezone.now()
    text = describe(due_at, now, stopped=held, table=table or StoredTable())
    if held:
        return StatusTag(text, "grey", "clock")
    late = overdue(due_at, now)
    soon = "今天" in text or text == "剩 1 个工作日"
    return StatusTag(text, "red" if late else "amber" if soon else "grey", "alarm")


def task_tag(task: HumanTask) -> StatusTag:
    """What one should know of a task before opening it."""
    if task.held:
        return StatusTag("已暂停", "amber", "clock")
    if task.delegated_by_id is not None:
        return StatusTag("请您提意见", "blue", "message")
    if task.urged and task.state == TaskState.OPEN:
        return StatusTag(f"催办 {task.urged} 次", "amber", "bell")
    if task.state == TaskState.OPEN:
        return StatusTag("待签收" if task.assignee_id is None else "待办理", "blue", "circle-dot")
    return StatusTag(task.get_state_display(), "grey", "circle-check")


def history(lines: list[TraceEntry]) -> list[TimelineEntry]:
    """The trace as a time line, the newest first."""
    return [_line(line) for line in reversed(lines)]


def _line(line: TraceEntry) -> TimelineEntry:
    word = line.get_act_display()
    title = f"{line.step_name}：{word}" if line.step_name else word
    if line.outcome:
        title += f"（{line.outcome}）"
    if line.detail.get("name"):
        title += f" → {line.detail['name']}"
    who = "" if line.act == TraceAct.OPEN else line.actor_name
    text = f"交给 {line.text}" if line.act == TraceAct.OPEN and line.text else line.text
    return TimelineEntry(
        title=title, at=line.at, who=who, text=text, tone=_ACT_TONES.get(line.act, "grey")
    )
