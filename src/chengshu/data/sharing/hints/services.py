"""Look for unusual and for refused calls, keep one clue per case, and let a person judge it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from chengshu.data.sharing import anomalies
from chengshu.data.sharing.calls import TABLE
from chengshu.data.sharing.hints.detection import (
    HOURS_A_DAY,
    HOURS_A_WEEK,
    RATIO,
    VOLUME,
    WEEKS,
    DayKeys,
    Finding,
    key_scanning,
    unusual_hours,
)
from chengshu.data.sharing.hints.models import CallHint, HintKind, HintState, Severity
from chengshu.data.sharing.models import Application, CallStatistic, ShareInterface
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


# Somebody may be helping himself to data, or trying to; the others are clumsy or busy more often than not.
_SEVERE = frozenset({
    HintKind.HOURS, HintKind.SCAN, HintKind.SLOWED, HintKind.GUESS, HintKind.LOCKED,
    HintKind.NETWORK, HintKind.TOKEN,
})  # fmt: skip
# A rush as people know it makes some times the usual calls; this much more is no rush.
_MANY_TIMES, _FEW = 4 * RATIO, 10


@dataclass(frozen=True, slots=True)
class Seen:
    """One finding of one day, whoever found it."""

    kind: str
    caller: str
    asked: str
    score: float
    evidence: dict[str, Any]

    @property
    def severity(self) -> Severity:
        """Severe: by what it is, or because it is so much."""
        hours = self.evidence.get("hours", []) if self.kind == VOLUME else []
        flood = any(h["calls"] >= _MANY_TIMES * max(h["usual"], _FEW) for h in hours)
        return Severity.SEVERE if flood or self.kind in _SEVERE else Severity.NORMAL


def look(day: date) -> int:
    """Compare one day's calls so far with the past; return how many new clues there are. May be repeated.

    The hour that is still running is left out.
    """
    known = set(Application.objects.values_list("code", flat=True))
    scans = [f for f in _by_keys(day) if f.application in known]
    tried = {f.application: f.evidence["misses"] for f in scans}
    loud = [f for f in _by_hours(day) if f.application in known and not _explained(f, tried)]
    found = [*loud, *scans]
    return _keep([Seen(f.kind, f.application, "", f.score, f.evidence) for f in found], day)


def _explained(finding: Finding, tried: dict[str, int]) -> bool:
    """Whether the calls that are too many are the tries of a scan, which are one case and not two."""
    more: float = sum(hour["calls"] - hour["usual"] for hour in finding.evidence["hours"])
    return more <= tried.get(finding.application, 0) * WORSE


def look_at_refusals(day: date) -> int:
    """Keep what the gateway refused too often on one day; return how many new clues there are. May be repeated."""
    seen = [
        Seen(a.kind, a.application, a.interface, float(a.calls),
             {"outcome": a.outcome, "refused": a.calls, "calls": a.of})
        for a in anomalies.of_day(day)
    ]  # fmt: skip
    return _keep(seen, day)


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
        "count(DISTINCT key_hash) FILTER (outcome = 'no_record') AS missing "
        "FROM calls WHERE called_at >= ? AND called_at < ? GROUP BY application",
        tables={"calls": TABLE}, params=[start, end],
    ).read_all()  # fmt: skip
    past = _past_misses(start)
    return {
        row["application"]: DayKeys(
            row["calls"], row["misses"], row["missing"], past.get(row["application"], ())
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


def _keep(seen: list[Seen], day: date) -> int:
    """Add each finding to the open clue of its case, or open one; how many are new."""
    applications = Application.objects.in_bulk({s.caller for s in seen}, field_name="code")
    interfaces = ShareInterface.objects.in_bulk({s.asked for s in seen}, field_name="code")
    return sum(
        _keep_one(item, day, applications.get(item.caller), interfaces.get(item.asked))
        for item in seen
    )


def _keep_one(
    seen: Seen, day: date, application: Application | None, interface: ShareInterface | None
) -> int:
    with unit_of_work():
        same = CallHint.objects.select_for_update().filter(
            caller=seen.caller, asked=seen.asked, kind=seen.kind
        )
        newest = same.order_by("-pk").first()
        if newest is not None and newest.state == HintState.OPEN:
            _extend(newest, seen, day)
            return 0
        if newest is not None and _judged_already(newest, seen, day):
            return 0
        item = CallHint.objects.create(
            caller=seen.caller, asked=seen.asked, application=application, interface=interface,
            kind=seen.kind, severity=seen.severity, first_day=day, last_day=day,
            score=seen.score, evidence={day.isoformat(): seen.evidence},
        )  # fmt: skip
        record(actor=platform("异常线索"), action="sharing_hints.found", obj=item)
        emit(
            type="city.sharing_hints.found", source="sharing_hints", subject=str(item.pk),
            data={"application": seen.caller, "kind": item.kind, "day": day.isoformat()},
        )  # fmt: skip
        _tell(item)
    return 1


def _extend(item: CallHint, seen: Seen, day: date) -> None:
    evidence = {**item.evidence, day.isoformat(): seen.evidence}
    item.evidence = dict(sorted(evidence.items())[-DAYS_KEPT:])
    item.first_day, item.last_day = min(item.first_day, day), max(item.last_day, day)
    item.score = max(item.score, seen.score)
    if seen.severity == Severity.SEVERE:
        item.severity = Severity.SEVERE
    item.save(update_fields=["evidence", "first_day", "last_day", "score", "severity"])
    _tell(item)


def _tell(item: CallHint) -> None:
    """A severe case reaches the bureau once, also when it became severe only later."""
    city = Organization.objects.filter(parent=None).order_by("pk").first()
    if item.severity == Severity.SEVERE and city is not None:
        notify(
            organization=city, permission=JUDGE, title=f"严重异常线索：{item}",
            body="请看依据，判断是否正常；需要时先暂停授权。", url=item.get_absolute_url(),
            key=f"hint:{item.pk}",
        )  # fmt: skip


def _judged_already(item: CallHint, seen: Seen, day: date) -> bool:
    if day <= item.last_day:
        return True
    return day - item.last_day <= SAME_CASE and seen.score <= item.score * WORSE


def judge(*, actor: Actor, hint: CallHint, state: str, reason: str) -> CallHint:
    """Say what a clue is: ``dismissed`` (all right) or ``handled``; with the reason, on record.

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
            raise Conflict("这条线索已有人判断过。", kept="没有变化。", advice="请刷新后再看。")
        item.state, item.reason = state, reason[:300]
        item.decided_by, item.decided_at = actor.account, timezone.now()
        item.save(update_fields=["state", "reason", "decided_by", "decided_at"])
        record(
            actor=actor, action=JUDGE, obj=item, reason=reason,
            before={"state": HintState.OPEN}, after={"state": state},
        )  # fmt: skip
        emit(
            type="city.sharing_hints.judged", source="sharing_hints", subject=str(item.pk),
            data={"application": item.caller, "kind": item.kind, "state": str(state)},
        )  # fmt: skip
    return item
