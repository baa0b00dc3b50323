"""Background work of the index of look-ups; may be run again from the start."""

from chengshu.data.sharing.uses import index
from chengshu.kernel.jobs.registration import JobContext, job


@job("sharing_uses.index", name="更新数据使用记录")
def update(context: JobContext) -> dict[str, int]:
    """Take over all calls that are new in the gateway's trail."""
    total = 0
    while count := index.collect():
        total += count
        context.progress(done=total)
    return {"calls": total}
