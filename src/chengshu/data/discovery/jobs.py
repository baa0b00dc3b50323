"""Background work of discovery."""

from typing import Any

from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.discovery.choices import ProposalState
from chengshu.data.discovery.models import ItemCluster, Proposal, SourceBinding
from chengshu.data.discovery.services import drift, duplicates, figures, proposals
from chengshu.data.ingest.facade import Batch
from chengshu.kernel.errors import ChengshuError
from chengshu.kernel.jobs.registration import JobContext, job

STAMP_DIGITS = 16


@job("discovery.propose", name="生成目录建议")
def propose_entry(context: JobContext, *, proposal: str) -> dict[str, Any]:
    """Look at one table or file; a repeat starts over."""
    item = Proposal.objects.select_related("owner", "data_source", "file").get(pk=proposal)
    if item.state not in (ProposalState.QUEUED, ProposalState.RUNNING):
        return {"items": item.items}
    Proposal.objects.filter(pk=item.pk).update(state=ProposalState.RUNNING)
    context.progress(stage="读取样本", force=True)
    try:
        proposals.analyse(item)
    except ChengshuError as error:
        _failed(item, error.detail)
        raise
    except Exception as error:
        if context.job.attempts >= context.job.max_attempts:
            _failed(item, f"程序出错（{type(error).__name__}）。")
        raise
    context.progress(done=item.rows, total=item.rows, stage="已生成建议", force=True)
    return {"items": item.items, "rows": item.rows}


def _failed(item: Proposal, text: str) -> None:
    Proposal.objects.filter(pk=item.pk).update(
        state=ProposalState.FAILED, error=text[:500], updated_at=timezone.now()
    )


@job("discovery.watch", name="检查来源结构", patient=True)
def watch_sources(context: JobContext, *, resource: int | None = None) -> dict[str, int]:
    """Compare every bound source (or one entry's) with what was agreed."""
    rows = SourceBinding.objects.select_related("resource__provider", "data_source")
    if resource is not None:
        rows = rows.filter(resource=resource)
    bindings = list(rows)
    found = 0
    for done, binding in enumerate(bindings, 1):
        found += drift.watch(binding) is not None
        context.progress(
            done=done, total=len(bindings), stage="比对结构", counts={"findings": found}
        )
    return {"bindings": len(bindings), "findings": found}


@job("discovery.figures", name="统计批次数据", patient=True)
def take_figures(context: JobContext, *, batch: str) -> dict[str, int]:
    """Compare a loaded batch with the ones before."""
    item = Batch.objects.get(pk=batch)
    resource = published_by_id(item.resource_id)
    context.progress(stage="统计", force=True)
    found = figures.examine(
        batch=item, resource=resource, lake=duplicates.lake(), stamp=item.pk.hex[:STAMP_DIGITS]
    )
    return {"findings": int(found is not None)}


@job("discovery.duplicates", name="查找重复采集", patient=True)
def find_duplicates(context: JobContext) -> dict[str, int]:
    """Find items several departments collect, then compare those that have a lead source."""
    context.progress(stage="比对各部门数据项", force=True)
    found = duplicates.search_duplicates()
    context.progress(stage="与数源比对", force=True)
    differing = duplicates.count_conflicts(*ItemCluster.objects.filter(lead__isnull=False))
    return {"clusters": found, "differing": differing}


@job("discovery.conflicts", name="与数源比对")
def compare_with_lead(context: JobContext, *, cluster: int) -> dict[str, int]:
    """Compare the holders of one cluster with its lead source."""
    context.progress(stage="与数源比对", force=True)
    return {"differing": duplicates.count_conflicts(ItemCluster.objects.get(pk=cluster))}
