"""The daily round: a reminder before and on the last day, then every working day the holder and the data bureau.

Grants near the end of their term are told of too, to the department that uses them, with the way to a filled-in
renewal: once as many days before as the policy says, and once in the last week. Whoever asked already is left in peace.

Runs on working days only: nobody is late on a Sunday. Safe to repeat: every notice has a key for its day.
"""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.choices import ApplicationState, GrantState
from chengshu.data.sharing.models import Grant
from chengshu.data.sharing.requests import clock
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import APPLY, HOLDERS, OPEN, REVIEW, Holder
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.trace import city_of, leave, tell_holder
from chengshu.kernel.access.actor import platform
from chengshu.kernel.calendar.deadlines import overdue, working_days_left
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import is_working_day, local_date
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

LAST_WEEK = 7
CLOCKMAN = platform("共享申请计时")
_RELATED = ("application", "interface", "provider", "applicant")


def run(now: datetime | None = None) -> dict[str, int]:
    """One round; returns how many requests were reminded of and how many are late."""
    moment, table = now or timezone.now(), stored_table()
    done: Counter[str] = Counter(reminded=0, late=0, ending=0)
    today = local_date(moment)
    if not is_working_day(today, table=table):
        return dict(done)
    done["ending"] = sum(_ending(item, moment) for item in _near_end(moment))
    soon = clock.policy().remind_days
    rows = AccessRequest.objects.filter(state__in=OPEN)
    for pk in list(rows.values_list("pk", flat=True)):
        with unit_of_work():
            locked = AccessRequest.objects.select_for_update(of=("self",))
            item = locked.select_related(*_RELATED).get(pk=pk)
            if item.due_at is None:
                continue
            left = working_days_left(item.due_at, moment, table=table)
            if overdue(item.due_at, moment):
                done["late"] += _late(item, max(1, -left), f"late:{today}")
            elif left <= soon:
                words = f"还剩 {left} 个工作日" if left else "今天到期"
                done["reminded"] += bool(_remind(item, words, f"soon:{today}"))
    return dict(done)


def _near_end(moment: datetime) -> QuerySet[Grant]:
    horizon = moment + timedelta(days=clock.policy().renew_days)
    asking = AccessRequest.objects.filter(amends=OuterRef("pk"), state__in=OPEN)
    return (
        Grant.objects.filter(
            state=GrantState.ACTIVE, valid_until__gt=moment, valid_until__lte=horizon,
            application__state=ApplicationState.ACTIVE,
        )
        .exclude(Exists(asking))
        .select_related("application__owner", "interface")
    )  # fmt: skip


def _ending(item: Grant, moment: datetime) -> int:
    assert item.valid_until is not None
    last = local_date(item.valid_until)
    days = (last - local_date(moment)).days
    stage = "week" if days <= LAST_WEEK else "soon"
    return bool(notify(
        organization=item.application.owner, permission=APPLY,
        title=f"{item.application}的“{item.interface}”授权还有 {days} 天到期",
        body=f"{last} 当天结束时失效。点开就是填好的续期申请，核对后提交；不再用就不必理会。",
        url=f"{reverse('sharing_requests:change', args=[item.pk])}?renew=1",
        key=f"grant-term:{item.pk}:{last}:{stage}",
    ))  # fmt: skip


def _remind(item: AccessRequest, words: str, key: str) -> int:
    return tell_holder(
        item, title=f"共享申请 {item.number} {words}（{State(item.state).label}）",
        body=f"{item.application} → {item.interface}", key=f"access-request:{item.pk}:{key}",
    )  # fmt: skip


def _late(item: AccessRequest, days: int, key: str) -> bool:
    """The holder hears of it every working day, the data bureau too; the time line tells the first day of it."""
    words = f"已超期 {days} 个工作日"
    told = _remind(item, words, key)
    if HOLDERS[State(item.state)] is not Holder.BUREAU:
        told += notify(
            organization=city_of(item), permission=REVIEW,
            title=f"共享申请 {item.number} {words}（{item.provider.short}）",
            body=f"{item.application} → {item.interface}：{State(item.state).label}",
            url=item.get_absolute_url(), key=f"access-request:{item.pk}:{key}:bureau",
        )  # fmt: skip
    marked = item.history.first()
    if marked is not None and marked.action != "late":
        leave(
            actor=CLOCKMAN, item=item, action="late", before=State(item.state),
            reason=f"{State(item.state).label}{words}",
        )  # fmt: skip
    return bool(told)
