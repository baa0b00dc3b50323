"""Background work of access requests; may be run again from the start."""

from chengshu.data.sharing.requests import reminders
from chengshu.kernel.jobs.registration import JobContext, job


@job("sharing_requests.remind", name="共享申请提醒")
def remind(context: JobContext) -> dict[str, int]:
    """Remind whoever has to act, and tell the data bureau what is late."""
    del context
    return reminders.run()
