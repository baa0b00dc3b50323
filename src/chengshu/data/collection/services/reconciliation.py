# ruff: noqa: S608 - statements are built from catalogued names, quoted, and parameters
"""对账: the same rows in source and lake, period by period, tolerance zero.

First, where the source can, it counts and digests each period itself, and the lake does the same: the sums do
not depend on the order of rows. A period that differs is then read and compared key by key after the
catalogue's own normalisation: what only looks different (a blank, a full-width digit) is no difference, what the
catalogue refuses is named apart, and the rest is missing, extra or changed, with sampled keys.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from django.conf import settings
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.collection.choices import CheckState, CursorKind, Step
from chengshu.data.collection.models import CheckedPeriod, Plan, Reconciliation, Run
from chengshu.data.collection.services.runs import PERMISSION
from chengshu.data.collection.timing import periods
from chengshu.data.collection.windows import CursorError, parse
from chengshu.data.contract.facade import ColumnSpec, ColumnType, compile_contract, identifier
from chengshu.data.ingest import facade as sources
from chengshu.data.ingest.facade import (
    ReadingError,
    StageError,
    Window,
    duckdb_digest,
    loading,
    stage,
)
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs.models import FINISHED
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import LakeError

SAMPLES = 20
MOST_PERIODS = 240
FEW_DAYS = timedelta(days=45)
_MEMORY = "512MB"
_CHINA_MICROSECONDS = 8 * 3600 * 1_000_000
WHOLE = "全部"


@dataclass(frozen=True, slots=True)
class Period:
    """Rows with ``begin`` ≤ cursor < ``end``; None is no bound."""

    label: str
    begin: date | None = None
    end: date | None = None

    def source_window(self, plan: Plan) -> Window | None:
        """For the source."""
        if self.begin is None and self.end is None:
            return None
        return Window(
            column=plan.cursor_column, since=self.begin.isoformat() if self.begin else None,
            until=self.end.isoformat() if self.end else None, with_empty=self.begin is None,
        )  # fmt: skip


def url_of(item: Reconciliation) -> str:
    """Where its page is."""
    return f"/console/collection/checks/{item.pk}/"


def ask(*, actor: Actor, plan: Plan, slot: datetime | None = None) -> Reconciliation:
    """Queue a reconciliation of a plan.

    Raises:
        Conflict: one is under way.
    """
    check(actor, PERMISSION, plan)
    with unit_of_work():
        if plan.reconciliations.filter(state__in=(CheckState.QUEUED, CheckState.RUNNING)).exists():
            raise Conflict("这个任务正在对账。", advice="请等它结束。")
        item = Reconciliation.objects.create(plan=plan, created_by=actor.account, slot=slot)
        item.job = enqueue(
            "collection.check", actor=actor, title=f"对账：{plan.name}",
            arguments={"reconciliation_id": str(item.pk)}, organization=plan.resource.provider,
            object_url=url_of(item),
        )  # fmt: skip
        item.save(update_fields=["job"])
        record(actor=actor, action="collection.check_requested", obj=plan)
    return item


def after_run(run: Run) -> None:
    """Reconcile after a run, when its plan asks for it and none is under way."""
    busy = run.plan.reconciliations.filter(state__in=(CheckState.QUEUED, CheckState.RUNNING))
    if not busy.exists():
        ask(actor=platform("归集任务"), plan=run.plan)


def when_due(plan: Plan, slot: datetime) -> None:
    """Reconcile at a slot of the schedule, once, unless one is under way."""
    busy = plan.reconciliations.filter(state__in=(CheckState.QUEUED, CheckState.RUNNING))
    if not busy.exists() and not plan.reconciliations.filter(slot=slot).exists():
        ask(actor=platform("定时任务"), plan=plan, slot=slot)


def settle() -> int:
    """Close reconciliations whose job ended without them; returns how many."""
    rows = Reconciliation.objects.filter(
        state__in=(CheckState.QUEUED, CheckState.RUNNING), job__state__in=FINISHED
    ).select_related("plan__resource__provider", "job")
    count = 0
    for item in rows:
        words = (item.job.error if item.job else "") or "对账的任务没有完成。"
        item.state, item.message, item.finished_at = CheckState.FAILED, words, timezone.now()
        with unit_of_work():
            item.save(update_fields=["state", "message", "finished_at"])
            if item.slot is not None:
                _alarm(item, "定时对账没有对成", words)
        count += 1
    return count


def execute(context: JobContext, item: Reconciliation) -> dict[str, Any]:
    """Compare; a repeat starts over.

    Raises:
        Conflict: it could not be done; says why.
    """
    Reconciliation.objects.filter(pk=item.pk).update(state=CheckState.RUNNING)
    item.periods.all().delete()
    try:
        resource = published_by_id(item.plan.resource_id)
        found = list(_compared(context, item.plan, resource, item))
    except (ReadingError, StageError, LakeError, CursorError, ChengshuError, duckdb.Error) as error:
        words = getattr(error, "detail", "") or str(error)
        item.state, item.message, item.finished_at = CheckState.FAILED, words, timezone.now()
        with unit_of_work():
            item.save(update_fields=["state", "message", "finished_at"])
            if item.slot is not None:  # who asked by hand sees it on the page
                _alarm(item, "定时对账没有对成", words)
        raise Conflict(f"没有对成：{words}") from error
    return _finish(item, found)


def _finish(item: Reconciliation, found: list[CheckedPeriod]) -> dict[str, Any]:
    for name in ("source_rows", "lake_rows", "quarantined", "missing", "extra", "changed"):
        setattr(item, name, sum(getattr(one, name) for one in found))
    states = {one.state for one in found}
    worst = (CheckState.DIFFERENT, CheckState.EXPLAINED, CheckState.EQUAL)
    item.state = next((s for s in worst if s in states), CheckState.EQUAL)
    item.finished_at, item.message = timezone.now(), ""
    with unit_of_work():
        CheckedPeriod.objects.bulk_create(found)
        item.save()
        if item.state == CheckState.DIFFERENT:
            words = (
                f"来源 {item.source_rows:,} 行，湖里 {item.lake_rows:,} 行：湖里缺 {item.missing:,}、"
                f"多 {item.extra:,}、值不同 {item.changed:,}。"
            )
            emit(
                type="city.collection.reconciliation.differs", source="collection",
                subject=item.plan.resource.code,
                data={"id": str(item.pk), "plan": item.plan_id, "words": words},
                idempotency_key=f"check:{item.pk}",
            )  # fmt: skip
            again = _in_a_row(item)
            _alarm(item, "对账不一致" + (f"（连续 {again} 次）" if again > 1 else ""), words)
    return {"state": item.state, "source": item.source_rows, "lake": item.lake_rows}


def _in_a_row(item: Reconciliation) -> int:
    """How many reconciliations of the plan, up to this one, found a difference without one between that did not."""
    ended = item.plan.reconciliations.filter(finished_at__isnull=False)
    good = ended.filter(state__in=(CheckState.EQUAL, CheckState.EXPLAINED)).first()
    bad = ended.filter(state=CheckState.DIFFERENT)
    return (bad.filter(created_at__gt=good.created_at) if good else bad).count()


def _alarm(item: Reconciliation, what: str, words: str) -> None:
    notify(
        title=f"{what}：{item.plan.name}", body=words, url=url_of(item),
        organization=item.plan.resource.provider, permission=PERMISSION,
        key=f"collection-check:{item.pk}",
    )  # fmt: skip


def _compared(
    context: JobContext, plan: Plan, resource: PublishedResource, item: Reconciliation
) -> Iterator[CheckedPeriod]:
    if not loading.lake().exists(resource.lake_table):
        raise Conflict("湖里还没有这个资源的数据。", advice="请先归集一次。")
    pushed = plan.source.connector.windows
    parts = _periods(plan, resource) if pushed else [Period(WHOLE)]
    item.method = "来源方计数与校验和，相差的时段逐行比对" if pushed else "逐行比对"
    for number, period in enumerate(parts):
        context.progress(done=number, total=len(parts), stage=f"核对 {period.label}")
        one = CheckedPeriod(reconciliation=item, label=period.label, state=CheckState.EQUAL)
        if not (pushed and _sums_agree(plan, resource, period, one)):
            _compare_rows(plan, resource, period, one)
        yield one


def _periods(plan: Plan, resource: PublishedResource) -> list[Period]:
    """Calendar months (days when there are few) from the first row of the lake to the last of either side."""
    item = plan.mapping.get(plan.cursor_column, "")
    if plan.cursor_kind not in (CursorKind.DATE, CursorKind.DATETIME) or not item:
        return [Period(WHOLE)]
    name = identifier(item)
    low, high = _row(resource, f"SELECT min({name}) AS a, max({name}) AS b FROM t", []).values()
    first, last = _day(low, plan), _day(high, plan)
    top = sources.highest(plan.source, plan.object_name, plan.cursor_column)
    if top:
        last = max(last or date.min, _day(parse(plan.cursor_kind, top), plan) or date.min)
    if first is None or last is None:
        return [Period(WHOLE)]
    step = Step.DAY if last - first < FEW_DAYS else Step.MONTH
    spans = periods(first, last, step)[-MOST_PERIODS:]
    found = []
    for number, (begin, end) in enumerate(spans):
        label = f"{begin:%Y-%m}" if step == Step.MONTH else begin.isoformat()
        # The outer periods are open, so that no row of either side falls between.
        found.append(
            Period(label, begin if number else None, end if number < len(spans) - 1 else None)
        )
    return found


def _day(value: Any, plan: Plan) -> date | None:
    if isinstance(value, datetime):
        zone = ZoneInfo(plan.source_zone)
        return (value if value.tzinfo is None else value.astimezone(zone)).date()
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value if isinstance(value, date) else None


def _condition(plan: Plan, resource: PublishedResource, period: Period) -> tuple[str, list[Any]]:
    """The lake's side of a period."""
    if period.begin is None and period.end is None:
        return "true", []
    column = resource.column(plan.mapping[plan.cursor_column])
    name, zone = identifier(column.name), ZoneInfo(plan.source_zone)

    def value(day: date) -> Any:
        if column.type is ColumnType.DATETIME:
            return datetime.combine(day, time.min, tzinfo=zone)
        return day if column.type is ColumnType.DATE else day.isoformat()

    parts, values = [], []
    if period.begin is not None:
        parts.append(f"{name} >= ?")
        values.append(value(period.begin))
    if period.end is not None:
        parts.append(f"{name} < ?")
        values.append(value(period.end))
    inside = " AND ".join(parts)
    return (f"({inside}) OR {name} IS NULL" if period.begin is None else inside), values


