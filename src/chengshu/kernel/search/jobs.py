"""Background work of the search package."""

from chengshu.kernel.jobs.registration import JobContext, job
from chengshu.kernel.search import services


@job("search.rebuild", name="重建检索索引")
def rebuild(context: JobContext) -> dict[str, int]:
    """Read everything the packages offer again; catches what an event missed."""
    context.progress(stage="读取各类对象")
    return services.rebuild()
