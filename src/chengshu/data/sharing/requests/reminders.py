"""The daily round: a reminder before and on the last day, then every working day the holder and the data bureau.

Runs on working days only: nobody is late on a Sunday. Safe to repeat: every notice has a key for its day.
"""

from collections import Counter
from datetime import datetime

from django.utils import timezone

from chengshu.data.sharing.requests import clock
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.flow import HOLDERS, OPEN, REVIEW, Holder
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.trace import city_of, leave, tell_holder
from chengshu.kernel.access.actor import platform
from chengshu.kernel.calendar.deadlines import overdue, working_days_left
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import is_working_day, local_date
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

CLOCKMAN = platform("共享申请计时")
_RELATED = ("application", "interface", "provider", "applicant")


def run(now: datetime | None = None) -> dict[str, int]:
    """One round; returns how many requests were reminded of and how many are late."""
    moment, table = now or timezone.now(), stored_table()
    done: Counter[str] = Counter(reminded=0, late=0)
    today = local_date(moment)
    if not is_working_day(today, table=table):
        return dict(done)
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
