"""How plans, runs and reconciliations read on pages."""

from django.urls import reverse

from chengshu.data.collection.choices import (
    CheckState,
    CursorKind,
    PlanState,
    RunState,
    ScheduleKind,
)
from chengshu.data.collection.models import Plan, Reconciliation, Run
from chengshu.data.collection.services.scheduling import check_timing_of, timing_of
from chengshu.data.collection.timing import describe

RUN_TONES = {
    RunState.WAITING: "pending", RunState.DEPENDING: "pending", RunState.QUEUED: "queued",
    RunState.RUNNING: "running", RunState.SUCCEEDED: "succeeded", RunState.FAILED: "failed",
    RunState.DRIFTED: "dead", RunState.HELD: "due_soon", RunState.CANCELLED: "cancelled",
    RunState.SKIPPED: "inactive",
}  # fmt: skip
CHECK_TONES = {
    CheckState.QUEUED: "queued", CheckState.RUNNING: "running", CheckState.EQUAL: "succeeded",
    CheckState.EXPLAINED: "due_soon", CheckState.DIFFERENT: "failed", CheckState.FAILED: "dead",
}  # fmt: skip
LAG_UNITS = {CursorKind.DATETIME: "分钟", CursorKind.DATE: "天", CursorKind.NUMBER: "个"}


def run_tone(run: Run) -> str:
    """Key of the status tag of a run."""
    return RUN_TONES[RunState(run.state)]


def check_tone(item: Reconciliation) -> str:
    """Key of the status tag of a reconciliation."""
    return CHECK_TONES[CheckState(item.state)]


def plan_tone(plan: Plan) -> str:
    """Key of the status tag of a plan."""
    return "active" if plan.state == PlanState.ACTIVE else "suspended"


def plan_url(plan: Plan) -> str:
    """Where a plan's page is."""
    return reverse("collection:plan", args=[plan.pk])


def run_url(run: Run) -> str:
    """Where a run's page is."""
    return reverse("collection:run", args=[run.pk])


def check_url(item: Reconciliation) -> str:
    """Where the result of a reconciliation is."""
    return reverse("collection:check", args=[item.pk])


def schedule_words(plan: Plan) -> str:
    """When it runs."""
    return describe(timing_of(plan))


def check_words(plan: Plan) -> str:
    """When it is reconciled."""
    parts = ["每次归集后"] if plan.check_after else []
    if plan.check_schedule != ScheduleKind.MANUAL:
        parts.append(describe(check_timing_of(plan)))
    return "，".join(parts) or "只在有人点“对账”时"


def cursor_words(plan: Plan) -> str:
    """By which column, how far back, how far it has come."""
    if not plan.cursor_column:
        return ""
    unit = LAG_UNITS.get(CursorKind(plan.cursor_kind), "")
    lag = f"，每次回看 {plan.lag} {unit}" if plan.lag and unit else ""
    return f"{plan.cursor_column}（{plan.get_cursor_kind_display()}）{lag}"


def window_words(run: Run) -> str:
    """Which part of the source a run read."""
    if run.window_from and run.window_to:
        return f"{run.window_from} 至 {run.window_to}（不含）"
    if run.window_from:
        return f"从 {run.window_from} 起"
    return "整张表"
