"""Evaluates the demo city for real: references, rules the data suggest, one evaluation of every table."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import django

from chengshu.data.catalog.facade import PublishedResource, Resource
from chengshu.data.quality import sources
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
    build_references(sources.collected_resources() if done else resources)
    # For small tables most of the work is Python's, so threads would wait for each other; a fork would break the
    # lake's runtime. The initializer runs before anything of ours is imported.
    with ProcessPoolExecutor(
        WORKERS, mp_context=get_context("spawn"), initializer=django.setup
    ) as pool:
        found = sum(pool.map(_part, [resources[n::WORKERS] for n in range(WORKERS)]))
    days.renew_days({resource.provider_id for resource in resources}, policy())
    context.say(f"  质量：从数据发现并采纳规则 {found} 条，评价资源 {len(resources)} 个")


def _part(resources: Sequence[PublishedResource]) -> int:
    accepting = _Accepting()
    evaluation.evaluate_collected(resources, first=accepting)
    return accepting.accepted


class _Accepting:
    """The data bureau takes what the data suggest, as a person would on the rules page."""

    def __init__(self) -> None:
        self.accepted = 0

    def __call__(
        self, session: Any, places: Mapping[str, str], group: Sequence[PublishedResource]
    ) -> None:
        """Accept the suggestions for those tables of the group that have no rules yet."""
        ids = {resource.id for resource in group if resource.lake_table in places}
        ids -= set(Rule.objects.filter(resource__in=ids).values_list("resource", flat=True))
        entries = Resource.objects.in_bulk(ids)
        actor = platform(ACTOR)
        for resource in group:
            if resource.id in entries:
                offered = suggested_in(session, places, resource, ())
                rules = accept_all(actor=actor, resource=entries[resource.id], chosen=offered)
                self.accepted += len(rules)
