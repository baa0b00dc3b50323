"""Background work of the catalogue."""

from typing import Any

from chengshu.data.catalog.services.due import renew_due
from chengshu.kernel.jobs.registration import JobContext, job
from chengshu.kernel.unit_of_work import unit_of_work


@job("catalog.renew_due", name="更新时限重算")
def renew_all(context: JobContext) -> dict[str, Any]:
    """Compute all due dates anew: a holiday may have been entered, or an event lost."""
    context.progress(done=0, stage="计算更新时限")
    with unit_of_work():
        changed = renew_due()
    return {"changed": changed}
