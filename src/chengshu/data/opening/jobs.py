"""Background work of opening."""

from typing import Any

from chengshu.data.opening import selectors
from chengshu.data.opening.models import OpenDataset, OpenInterface
from chengshu.data.opening.release.building import publish_release
from chengshu.data.opening.release.looking import look
from chengshu.data.opening.services import datasets, interfaces
from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.jobs.registration import JobContext, job


def _actor(context: JobContext) -> Actor:
    """Who asked for the job; the platform for renewals."""
    account = context.job.created_by
    if account is None:
        return platform("数据开放")
    return Actor(account=account, name=account.display_name or account.username)


@job("opening.publish", name="发布开放数据集")
def publish(context: JobContext, *, dataset: str) -> dict[str, Any]:
    """Build a dataset's next release and swap it in."""
    item = OpenDataset.objects.select_related("current", "resource").get(slug=dataset)
    return publish_release(
        dataset=item, actor=_actor(context), job_id=context.job.id, context=context
    )


@job("opening.look", name="检查开放数据集")
def look_at(context: JobContext, *, dataset: str) -> dict[str, Any]:
    """Look at what would be released, without publishing."""
    item = OpenDataset.objects.select_related("current", "resource").get(slug=dataset)
    found = look(dataset=item, job_id=context.job.id, context=context)
    return {"rows": found["rows"], "refused": len(found["cells"])}


@job("opening.recheck", name="复核已开放的数据集")
def recheck(context: JobContext) -> dict[str, int]:
    """Withdraw what the rules do not allow to be open (any more), even when its catalogue entry did not change."""
    withdrawn = 0
    for item in selectors.described_datasets():
        withdrawn += datasets.recheck(actor=_actor(context), dataset=item)
    return {"withdrawn": withdrawn}


@job("opening.publish_interface", name="发布开放接口")
def publish_interface(context: JobContext, *, interface: str) -> dict[str, Any]:
    """Copy an interface's newest data to the open zone."""
    item = OpenInterface.objects.select_related("resource").get(slug=interface)
    return interfaces.publish_interface(
        interface=item, actor=_actor(context), job_id=context.job.id, context=context
    )
