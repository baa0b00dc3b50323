"""Asks for evaluations in the background."""

from django.urls import reverse

from chengshu.data.catalog.facade import Resource
from chengshu.data.quality.trail import about
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import NotFound
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work


def request_evaluation(
    *,
    actor: Actor,
    resource_id: int,
    full: bool = False,
    key: str | None = None,
    awaited: bool = False,
) -> Job:
    """Queue the evaluation of one resource; ``awaited`` when a person waits for the grade of what was just loaded.

    Raises:
        NotFound: no such resource.
    """
    resource = Resource.objects.select_related("provider").filter(pk=resource_id).first()
    if resource is None:
        raise NotFound("没有找到这个数据资源，没有评价。")
    check(actor, "quality.evaluate", resource)
    with unit_of_work():
        if not actor.system:
            record(actor=actor, action="quality.evaluate", **about(resource))
        return enqueue(
            "quality.evaluate", actor=actor, title=f"质量评价：{resource.title}",
            arguments={"resources": [resource.pk], "full": full}, key=key,
            awaited=awaited or not actor.system,
            organization=resource.provider, unit="个",
            object_url=reverse("quality:resource", args=[resource.pk]),
        )  # fmt: skip
