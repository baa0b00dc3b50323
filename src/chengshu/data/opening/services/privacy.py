"""What the provider decides about telling people apart, and the ways out of a refusal that a click can take."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.opening import gate, terms
from chengshu.data.opening.disclosure import rules
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services.datasets import running_job
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

_AUDITED = ("fields", "masks", "privacy")


def look(*, actor: Actor, dataset: OpenDataset) -> Job:
    """Queue a look at what would be released now; nothing is published.

    Raises:
        Conflict: a publication or a look is running. InvalidInput: a field may not be opened.
    """
    check(actor, "opening.manage", dataset)
    gate.choose(
        published_by_id(dataset.resource_id), dataset.fields, dataset.masks,
        agreement=dataset.restricted,
    )  # fmt: skip
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        if running_job(item) is not None:
            raise Conflict("这个数据集正在检查或发布。", advice="请等它完成，进度在数据集页面上。")
        job = enqueue(
            "opening.look", actor=actor, title=f"检查开放数据集：{item.title}", arguments={"dataset": item.slug},
            organization=item.resource.provider, object_url=f"/console/opening/datasets/{item.slug}/",
        )  # fmt: skip
        item.job_id = job.id
        item.save(update_fields=["job_id"])
        record(actor=actor, action="opening.look", obj=item, after={"job": str(job.id)})
    return job


def set_rules(*, actor: Actor, dataset: OpenDataset, wanted: Mapping[str, Any]) -> OpenDataset:
    """Change what is asked of a release about people (``disclosure.rules``); asking less needs an approval.

    Raises:
        InvalidInput: a number out of range or an unknown role.
    """
    check(actor, "opening.manage", dataset)
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        return _changed(
            actor, item, fields=item.fields, masks=item.masks, wanted=wanted, action="opening.privacy_set",
        )  # fmt: skip


def apply_proposal(*, actor: Actor, dataset: OpenDataset, key: str) -> dict[str, Any]:
    """Take one of the ways out that the last look proposed; returns the proposal.

    Raises:
        Conflict: it is not proposed (any more). InvalidInput: the gate refuses what it leads to.
    """
    check(actor, "opening.manage", dataset)
    resource = published_by_id(dataset.resource_id)
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        offers: list[dict[str, Any]] = item.review.get("proposals", [])
        offer = next((one for one in offers if one["key"] == key), None)
        if offer is None:
            raise Conflict(
                "这个处理办法已经过时。", kept="没有做任何改动。", advice="请重新检查后再选。"
            )
        fields, masks, privacy = list(item.fields), dict(item.masks), dict(item.privacy)
        match offer["kind"]:
            case "drop":
                fields = [name for name in fields if name != offer["field"]]
                masks.pop(offer["field"], None)
            case "mask":
                masks[offer["field"]] = offer["mask"]
            case _:
                privacy["suppress"] = True
        gate.choose(resource, fields, masks, agreement=item.restricted)
        _changed(
            actor, item, fields=fields, masks=masks, wanted=privacy, action="opening.proposal_applied",
        )  # fmt: skip
    return offer


def _changed(
    actor: Actor, item: OpenDataset, *, fields: list[str], masks: dict[str, str], wanted: Mapping[str, Any],
    action: str,
) -> OpenDataset:  # fmt: skip
    before = {name: getattr(item, name) for name in _AUDITED}
    agreed = terms.digest(item)
    item.fields, item.masks = fields, masks
    item.privacy = rules.checked(wanted, fields)
    if terms.digest(item) != agreed:
        item.changed_by = actor.account
        # The last look was at something else.
        item.review = {}
    item.revision += 1
    item.updated_at = timezone.now()
    item.save()
    after = {name: getattr(item, name) for name in _AUDITED}
    record(actor=actor, action=action, obj=item, before=before, after=after)
    return item
