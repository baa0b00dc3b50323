"""Reads: what is public, and what officials have to answer."""

from django.db.models import QuerySet
from django.utils import timezone

from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.voices.choices import VoiceState
from chengshu.data.opening.voices.models import Subscription, Voice
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound

_RELATED = ("dataset", "department", "owner")


def public_voices(*, kind: str = "", dataset: OpenDataset | None = None) -> QuerySet[Voice]:
    """What was answered and may be read by everybody, the newest first."""
    found = Voice.objects.filter(state=VoiceState.ANSWERED).select_related("dataset", "department")
    if kind:
        found = found.filter(kind=kind)
    if dataset is not None:
        found = found.filter(dataset=dataset)
    return found.order_by("-answered_at")


def own_voice(token: str) -> Voice:
    """One message by the secret address its author was given.

    Raises:
        NotFound: there is none.
    """
    found = Voice.objects.filter(token=token).select_related(*_RELATED).first()
    if found is None:
        raise NotFound("没有找到这条内容。", advice="请核对网址是否完整。")
    return found


def received(actor: Actor) -> QuerySet[Voice]:
    """What the actor may answer, in the order in which it is due."""
    return scope(actor, "opening.answer", Voice.objects.select_related(*_RELATED))


def voice(actor: Actor, pk: int) -> Voice:
    """One message in scope.

    Raises:
        NotFound: it does not exist or lies outside the actor's scope.
    """
    found = received(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这条来信。", advice="它可能不在您的权限范围内。")
    return found


def follows(actor: Actor, dataset: OpenDataset) -> bool:
    """Whether the actor is told of the dataset's releases."""
    held = Subscription.objects.filter(dataset=dataset, account=actor.account)
    return actor.account is not None and held.exists()


def count_waiting() -> int:
    """Messages without an answer."""
    return Voice.objects.filter(state=VoiceState.WAITING).count()


def count_overdue() -> int:
    """Messages whose answer is late."""
    return Voice.objects.filter(state=VoiceState.WAITING, due_at__lte=timezone.now()).count()
