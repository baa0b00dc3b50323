"""What the worker does for processes: it serves timers the moment they are due."""

from chengshu.kernel.jobs.registration import every_moment
from chengshu.kernel.process import timers


@every_moment("process.timers")
def serve_timers() -> int:
    """Serve timer events, warnings, overdue notes and escalations that are due."""
    return timers.serve_due()
