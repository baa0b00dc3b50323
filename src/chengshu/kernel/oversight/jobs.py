"""Background work over the audit trail: signing checkpoints, proving the chain."""

from typing import Any

from chengshu.kernel.access.actor import platform
from chengshu.kernel.audit import services, trails
from chengshu.kernel.audit.models import AuditHead
from chengshu.kernel.audit.verification import verify
from chengshu.kernel.jobs.registration import JobContext, job
from chengshu.kernel.oversight import evidence
from chengshu.kernel.unit_of_work import unit_of_work


@job("audit.checkpoint", name="签署审计检查点")
def checkpoint(context: JobContext) -> dict[str, int]:
    """Sign the present end of the chain."""
    del context
    made = services.checkpoint()
    return {"seq": made.seq if made else 0}


@job("audit.anchor", name="签署留痕锚点")
def anchor(context: JobContext) -> dict[str, int]:
    """Sign where the trails of acts and of calls end now, for proof to third parties."""
    del context
    made = trails.anchor()
    return {"anchor": made.number if made else 0}


@job("audit.verify", name="校验审计链条")
def verify_chain(context: JobContext) -> dict[str, Any]:
    """Walk the chain and keep the report as the job's result; the finding itself is audited."""
    head = AuditHead.objects.filter(id=1).first()
    context.progress(total=head.seq if head else 0, stage="逐条核对")
    report = verify(progress=lambda done: context.progress(done=done))
    facts = {
        "records": report.records,
        "checkpoints": report.checkpoints,
        "problems": len(report.problems),
    }
    with unit_of_work():
        services.record(
            actor=platform("审计校验"), action="audit.verified", object_type="audit",
            object_name="审计链条", after=facts,
        )  # fmt: skip
    return {**facts, "head": report.head, "sentences": report.problems}


@job("audit.export_evidence", name="导出留痕")
def export_evidence(
    context: JobContext, *, since: str, until: str, application: str, reason: str
) -> dict[str, Any]:
    """Write a stretch of the trails for a third party."""
    context.progress(stage="抄录记录", force=True)
    return evidence.build(
        context.job, since=since, until=until, application=application, reason=reason,
        progress=lambda done: context.progress(done=done),
    )  # fmt: skip


@job("audit.check_evidence", name="核验导出的留痕", max_attempts=1)
def check_evidence(context: JobContext) -> dict[str, Any]:
    """Prove an export that somebody brought back."""
    context.progress(stage="逐条核对", force=True)
    return evidence.prove(context.job)


@job("audit.clear_evidence", name="删除过期的留痕导出")
def clear_evidence(_context: JobContext) -> dict[str, int]:
    """Remove exports whose time is over."""
    return {"removed": evidence.remove_expired()}
