"""The daily round on working days: whoever has to answer hears of it on the last day and when it is late."""

from datetime import datetime

from django.utils import timezone

from chengshu.data.opening.voices.choices import VoiceState
from chengshu.data.opening.voices.models import Voice
from chengshu.data.opening.voices.services import PERMISSION
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
    for item in Voice.objects.filter(state=VoiceState.WAITING).select_related(
        "department", "owner"
    ):
        left, late = (
            working_days_left(item.due_at, moment, table=table),
            overdue(item.due_at, moment),
        )
        if not late and left > SOON:
            continue
        words = f"已超期 {max(1, -left)} 个工作日" if late else f"还剩 {left} 个工作日"
        told = notify(
            organization=item.department, permission=PERMISSION, title=f"{item} {words}",
            body="公众在等答复。", url=item.get_absolute_url(), key=f"opening.voice:{item.pk}:{today}",
        )  # fmt: skip
        done["late" if late else "reminded"] += bool(told)
    return done
