"""Plans: create, change, pause, resume."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, collectable, published_by_id
from chengshu.data.collection.choices import (
    NEEDS_KEY,
    CatchUp,
    CursorKind,
    Mode,
    PlanState,
    ScheduleKind,
)
from chengshu.data.collection.models import Plan, Run
from chengshu.data.collection.services import runs, scheduling
from chengshu.data.collection.services.following import confirmed_structure
from chengshu.data.collection.windows import CursorError, parse
from chengshu.data.ingest.facade import (
    DataSource,
    SourceError,
    SourceStructure,
    check_mapping,
    structure,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, Unavailable
from chengshu.kernel.events.services import emit
from chengshu.kernel.unit_of_work import unit_of_work

NOT_SAVED = "任务没有保存。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one may decide about a plan beside where its rows come from."""

    name: str
    mode: str
    cursor_column: str = ""
    cursor_kind: str = ""
    lag: int = 0
    source_zone: str = "Asia/Shanghai"
    max_lost_percent: int = 20
    schedule: str = ScheduleKind.MANUAL
    at_time: time | None = None
    cron: str = ""
    catch_up: str = CatchUp.ONCE
    check_after: bool = False
    check_schedule: str = ScheduleKind.MANUAL
    check_at: time | None = None
    check_cron: str = ""


def create(
    *,
    actor: Actor,
    resource_id: int,
    source: DataSource,
    object_name: str,
    mapping: dict[str, str],
    settings: Settings,
    depends_on: Iterable[Plan] = (),
) -> Plan:
    """Create a plan after really looking at its source.

    Raises:
        InvalidInput: the mapping, the cursor or the schedule cannot be.
        Unavailable: the source does not answer, or has no such object.
        Conflict: entries of this kind are not collected from such a source.
    """
    resource = published_by_id(resource_id)
    plan = Plan(
        resource_id=resource.id, source=source, object_name=object_name, mapping=mapping,
        created_by=actor.account,
    )  # fmt: skip
    check(actor, runs.PERMISSION, plan)
    check(actor, "ingest.source.manage", source)
    collectable(resource, source.connector.way)
    check_mapping(resource, mapping)
    plan.structure = confirmed_structure(resource, look_at(source, object_name))
    _apply(plan, settings, resource)
    with unit_of_work():
        plan.save()
        plan.depends_on.set(_without_cycle(plan, depends_on))
        record(actor=actor, action="collection.plan_created", obj=plan, after=_facts(plan))
        emit(
            type="city.collection.plan.created", source="collection", subject=resource.code,
            data={"plan": plan.pk, "resource_id": resource.id, "source_id": source.pk},
        )  # fmt: skip
    return plan


def look_at(source: DataSource, object_name: str) -> SourceStructure:
    """The structure of an object now.

    Raises:
        Unavailable: the source does not answer, or the object is not there.
    """
    try:
        return structure(source, object_name)
    except SourceError as error:
        raise Unavailable(
            f"读不到来源“{source.name}”的“{object_name}”：{error}", kept="没有保存任何改动。"
        ) from error


def change(
    *,
    actor: Actor,
    plan: Plan,
    settings: Settings,
    mapping: dict[str, str] | None = None,
    depends_on: Iterable[Plan] = (),
) -> Plan:
    """Change a plan; with a mapping, the structure of the source as it is now becomes the agreed one.

    Raises:
        InvalidInput, Unavailable: as for :func:`create`. Conflict: a run is under way.
    """
    check(actor, runs.PERMISSION, plan)
    resource = published_by_id(plan.resource_id)
    before = _facts(plan)
    if plan.runs.filter(state__in=("queued", "running")).exists():
        raise Conflict(
            "任务正在运行，现在不能修改。", kept="没有做任何改动。", advice="请等它结束或先取消。"
        )
    if mapping is not None:
        check_mapping(resource, mapping)
        found = look_at(plan.source, plan.object_name)
        plan.mapping, plan.structure = mapping, confirmed_structure(resource, found)
    if settings.cursor_column != plan.cursor_column or settings.cursor_kind != plan.cursor_kind:
        plan.high_water = ""  # another column has another beginning
    _apply(plan, settings, resource)
    with unit_of_work():
        plan.save()
        plan.depends_on.set(_without_cycle(plan, depends_on))
        record(
            actor=actor, action="collection.plan_changed", obj=plan, before=before,
            after=_facts(plan),
        )  # fmt: skip
    return plan


def _apply(plan: Plan, given: Settings, resource: PublishedResource) -> None:
    problems = _problems(plan, given, resource)
    if problems:
        raise InvalidInput(NOT_SAVED, fields=problems)
    with_cursor = given.mode in (Mode.INCREMENTAL, Mode.APPEND) or bool(given.cursor_column)
    for name in Settings.__slots__:
        setattr(plan, name, getattr(given, name))
    if not with_cursor:
        plan.cursor_column = plan.cursor_kind = ""
    now = timezone.now()
    _time(lambda: scheduling.set_next(plan, now), given.schedule, "at_time", "cron")
    _time(
        lambda: scheduling.set_next_check(plan, now), given.check_schedule, "check_at", "check_cron"
    )
    for kind, cron, following in (
        (given.schedule, "cron", plan.next_at),
        (given.check_schedule, "check_cron", plan.next_check_at),
    ):
        if kind == ScheduleKind.CRON and plan.state == PlanState.ACTIVE and following is None:
            raise InvalidInput(NOT_SAVED, fields={cron: "这个时刻永远不会到来"})


