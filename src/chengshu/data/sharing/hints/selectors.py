"""Reads of hints: for those who judge them, over the whole city."""

from django.db.models import QuerySet

from chengshu.data.sharing.hints.models import CallHint, HintState
from chengshu.data.sharing.hints.services import JUDGE
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound


def hints(actor: Actor) -> QuerySet[CallHint]:
    """All hints, for whoever judges for the city; none for others."""
    rows = CallHint.objects.select_related("application__owner", "decided_by")
    return scope(actor, JUDGE, rows)


def hint(actor: Actor, pk: int) -> CallHint:
    """One hint.

    Raises:
        NotFound: none, or not the actor's to judge.
    """
    found = hints(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这条提示。")
    return found


def count_open() -> int:
    """Hints that nobody has judged."""
    return CallHint.objects.filter(state=HintState.OPEN).count()
