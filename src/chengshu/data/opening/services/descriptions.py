"""Mend the description of a dataset with one of the proposed values."""

from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.opening.description_fixes import Fix, proposed_fixes
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.release.building import search_text
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.unit_of_work import unit_of_work


def apply_fix(*, actor: Actor, dataset: OpenDataset, key: str) -> Fix:
    """Put a proposed value in its place; the description is public at once, the released data is untouched.

    Raises:
        Conflict: nothing is proposed there (any more).
    """
    check(actor, "opening.manage", dataset)
    resource = published_by_id(dataset.resource_id)
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        release = item.current
        fix = proposed_fixes(item, release, resource).get(key) if release is not None else None
        if fix is None or release is None:
            raise Conflict(
                "这一项已经改好，或没有可用的建议。", kept="没有做任何改动。", advice="请刷新页面。"
            )
        before = {fix.attribute: getattr(item, fix.attribute)}
        setattr(item, fix.attribute, fix.value)
        item.search_text = search_text(item, resource, release.columns)
        item.revision += 1
        item.updated_at = timezone.now()
        item.save()
        record(
            actor=actor, action="opening.dataset_edited", obj=item, before=before,
            after={fix.attribute: fix.value},
        )  # fmt: skip
    return fix
