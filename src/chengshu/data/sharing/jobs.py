"""Background work of the sharing package."""

from typing import Any

from chengshu.data.sharing import calls, exporting, key_reminders, verification
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import publish_rules
from chengshu.data.sharing.services.applications import changed
from chengshu.data.sharing.snapshots import build_snapshot
from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.jobs.registration import JobContext, job
from chengshu.kernel.unit_of_work import unit_of_work


@job("sharing.build_snapshot", name="发布接口快照")
def snapshot(context: JobContext, *, interface: str) -> dict[str, Any]:
    """Build an interface's snapshot from the lake, then publish the rules that name it."""
    item = ShareInterface.objects.select_related("resource").get(code=interface)
    try:
        result = build_snapshot(interface=item, context=context)
    except ChengshuError as error:
        note_failure(item, error)
        raise
    context.progress(stage="更新网关规则", force=True)
    publish_rules()
    with unit_of_work():
        record(
            actor=platform("共享发布"), action="sharing.snapshot_published", obj=item, after=result
        )
        changed("interface.published", item.code)
    return result


def note_failure(item: ShareInterface, error: ChengshuError) -> None:
    """Say on the interface why its snapshot was not built; one that has a snapshot stays as it is."""
    with unit_of_work():
        locked = ShareInterface.objects.select_for_update().get(pk=item.pk)
        if not locked.snapshot and locked.state != InterfaceState.WANTED:
            locked.state = InterfaceState.FAILED
        locked.error = error.detail
        locked.save(update_fields=["state", "error"])


@job("sharing.collect_calls", name="汇总共享调用")
def collect_calls(context: JobContext) -> dict[str, int]:
    """Take over all calls the gateway has audited."""
    total = 0
    while count := calls.collect():
        total += count
        context.progress(done=total)
    return {"calls": total}


@job("sharing.compact_calls", name="整理调用明细")
def compact_calls(context: JobContext) -> dict[str, int]:
    """Keep the table of calls in few files: one is added every minute."""
    context.progress(stage="合并小文件", force=True)
    before, after = calls.compact()
    return {"files_before": before, "files_after": after}


@job("sharing.answer_exports", name="生成批量导出")
def answer_exports(context: JobContext) -> dict[str, int]:
    """Make the files that applications asked for, remove those whose time is over."""
    return exporting.answer_all(context)


@job("sharing.remind_keys", name="提醒到期的密钥和证书")
def remind_keys(_context: JobContext) -> dict[str, int]:
    """Tell departments of keys and certificates that end soon."""
    return {"told": key_reminders.run()}


@job("sharing.verify_calls", name="核验共享调用留痕")
def verify_calls(context: JobContext) -> dict[str, Any]:
    """Prove the gateway's trail against itself and against the checkpoints kept in the database."""
    context.progress(stage="核验调用记录", force=True)
    return verification.verify_trail()
