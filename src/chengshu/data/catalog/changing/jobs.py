"""Background work of changes."""

from django.utils import timezone

from chengshu.data.catalog.services import lifecycle
from chengshu.kernel.access.actor import platform
from chengshu.kernel.calendar.working_days import local_date
from chengshu.kernel.jobs.registration import JobContext, job


@job("catalog.retire_due", name="按期撤销目录")
def retire_due(context: JobContext) -> dict[str, int]:
    """Retire the entries whose day has come; repeating it finds nothing left to do."""
    context.progress(stage="查找到期的撤销安排")
    done = lifecycle.retire_due(actor=platform("目录管理"), today=local_date(timezone.now()))
    return {"retired": done}