def _row(resource: PublishedResource, query: str, params: list[Any]) -> dict[str, Any]:
    found = loading.lake().sql(query, tables={"t": resource.lake_table}, params=params)
    row: dict[str, Any] = found.read_all().to_pylist()[0]
    return row


def _sums_agree(
    plan: Plan, resource: PublishedResource, period: Period, one: CheckedPeriod
) -> bool:
    """Count and digest on both sides, in plain columns; notes them. False: look closer."""
    known = set(loading.lake().schema(resource.lake_table).names)
    pairs = [(source, item) for source, item in plan.mapping.items() if item in known]
    there = sources.checksum(
        plan.source, plan.object_name, [source for source, _ in pairs], period.source_window(plan)
    )
    where, values = _condition(plan, resource, period)
    cells = [_as_source_writes(resource.column(item)) for _, item in pairs]
    here = _row(
        resource,
        f"SELECT count(*) AS n, {duckdb_digest(cells)} AS d FROM t WHERE {where}",
        values,
    )
    one.source_rows, one.source_sum = there.rows, str(there.digest)
    one.lake_rows, one.lake_sum = int(here["n"]), str(here["d"])
    return (one.source_rows, one.source_sum) == (one.lake_rows, one.lake_sum)


def _as_source_writes(column: ColumnSpec) -> str:
    """The text a database gives for a value; where it writes it otherwise, the rows are compared instead."""
    name = identifier(column.name)
    if column.type is ColumnType.DATETIME:
        return f"CAST(make_timestamp(epoch_us({name}) + {_CHINA_MICROSECONDS}) AS VARCHAR)"
    return f"CAST({name} AS VARCHAR)"


