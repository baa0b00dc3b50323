"""Background work of the sharing package."""

from typing import Any

from chengshu.data.catalog.facade import published
from chengshu.data.sharing import calls
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import build_snapshot, publish_rules
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.jobs.registration import JobContext, job
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.snapshot_build import SnapshotBuildError


@job("sharing.build_snapshot", name="发布接口快照")
def snapshot(context: JobContext, *, interface: str) -> dict[str, Any]:
    """Build an interface's snapshot from the lake, then publish the rules that name it."""
    item = ShareInterface.objects.select_related("resource").get(code=interface)
    resource = published(item.resource.code)
    titles = {column.name: column.title for column in resource.columns}
    try:
        result = build_snapshot(
            interface=item, titles=titles, lake_table=resource.lake_table, context=context
        )
    except (ChengshuError, SnapshotBuildError) as error:
        if not item.snapshot:
            item.state = InterfaceState.FAILED
        item.error = str(error)
        item.save(update_fields=["state", "error"])
        raise error if isinstance(error, ChengshuError) else Conflict(str(error)) from error
    publish_rules()
    with unit_of_work():
        record(
            actor=platform("共享发布"), action="sharing.snapshot_published", obj=item, after=result
        )
    return result


@job("sharing.collect_calls", name="汇总共享调用")
def collect_calls(context: JobContext) -> dict[str, int]:
    """Take over all calls the gateway has audited."""
    total = 0
    while count := calls.collect():
        total += count
        context.progress(done=total)
    return {"calls": total}
