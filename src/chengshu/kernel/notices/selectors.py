"""Reads a person's own notices."""

from django.db.models import QuerySet

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.notices.models import Receipt


def inbox(actor: Actor) -> QuerySet[Receipt]:
    """The actor's notices; nobody sees another's."""
    return Receipt.objects.filter(account=actor.account).select_related("notice")


def unread(actor: Actor) -> int:
    """How many the actor has not opened; the bell and the menu show it."""
    if actor.account is None:
        return 0
    return Receipt.objects.filter(account=actor.account, read_at=None).count()
