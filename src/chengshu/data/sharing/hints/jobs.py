"""Background work of the clues; may be run again from the start."""

from datetime import timedelta

from django.utils import timezone

from chengshu.data.sharing.hints import services
from chengshu.kernel.jobs.registration import JobContext, job


@job("sharing_hints.look", name="查看调用有无异常")
def look(context: JobContext) -> dict[str, int]:
    """Look at yesterday, which is complete by now, and at today so far."""
    del context
    today = timezone.localdate()
    return {"new": services.look(today - timedelta(days=1)) + services.look(today)}


@job("sharing_hints.refusals", name="查看被网关拒绝的调用")
def refusals(context: JobContext) -> dict[str, int]:
    """As :func:`look`, of what the gateway refused: cheap, and nothing to wait an hour with."""
    del context
    days = (timezone.localdate() - timedelta(days=1), timezone.localdate())
    return {"new": sum(map(services.look_at_refusals, days))}
