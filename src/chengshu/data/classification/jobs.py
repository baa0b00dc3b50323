"""Background work of the scan."""

from typing import Any

from chengshu.data.catalog.facade import list_published
from chengshu.data.classification import services
from chengshu.kernel.jobs.registration import JobContext, job

ROUND = 40


@job("classification.scan", name="分级扫描")
def scan_entries(context: JobContext, *, codes: list[str]) -> dict[str, Any]:
    """Scan the entries with these codes, one after the other; a repeat scans them again."""
    return _scan(context, codes)


@job("classification.catch_up", name="扫描有变化的数据", patient=True)
def catch_up(context: JobContext) -> dict[str, Any]:
    """Scan what changed since its last scan, at most :data:`ROUND` tables at a time."""
    codes = list(services.waiting().values_list("code", flat=True)[:ROUND])
    return _scan(context, codes)


def _scan(context: JobContext, codes: list[str]) -> dict[str, Any]:
    resources = list_published(codes=codes)
    counts = {"发现": 0, "未归集": 0}
    cells = 0
    for done, resource in enumerate(resources, 1):
        result = services.scan(resource)
        if result is None:
            counts["未归集"] += 1
        else:
            counts["发现"] += len(result.found)
            cells += result.looked_at * result.columns
        context.progress(done=done, total=len(resources), stage="扫描", counts=counts)
    return {"resources": len(resources), "findings": counts["发现"], "cells": cells}
