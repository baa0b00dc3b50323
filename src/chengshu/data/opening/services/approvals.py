"""A second person agrees to what is opened although it is not harmless as it is (DB33/T 2351-2021).

Fields of L2 and L3 leave masked, on a stated basis, after somebody who neither wrote nor submitted it has approved;
restricted resources likewise. What was approved is exactly what was submitted: a change asks again.
"""

from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import published_by_id
from chengshu.data.opening import gate, terms
from chengshu.data.opening.choices import ApprovalState
from chengshu.data.opening.models import Approval, OpenDataset
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

PERMISSION = "opening.approve"
BASIS_LEAST = 10
REMARK_LENGTH = 500


def submit(*, actor: Actor, dataset: OpenDataset) -> Approval:
    """Ask a second person to approve the dataset as it is now; a request still waiting is replaced.

    Raises:
        Conflict: no approval is needed, the same content waits or is approved already, or the resource may not be
            opened. InvalidInput: no basis, or a field may not be opened.
    """
    check(actor, "opening.manage", dataset)
    resource = published_by_id(dataset.resource_id)
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        gate.choose(resource, item.fields, item.masks, agreement=item.restricted)
        if not terms.needs_approval(item, resource):
            raise Conflict("选的都是可以直接开放的字段，不需要审批。", advice="可以直接发布。")
        if len(item.basis.strip()) < BASIS_LEAST:
            said = f"请用至少 {BASIS_LEAST} 个字写明法律依据，或取得了谁的授权"
            raise InvalidInput("没有提交。", kept="草稿不变。", fields={"basis": said})
        last, now = terms.latest(item), terms.digest(item)
        if last is not None and last.digest == now and last.state in _STANDING:
            raise Conflict(f"这份内容{last.get_state_display()}，不用再提交。")
        item.approvals.filter(state=ApprovalState.WAITING).update(state=ApprovalState.REPLACED)
        made = Approval.objects.create(
            dataset=item, digest=now, fields=item.fields, masks=item.masks, basis=item.basis,
            submitted_by=actor.account,
        )  # fmt: skip
        record(
            actor=actor, action="opening.approval_submitted", obj=item,
            after={"fields": made.fields, "masks": made.masks, "basis": made.basis},
        )  # fmt: skip
        notify(
            organization=item.resource.provider, permission=PERMISSION,
            title=f"待审批：开放“{item.title}”", body=f"依据：{made.basis}", url=_page(item),
            key=f"opening.approval:{made.pk}",
        )  # fmt: skip
    return made


_STANDING = (ApprovalState.WAITING, ApprovalState.APPROVED)


def approve(*, actor: Actor, dataset: OpenDataset, remark: str = "") -> Approval:
    """Agree to what was submitted; it may then be published.

    Raises:
        NotAllowed: the actor wrote or submitted it (four eyes, always). Conflict: nothing waits, or it was changed
            after it was submitted.
    """
    return _decide(actor, dataset, ApprovalState.APPROVED, remark)


def send_back(*, actor: Actor, dataset: OpenDataset, remark: str) -> Approval:
    """Refuse what was submitted, with a remark.

    Raises:
        InvalidInput: no remark. NotAllowed, Conflict: as :func:`approve`.
    """
    if not remark.strip():
        raise InvalidInput("没有退回。", fields={"reason": "请写明为什么退回、怎样改"})
    return _decide(actor, dataset, ApprovalState.RETURNED, remark)


def _decide(actor: Actor, dataset: OpenDataset, state: ApprovalState, remark: str) -> Approval:
    check(actor, PERMISSION, dataset)
    with unit_of_work():
        item = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        waiting = terms.latest(item)
        if waiting is None or waiting.state != ApprovalState.WAITING:
            raise Conflict("现在没有待审批的申请。", advice="可能已有人处理，请刷新页面。")
        wrote = {waiting.submitted_by_id, item.changed_by_id}
        if actor.account is None or actor.account.pk in wrote:
            raise NotAllowed(
                "不能审批自己编写或提交的开放申请。", kept="它仍在等待审批。",
                advice="请由另一位有审批权限的人员处理。",
            )  # fmt: skip
        if state == ApprovalState.APPROVED and waiting.digest != terms.digest(item):
            raise Conflict(
                "提交后内容又改过，这份申请不能通过。", kept="没有开放任何数据。",
                advice="请退回，由编写人重新提交。",
            )  # fmt: skip
        waiting.state, waiting.remark = state, remark.strip()[:REMARK_LENGTH]
        waiting.decided_by, waiting.decided_at = actor.account, timezone.now()
        waiting.save()
        record(
            actor=actor, action=f"opening.approval_{state}", obj=item, reason=waiting.remark,
            before={"state": ApprovalState.WAITING}, after={"state": state, "masks": waiting.masks},
        )  # fmt: skip
        if waiting.submitted_by is not None:
            notify(
                account=waiting.submitted_by, url=_page(item), body=waiting.remark,
                title=f"开放“{item.title}”的申请{waiting.get_state_display()}",
                key=f"opening.approval:{waiting.pk}:{state}",
            )  # fmt: skip
    return waiting


def _page(item: OpenDataset) -> str:
    return reverse("opening:dataset", args=[item.slug])
