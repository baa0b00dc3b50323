"""Background work of the audit package."""

from chengshu.kernel.audit import services
from chengshu.kernel.jobs.registration import JobContext, job


@job("audit.checkpoint", name="签署审计检查点")
def checkpoint(context: JobContext) -> dict[str, int]:
    """Sign the present end of the chain."""
    del context
    made = services.checkpoint()
    return {"seq": made.seq if made else 0}
