"""Look for unusual calls, keep one hint per case, and let a person judge it."""

from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from chengshu.data.sharing.calls import TABLE
from chengshu.data.sharing.hints.detection import (
    HOURS_A_DAY,
    HOURS_A_WEEK,
    WEEKS,
    DayKeys,
    Finding,
    key_scanning,
    unusual_hours,
)
from chengshu.data.sharing.hints.models import CallHint, HintState
from chengshu.data.sharing.models import Application, CallStatistic
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import Lake

JUDGE = "sharing_hints.judge"
HOUR = timedelta(hours=1)
# A judged case that goes on is the same case, unless it has become half as large again.
SAME_CASE, WORSE = timedelta(days=7), 1.5
DAYS_KEPT, SHORTEST_REASON = 14, 4


def look(day: date) -> int:
    """Look at one day's calls so far; return how many new hints there are. May be repeated.

    The hour that is still running is left out.
    """
    found = [*_by_hours(day), *_by_keys(day)]
    known = {a.code: a for a in Application.objects.all()}
    new = 0
    for finding in found:
        application = known.get(finding.application)
        if application is not None:
            new += _keep(application, finding, day)
    return new


def _start(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def hour_number(moment: datetime) -> int:
    """Whole hours since 1970 in the city's time, so that a day and a week begin where people say they do."""
    local = timezone.localtime(moment)
    return local.toordinal() * HOURS_A_DAY + local.hour


def _by_hours(day: date) -> list[Finding]:
    start = _start(day)
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    until = min(start + timedelta(days=1), now)
    rows = CallStatistic.objects.filter(hour__gte=start - timedelta(weeks=WEEKS), hour__lt=until)
    series: dict[str, dict[int, int]] = {}
    for row in rows.order_by().values("application", "hour").annotate(total=Sum("calls")):
        own = series.setdefault(row["application"], {})
        own[hour_number(row["hour"])] = own.get(hour_number(row["hour"]), 0) + row["total"]
    oldest = CallStatistic.objects.order_by("hour").values_list("hour", flat=True).first()
    first, begin = hour_number(oldest or start), hour_number(start)
    first = max(first, begin - HOURS_A_WEEK * WEEKS)
    return [
        finding
        for application, own in series.items()
        for finding in unusual_hours(application, own, first, begin)
    ]


def _by_keys(day: date) -> list[Finding]:
    start = _start(day)
    return [
        finding
        for application, keys in keys_of_day(start, start + timedelta(days=1)).items()
        for finding in key_scanning(application, keys)
    ]


def keys_of_day(start: datetime, end: datetime) -> dict[str, DayKeys]:
    """Calls, misses and different missing keys by application, from the call table; past misses from the sums."""
    lake = Lake(settings.LAKE_ROOT)
    if not lake.exists(TABLE):
        return {}
    found = lake.sql(
        "SELECT application, "
        "count(*) FILTER (outcome IN ('ok', 'no_record')) AS calls, "
        "count(*) FILTER (outcome = 'no_record') AS misses, "
        "count(DISTINCT key_hash) FILTER (outcome = 'no_record') AS missing, "
        "count(*) FILTER (outcome = 'guess_limit') AS guesses "
        "FROM calls WHERE called_at >= ? AND called_at < ? GROUP BY application",
        tables={"calls": TABLE}, params=[start, end],
    ).read_all()  # fmt: skip
    past = _past_misses(start)
    return {
        row["application"]: DayKeys(
            row["calls"], row["misses"], row["missing"], row["guesses"],
            past.get(row["application"], ()),
        )
        for row in found.to_pylist()
    }  # fmt: skip


def _past_misses(start: datetime) -> dict[str, list[int]]:
    """Calls without record on the same day of the week in the weeks before, by application; zeros included."""
    oldest = CallStatistic.objects.order_by("hour").values_list("hour", flat=True).first()
    weeks = [start - timedelta(weeks=n) for n in range(1, WEEKS + 1)]
    weeks = [begin for begin in weeks if oldest is not None and begin >= oldest]
    sums: dict[str, dict[datetime, int]] = {}
    for begin in weeks:
        rows = CallStatistic.objects.filter(
            hour__gte=begin, hour__lt=begin + timedelta(days=1), outcome="no_record"
        )
        for row in rows.order_by().values("application").annotate(total=Sum("calls")):
            sums.setdefault(row["application"], {})[begin] = row["total"]
    everybody = Application.objects.values_list("code", flat=True)
    return {code: [sums.get(code, {}).get(begin, 0) for begin in weeks] for code in everybody}


def _keep(application: Application, finding: Finding, day: date) -> int:
    """Add to the open hint of the case, or open one; 1 when it is new."""
    with unit_of_work():
        same = CallHint.objects.select_for_update().filter(
            application=application, kind=finding.kind
        )
        newest = same.order_by("-pk").first()
        if newest is not None and newest.state == HintState.OPEN:
            _extend(newest, finding, day)
            return 0
        if newest is not None and _judged_already(newest, finding, day):
            return 0
        item = CallHint.objects.create(
            application=application, kind=finding.kind, first_day=day, last_day=day,
            score=finding.score, evidence={day.isoformat(): finding.evidence},
        )  # fmt: skip
        record(actor=platform("异常提示"), action="sharing_hints.found", obj=item)
        emit(
            type="city.sharing_hints.found", source="sharing_hints", subject=str(item.pk),
            data={"application": application.code, "kind": item.kind, "day": day.isoformat()},
        )  # fmt: skip
        city = Organization.objects.filter(parent=None).order_by("pk").first()
        if city is not None:
            notify(
                organization=city, permission=JUDGE, title=f"调用异常提示：{item}",
                body="请看依据，判断是否正常。", url=item.get_absolute_url(), key=f"hint:{item.pk}",
            )  # fmt: skip
    return 1


def _extend(item: CallHint, finding: Finding, day: date) -> None:
    evidence = {**item.evidence, day.isoformat(): finding.evidence}
    item.evidence = dict(sorted(evidence.items())[-DAYS_KEPT:])
    item.first_day, item.last_day = min(item.first_day, day), max(item.last_day, day)
    item.score = max(item.score, finding.score)
    item.save(update_fields=["evidence", "first_day", "last_day", "score"])


def _judged_already(item: CallHint, finding: Finding, day: date) -> bool:
    if day <= item.last_day:
        return True
    return day - item.last_day <= SAME_CASE and finding.score <= item.score * WORSE


def judge(*, actor: Actor, hint: CallHint, state: str, reason: str) -> CallHint:
    """Say what a hint is: ``dismissed`` (all right) or ``handled``; with the reason, on record.

    Raises:
        NotAllowed: no right over the whole city. InvalidInput: no reason. Conflict: somebody else has judged it.
    """
    check(actor, JUDGE, hint)
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON:
        text = "请写明依据什么这样判断"
        raise InvalidInput(text + "。", kept="没有变化。", fields={"reason": text})
    if state not in (HintState.DISMISSED, HintState.HANDLED):
        raise InvalidInput("请选“属正常”或“已处置”。", kept="没有变化。")
    with unit_of_work():
        item = CallHint.objects.select_for_update().get(pk=hint.pk)
        if item.state != HintState.OPEN:
            raise Conflict("这条提示已有人判断过。", kept="没有变化。", advice="请刷新后再看。")
        item.state, item.reason = state, reason[:300]
        item.decided_by, item.decided_at = actor.account, timezone.now()
        item.save(update_fields=["state", "reason", "decided_by", "decided_at"])
        record(
            actor=actor, action=JUDGE, obj=item, reason=reason,
            before={"state": HintState.OPEN}, after={"state": state},
        )  # fmt: skip
        emit(
            type="city.sharing_hints.judged", source="sharing_hints", subject=str(item.pk),
            data={"application": item.application.code, "kind": item.kind, "state": str(state)},
        )  # fmt: skip
    return item
