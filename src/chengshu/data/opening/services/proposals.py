"""A draft brought by a program: send it on to the people who decide, or drop it again."""

from django.db.models import ProtectedError
from django.urls import reverse

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.opening import terms
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import approvals
from chengshu.data.opening.services.datasets import audited
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

PUBLISH = "opening.publish"


def propose(*, actor: Actor, dataset: OpenDataset) -> None:
    """Ask for the approval that the draft needs, or tell those who may publish that it is ready; once per content.

    A draft that needs an approval but names no legal basis stays a draft and nobody is asked.
    """
    check(actor, "opening.manage", dataset)
    resource = published_by_id(dataset.resource_id)
    if terms.needs_approval(dataset, resource):
        last = terms.latest(dataset)
        stands = last is not None and last.digest == terms.digest(dataset)
        if not stands and len(dataset.basis.strip()) >= approvals.BASIS_LEAST:
            approvals.submit(actor=actor, dataset=dataset)
        return
    if dataset.public:
        return
    notify(
        organization=dataset.resource.provider, permission=PUBLISH, title=f"待发布：“{dataset.title}”",
        body="程序用令牌提交了开放数据集草稿，核对无误后请发布。",
        url=reverse("opening:dataset", args=[dataset.slug]),
        key=f"opening.proposed:{dataset.pk}:{terms.digest(dataset)}",
    )  # fmt: skip


def discard(*, actor: Actor, dataset: OpenDataset) -> None:
    """Remove a draft that nobody ever saw; the trail keeps what it said.

    Raises:
        Conflict: it was released once, is being published, or something refers to it.
    """
    check(actor, "opening.manage", dataset)
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        if item.current_id is not None or item.state != "draft" or item.releases.exists():
            raise Conflict(
                "发布过的数据集不能删除。", kept="没有做任何改动。", advice="请改为撤回。"
            )
        record(actor=actor, action="opening.dataset_discarded", obj=item, before=audited(item))
        try:
            item.delete()
        except ProtectedError as error:
            raise Conflict("有别的记录引用这个数据集，不能删除。") from error
