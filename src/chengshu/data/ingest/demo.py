"""Collects the demo city's deliveries through the real path: stage, merge, balance, audit."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pyarrow as pa
from django.db import connections

from chengshu.data.catalog.facade import PublishedResource, list_published
from chengshu.data.ingest import loading
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.demo_tickets import open_demo_tickets
from chengshu.data.ingest.models import Batch, Collected
from chengshu.data.ingest.reading import RowBatch
from chengshu.data.ingest.reading.rows import ROW_COLUMN
from chengshu.kernel.access.actor import platform
from chengshu_demo import Scale, city, expected, rows

PROCESSES = 2


def load(context: Any) -> None:
    """Collect every entry's delivery once; entries loaded before are left alone."""
    # What a killed load left behind is not a delivery; its entry is collected anew below.
    for leftover in Batch.objects.filter(origin=Origin.DEMO).exclude(state=BatchState.LOADED):
        loading.discard(leftover)
        leftover.delete()
    known = {entry.key for entry in city().entries}
    done = set(
        Batch.objects.filter(origin=Origin.DEMO, state=BatchState.LOADED).values_list(
            "resource_id", flat=True
        )
    )
    scale: Scale = context.scale
    waiting = [
        (resource, scale)
        for resource in list_published()
        if resource.id not in done and resource.physical_name in known
    ]
    # Largest first, so that no process ends alone with the largest table.
    waiting.sort(key=lambda item: -expected(item[0].physical_name, scale).source)
    workers = min(PROCESSES, os.cpu_count() or 1)
    if len(waiting) > 1 and workers > 1:
        connections.close_all()
        # A connection is of the process that opened it, and is kept: closing SQLite's writes all of its log back.
        with ProcessPoolExecutor(
            workers, mp_context=get_context("fork"), initializer=connections.close_all
        ) as pool:
            loaded = sum(pool.map(_load_one, waiting, chunksize=1))
    else:
        loaded = sum(map(_load_one, waiting))
    total = sum(Collected.objects.values_list("rows", flat=True))
    opened = open_demo_tickets()
    context.say(
        f"  归集 {len(waiting)} 个资源，入库 {loaded:,} 条，湖中共 {total:,} 条；开出工单 {opened} 件"
    )


def _load_one(task: tuple[PublishedResource, Scale]) -> int:
    resource, scale = task
    key = resource.physical_name
    batch = Batch.objects.create(
        resource_id=resource.id, origin=Origin.DEMO, state=BatchState.RUNNING,
        options={"scale": scale, "entry": key},
    )  # fmt: skip
    loaded = loading.load(
        batch=batch, resource=resource, rows=numbered(rows(key, scale=scale)), context=None
    )
    loading.finish(batch=batch, resource=resource, loaded=loaded, actor=platform("演示数据"))
    return loaded.staged.accepted


def numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[RowBatch]:
    """Number the generator's rows from 1, as its ground truth does."""
    first = 1
    for batch in batches:
        numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
        first += batch.num_rows
        names = [ROW_COLUMN, *batch.schema.names]
        yield RowBatch(pa.RecordBatch.from_arrays([numbers, *batch.columns], names=names))