def _time(set_it: Callable[[], None], kind: str, at: str, cron: str) -> None:
    """Work a schedule out; what is wrong with it stands at its field."""
    try:
        set_it()
    except ValueError as error:
        field = cron if kind == ScheduleKind.CRON else at
        raise InvalidInput(NOT_SAVED, fields={field: str(error)}) from error


def _problems(plan: Plan, given: Settings, resource: PublishedResource) -> dict[str, str]:
    found: dict[str, str] = {}
    if not given.name.strip():
        found["name"] = "请填写名称"
    if given.mode not in Mode.values:
        found["mode"] = "请选择方式"
    elif given.mode in NEEDS_KEY and not resource.key:
        found["mode"] = "这个资源的目录没有主键，只能全量覆盖或只追加"
    if given.mode == Mode.INCREMENTAL and not given.cursor_column:
        found["cursor_column"] = "按游标增量要选定游标列"
    if given.cursor_column:
        found |= _cursor_problems(plan, given)
    if not 0 <= given.max_lost_percent <= 100:  # noqa: PLR2004 - percent
        found["max_lost_percent"] = "应在 0 到 100 之间"
    try:
        ZoneInfo(given.source_zone)
    except (ZoneInfoNotFoundError, ValueError):
        found["source_zone"] = "没有这个时区，如 Asia/Shanghai"
    return found


def _cursor_problems(plan: Plan, given: Settings) -> dict[str, str]:
    found: dict[str, str] = {}
    if given.cursor_column not in plan.mapping:
        found["cursor_column"] = "游标列要对应到一个数据项，迟到和对账才算得清"
    if given.cursor_kind not in CursorKind.values:
        found["cursor_kind"] = "请选择游标类型"
    if given.mode == Mode.INCREMENTAL and not plan.source.connector.windows:
        found["mode"] = "这类来源不能按条件读取，请改用按主键合并或快照比对"
    return found


def _without_cycle(plan: Plan, wanted: Iterable[Plan]) -> list[Plan]:
    """The predecessors, when none of them waits for the plan itself.

    Raises:
        InvalidInput: it would wait for itself.
    """
    chosen = list(wanted)
    seen, waiting = set(), [other.pk for other in chosen]
    while waiting:
        pk = waiting.pop()
        if pk == plan.pk:
            raise InvalidInput(NOT_SAVED, fields={"depends_on": "绕成了圈：前置任务又在等这个任务"})
        if pk not in seen:
            seen.add(pk)
            waiting += Plan.depends_on.through.objects.filter(from_plan_id=pk).values_list(
                "to_plan_id", flat=True
            )
    return chosen


def pause(*, actor: Actor, plan: Plan, reason: str) -> Plan:
    """Stop the schedule; a run under way comes to its end.

    Raises:
        InvalidInput: no reason. Conflict: it is paused already.
    """
    check(actor, runs.PERMISSION, plan)
    if not reason.strip():
        raise InvalidInput("任务没有暂停。", fields={"reason": "请写明原因"})
    if plan.state == PlanState.PAUSED:
        raise Conflict("任务已经暂停。")
    with unit_of_work():
        plan.state, plan.state_reason = PlanState.PAUSED, reason.strip()[:200]
        plan.next_at = plan.next_check_at = None
        plan.save(update_fields=["state", "state_reason", "next_at", "next_check_at"])
        record(actor=actor, action="collection.plan_paused", obj=plan, reason=reason)
    return plan


def resume(*, actor: Actor, plan: Plan) -> Plan:
    """Take the schedule up again, from now on.

    Raises:
        Conflict: it is not paused.
    """
    check(actor, runs.PERMISSION, plan)
    if plan.state != PlanState.PAUSED:
        raise Conflict("任务没有暂停。")
    with unit_of_work():
        plan.state, plan.state_reason = PlanState.ACTIVE, ""
        scheduling.set_next(plan, timezone.now())
        scheduling.set_next_check(plan, timezone.now())
        plan.save(update_fields=["state", "state_reason", "next_at", "next_check_at"])
        record(actor=actor, action="collection.plan_resumed", obj=plan)
    return plan


def set_high_water(*, actor: Actor, plan: Plan, value: str) -> Plan:
    """Begin the next run elsewhere; empty: from the very beginning.

    Raises:
        InvalidInput: it is no value of the cursor's kind.
    """
    check(actor, runs.PERMISSION, plan)
    value = value.strip()
    try:
        if value:
            parse(plan.cursor_kind, value)
    except CursorError as error:
        raise InvalidInput("没有改动。", fields={"value": str(error)}) from error
    with unit_of_work():
        before, plan.high_water = plan.high_water, value
        plan.save(update_fields=["high_water"])
        record(
            actor=actor, action="collection.high_water_set", obj=plan,
            before={"high_water": before}, after={"high_water": value},
        )  # fmt: skip
    return plan


def last_run(plan: Plan) -> Run | None:
    """The newest run of a plan."""
    return plan.runs.order_by("-created_at").first()


def _facts(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name, "object_name": plan.object_name, "mode": plan.get_mode_display(),
        "schedule": plan.get_schedule_display(), "check": plan.get_check_schedule_display(),
        "cursor_column": plan.cursor_column,
        "lag": plan.lag, "max_lost_percent": plan.max_lost_percent, "mapping": plan.mapping,
    }  # fmt: skip
