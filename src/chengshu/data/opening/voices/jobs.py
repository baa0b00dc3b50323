"""Background work; may be run again from the start."""

from chengshu.data.opening.voices import reminders
from chengshu.kernel.jobs.registration import JobContext, job


@job("opening_voices.remind", name="公众来信提醒")
def remind(context: JobContext) -> dict[str, int]:
    """Remind whoever has to answer the public."""
    del context
    return reminders.run()
