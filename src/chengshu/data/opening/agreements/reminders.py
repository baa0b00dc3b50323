"""The daily round on working days: whoever has to answer an application hears of it when its term ends and is over."""

from datetime import datetime

from django.utils import timezone

from chengshu.data.opening.agreements.models import AccessState, RestrictedAccess
from chengshu.data.opening.agreements.services import PERMISSION
from chengshu.kernel.calendar.deadlines import overdue, working_days_left
from chengshu.kernel.calendar.tables import stored_table
from chengshu.kernel.calendar.working_days import is_working_day, local_date
from chengshu.kernel.notices.services import notify

SOON = 1


def run(now: datetime | None = None) -> dict[str, int]:
    """One round; safe to repeat, every notice has a key for its day."""
    moment, table = now or timezone.now(), stored_table()
    done = {"reminded": 0, "late": 0}
    today = local_date(moment)
    if not is_working_day(today, table=table):
        return done
    waiting = RestrictedAccess.objects.filter(state=AccessState.WAITING)
    for item in waiting.select_related("dataset__resource__provider", "account"):
        late = overdue(item.due_at, moment)
        left = working_days_left(item.due_at, moment, table=table)
        if not late and left > SOON:
            continue
        words = f"已超期 {max(1, -left)} 个工作日" if late else f"还剩 {left} 个工作日"
        told = notify(
            organization=item.dataset.resource.provider, permission=PERMISSION,
            title=f"受限开放申请{words}：{item.dataset.title}", body=f"{item.accepted_by}在等答复。",
            url=item.get_absolute_url(), key=f"opening.access:{item.pk}:{today}",
        )  # fmt: skip
        done["late" if late else "reminded"] += bool(told)
    return done
