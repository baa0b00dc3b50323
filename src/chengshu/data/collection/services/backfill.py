"""补采: a plan over a range of dates, one period after the other; stops at a failure and goes on from there."""

from datetime import date

from django.db.models import Q

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.collection.choices import PENDING, BackfillState, CursorKind, Mode, Reason
from chengshu.data.collection.models import Backfill, Plan, Run
from chengshu.data.collection.services import runs
from chengshu.data.collection.timing import periods
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.unit_of_work import unit_of_work

MOST_PERIODS = 1_000


def start(*, actor: Actor, plan: Plan, first: date, last: date, step: str) -> Backfill:
    """Collect the rows of a range of dates again, period by period.

    Raises:
        InvalidInput: the range is reversed or has too many periods.
        Conflict: the plan has no date cursor or no key, or another back-fill of it is not through.
    """
    check(actor, runs.PERMISSION, plan)
    if plan.cursor_kind not in (CursorKind.DATE, CursorKind.DATETIME):
        raise Conflict(
            "补采要按日期分段，这个任务没有日期类型的游标列。", advice="请先在任务里选定游标列。"
        )
    settled = plan.source.connector.windows or bool(published_by_id(plan.resource_id).key)
    if plan.mode == Mode.APPEND and not settled:
        raise Conflict("没有主键的流水文件补采会重复写入，没有开始。")
    if last < first:
        raise InvalidInput("补采没有开始。", fields={"last": "不能早于开始日期"})
    parts = periods(first, last, step)
    if len(parts) > MOST_PERIODS:
        raise InvalidInput(
            "补采没有开始。",
            fields={"step": f"共 {len(parts)} 段，最多 {MOST_PERIODS} 段，请按周或按月"},
        )
    with unit_of_work():
        locked = (
            Plan.objects.select_for_update(of=("self",))
            .select_related("resource__provider")
            .get(pk=plan.pk)
        )
        if locked.backfills.filter(
            state__in=(BackfillState.RUNNING, BackfillState.STOPPED)
        ).exists():
            raise Conflict("这个任务已有一次补采没有做完。", advice="请先续做或取消它。")
        item = Backfill.objects.create(
            plan=locked, first=first, last=last, step=step, periods=len(parts),
            created_by=actor.account,
        )  # fmt: skip
        record(
            actor=actor, action="collection.backfill_started", obj=item,
            after={"first": first.isoformat(), "last": last.isoformat(), "step": step},
        )  # fmt: skip
        _next(item)
    return item


def _next(item: Backfill) -> Run | None:
    """Queue the first period that has not been collected, unless one is under way (inside a transaction)."""
    if item.runs.filter(state__in=PENDING).exists():
        return None
    done = set(item.runs.filter(state="succeeded").values_list("window_from", flat=True))
    for begin, end in periods(item.first, item.last, item.step):
        if begin.isoformat() not in done:
            return runs.ask(
                actor=platform("补采"), plan=item.plan, reason=Reason.BACKFILL, backfill=item,
                window=(begin.isoformat(), end.isoformat()),
            )  # fmt: skip
    item.state, item.message, item.done = BackfillState.DONE, "", item.periods
    item.save(update_fields=["state", "message", "done"])
    return None


def advance() -> None:
    """Give every running back-fill its next period."""
    for pk in Backfill.objects.filter(state=BackfillState.RUNNING).values_list("pk", flat=True):
        with unit_of_work():
            rows = Backfill.objects.select_for_update(of=("self",)).select_related(
                "plan__resource__provider"
            )
            item = rows.get(pk=pk)
            if item.state == BackfillState.RUNNING:
                _next(item)


def resume(*, actor: Actor, item: Backfill) -> Backfill:
    """Go on with the first period that is missing.

    Raises:
        Conflict: it has not stopped.
    """
    check(actor, runs.PERMISSION, item)
    with unit_of_work():
        item = (
            Backfill.objects.select_for_update(of=("self",))
            .select_related("plan__resource__provider")
            .get(pk=item.pk)
        )
        if item.state != BackfillState.STOPPED:
            raise Conflict("这次补采没有停下，不需要续做。")
        item.state, item.message = BackfillState.RUNNING, ""
        item.save(update_fields=["state", "message"])
        record(actor=actor, action="collection.backfill_resumed", obj=item)
        _next(item)
    return item


def cancel(*, actor: Actor, item: Backfill) -> None:
    """Stop for good; the periods that were collected stay.

    Raises:
        Conflict: it has ended.
    """
    check(actor, runs.PERMISSION, item)
    with unit_of_work():
        unfinished = Q(state=BackfillState.RUNNING) | Q(state=BackfillState.STOPPED)
        changed = Backfill.objects.filter(unfinished, pk=item.pk).update(
            state=BackfillState.CANCELLED
        )
        if not changed:
            raise Conflict("这次补采已经结束。")
        record(actor=actor, action="collection.backfill_cancelled", obj=item)
    for run in item.runs.filter(state__in=PENDING).select_related(
        "plan__resource__provider", "batch", "job"
    ):
        runs.cancel(actor=actor, run=run)
