"""Reads of restricted opening."""

from django.db.models import QuerySet

from chengshu.data.opening.agreements.models import Agreement, RestrictedAccess
from chengshu.data.opening.models import PUBLIC_STATES, OpenDataset
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound

FIRST_TEXT = """一、数据只用于申请书写明的用途，不转给他人，不用来识别或联系任何个人。
二、使用人采取与数据相称的安全措施；发生泄露时立即停止使用并告知提供单位。
三、公开成果时注明数据来源和版本，不公开能认出个人的明细。
四、期限届满、提供单位收回授权或数据集撤回后，停止使用并删除数据。
五、违反协议的，提供单位可以立即收回授权，并依法追究责任。"""


def current_agreement() -> Agreement:
    """The version in force; the platform's own text is the first one."""
    found = Agreement.objects.order_by("-number").first()
    return found or Agreement.objects.get_or_create(number=1, defaults={"text": FIRST_TEXT})[0]


def restricted_datasets() -> QuerySet[OpenDataset]:
    """Datasets that are opened under the agreement; their rows are not for these pages."""
    found = OpenDataset.objects.filter(
        restricted=True, state__in=PUBLIC_STATES, current__isnull=False
    )
    return found.select_related("resource__provider", "current").order_by("title")


def restricted_dataset(slug: str) -> OpenDataset:
    """One of them.

    Raises:
        NotFound: never published, withdrawn, or open to everybody.
    """
    found = restricted_datasets().filter(slug=slug).first()
    if found is None:
        raise NotFound(
            "没有这个按协议开放的数据集，或已撤回。", advice="可以从受限开放列表重新进入。"
        )
    return found


def own(actor: Actor, dataset: OpenDataset) -> RestrictedAccess | None:
    """The actor's newest application for a dataset."""
    if actor.account is None:
        return None
    held = RestrictedAccess.objects.filter(dataset=dataset, account=actor.account)
    return held.select_related("agreement", "dataset").order_by("-pk").first()


def received(actor: Actor) -> QuerySet[RestrictedAccess]:
    """Applications the actor may decide on."""
    related = ("dataset__resource__provider", "account", "agreement", "decided_by")
    return scope(actor, "opening.grant", RestrictedAccess.objects.select_related(*related))


def access(actor: Actor, pk: int) -> RestrictedAccess:
    """One application in scope.

    Raises:
        NotFound: it does not exist or lies outside the actor's scope.
    """
    found = received(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这份申请。", advice="它可能不在您的权限范围内。")
    return found
