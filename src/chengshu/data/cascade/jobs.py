"""Background work of cascading; may be run again from the start."""

from chengshu.data.cascade import rounds
from chengshu.data.cascade.adapters import UpperError
from chengshu.data.cascade.choices import UNDER_WAY, PlatformState, Role
from chengshu.data.cascade.models import Outgoing, Platform
from chengshu.data.cascade.services import answering
from chengshu.data.cascade.services.platforms import conversation
from chengshu.kernel.jobs.registration import JobContext, job


@job("cascade.round", name="级联往来")
def run_round(context: JobContext) -> dict[str, int]:
    """One round with every platform in use."""
    answering.forget_nonces()
    total = {"started": rounds.start_due()}
    for platform in Platform.objects.filter(state=PlatformState.ACTIVE):
        context.progress(stage=platform.name)
        for key, count in rounds.run(platform).items():
            total[key] = total.get(key, 0) + count
    return total


@job("cascade.deliver", name="上报一批数据")
def deliver(context: JobContext, outgoing: int) -> dict[str, str]:
    """Build and send one delivery; what cannot be sent now is sent by a later round."""
    del context
    item = Outgoing.objects.select_related("plan__platform", "plan__resource__provider").get(
        pk=outgoing
    )
    platform = item.plan.platform
    if item.state in UNDER_WAY and platform.state == PlatformState.ACTIVE:
        try:
            upper = conversation(platform) if platform.role == Role.UPPER else None
        except UpperError as error:
            return {"state": item.state, "error": error.detail}
        rounds.send(item, upper)
    return {"state": item.state, "error": item.error}


@job("cascade.warn", name="级联回执提醒")
def warn(context: JobContext) -> int:
    """Warn of receipts that are late."""
    del context
    return rounds.warn_late()
