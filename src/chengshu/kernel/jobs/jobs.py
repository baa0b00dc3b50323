"""Background work of the jobs package itself."""

from chengshu.kernel.jobs import services
from chengshu.kernel.jobs.registration import JobContext, job


@job("jobs.purge", name="清理任务队列")
def purge(context: JobContext) -> dict[str, int]:
    """Remove finished queue entries that nobody needs any more."""
    del context
    return {"removed": services.purge()}
