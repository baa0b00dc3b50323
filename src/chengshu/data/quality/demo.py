"""Evaluates the demo city for real: references, rules the data suggest, one evaluation of every table."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from chengshu.data.catalog.facade import Resource
from chengshu.data.quality import sources
from chengshu.data.quality.engine.spelling import reference_tables
from chengshu.data.quality.models import Evaluation, Rule
from chengshu.data.quality.policy import policy
from chengshu.data.quality.services import days, evaluation
from chengshu.data.quality.services.references import build_references
from chengshu.data.quality.services.rules import accept_all, suggested_in
from chengshu.kernel.access.actor import platform

WORKERS = 2
ACTOR = "演示数据"


def load(context: Any) -> None:
    """Evaluate every collected resource once; what was evaluated before is left alone."""
    done = set(Evaluation.objects.filter(latest=True).values_list("resource", flat=True))
    resources = [r for r in sources.collected_resources() if r.id not in done]
    if not resources:
        return
    build_references()
    ids = [resource.id for resource in resources]
    # Threads: the engine works outside the interpreter's lock, and a fork would break the lake's runtime.
    with ThreadPoolExecutor(WORKERS) as pool:
        found = sum(pool.map(_part, [ids[n::WORKERS] for n in range(WORKERS)]))
    days.renew_days({resource.provider_id for resource in resources}, policy())
    context.say(f"  质量：从数据发现并采纳规则 {found} 条，评价资源 {len(ids)} 个")


def _part(ids: list[int]) -> int:
    try:
        found = _accept(ids)
        evaluation.evaluate(resource_ids=ids)
    finally:
        connections.close_all()
    return found


def _accept(ids: list[int]) -> int:
    """The data bureau takes what the data suggest, as a person would on the rules page."""
    lake, actor, accepted = sources.lake(), platform(ACTOR), 0
    known = set(Rule.objects.filter(resource__in=ids).values_list("resource", flat=True))
    resources = [r for r in sources.collected_resources(ids) if r.id not in known]
    entries = Resource.objects.in_bulk([r.id for r in resources])
    for start in range(0, len(resources), evaluation.GROUP):
        group = resources[start : start + evaluation.GROUP]
        tables = [*(r.lake_table for r in group), *reference_tables()]
        places = {table: f"s{n}" for n, table in enumerate(tables)}
        with lake.session({name: table for table, name in places.items()}) as session:
            offers = [(r, suggested_in(session, places, r, ())) for r in group]
        for resource, offered in offers:
            entry = entries[resource.id]
            accepted += len(accept_all(actor=actor, resource=entry, chosen=offered))
    return accepted