def _compare_rows(
    plan: Plan, resource: PublishedResource, period: Period, one: CheckedPeriod
) -> None:
    """Read the period from the source, normalise it as a load would, and compare it with the lake by key."""
    base = Path(settings.DATA_DIR) / "checks"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=base))
    try:
        contract = compile_contract(resource.contract)
        window = period.source_window(plan)
        given = {"cursor_column": plan.cursor_column, "since": window.since, "until": window.until,
                 "with_empty": window.with_empty} if window else {}  # fmt: skip
        rows = sources.read(plan.source, plan.object_name, plan.mapping, **given)  # type: ignore[arg-type]
        staged = stage(rows, contract, folder / "stage")
        one.source_rows, one.quarantined = staged.source, staged.quarantined
        known = set(loading.lake().schema(resource.lake_table).names)
        names = [i for i in plan.mapping.values() if i in known]
        where, values = _condition(plan, resource, period)
        lake_rows = loading.lake().read(
            resource.lake_table, columns=names, where=where, params=values
        )
        with duckdb.connect(
            config={"memory_limit": _MEMORY, "threads": 2, "temp_directory": str(folder / "spill")}
        ) as session:
            session.execute("SET TimeZone = 'UTC'")
            session.register("source_rows", staged.reader(names))
            session.execute("CREATE TABLE s AS SELECT * FROM source_rows")
            session.register("lake_rows", lake_rows)
            session.execute("CREATE TABLE l AS SELECT * FROM lake_rows")
            _count_differences(session, resource, names, one, staged.duplicates)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _count_differences(
    session: duckdb.DuckDBPyConnection,
    resource: PublishedResource,
    names: list[str],
    one: CheckedPeriod,
    duplicates: int,
) -> None:
    def number(query: str) -> int:
        return int(session.execute(query).fetchall()[0][0])

    one.lake_rows = number("SELECT count(*) FROM l")
    listed = ", ".join(map(identifier, names))
    key = list(resource.key)
    if key:
        same = " AND ".join(f"s.{identifier(k)} = l.{identifier(k)}" for k in key)
        differs = " OR ".join(
            f"s.{identifier(n)} IS DISTINCT FROM l.{identifier(n)}" for n in names if n not in key
        ) or "false"  # fmt: skip
        queries = {
            "missing": f"SELECT s.* FROM s ANTI JOIN l ON {same}",
            "extra": f"SELECT l.* FROM l ANTI JOIN s ON {same}",
            "changed": f"SELECT s.* FROM s JOIN l ON {same} WHERE {differs}",
        }
    else:
        key = names[:3]
        queries = {
            "missing": f"SELECT {listed} FROM s EXCEPT ALL SELECT {listed} FROM l",
            "extra": f"SELECT {listed} FROM l EXCEPT ALL SELECT {listed} FROM s",
        }
    shown = ", ".join(f"CAST({identifier(k)} AS VARCHAR)" for k in key)
    for kind, query in queries.items():
        count = number(f"SELECT count(*) FROM ({query})")
        setattr(one, kind, count)
        if count:
            rows = session.execute(
                f"SELECT {shown} FROM ({query}) ORDER BY ALL LIMIT {SAMPLES}"
            ).fetchall()
            one.samples += [{"kind": kind, "key": [str(v) for v in row]} for row in rows]
    if one.missing or one.extra or one.changed:
        one.state = CheckState.DIFFERENT
    elif one.quarantined:
        one.state = CheckState.EXPLAINED
    # Rows that repeat another one whole are no difference: the lake keeps each of them once.
    one.source_rows -= duplicates
