"""Background work; may be run again from the start."""

from chengshu.data.opening.agreements import reminders
from chengshu.kernel.jobs.registration import JobContext, job


@job("opening_agreements.remind", name="受限开放申请提醒")
def remind(context: JobContext) -> dict[str, int]:
    """Remind whoever has to answer an application."""
    del context
    return reminders.run()
