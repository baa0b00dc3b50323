"""Reads of clues: all for those who judge for the city; of refused calls, what concerns one's own unit for others."""

from django.db.models import Q, QuerySet

from chengshu.data.sharing.hints.models import PAST, CallHint, HintState
from chengshu.data.sharing.hints.services import JUDGE
from chengshu.data.sharing.selectors import call_scope, sees_all_calls
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import NotFound


def may_judge(actor: Actor) -> bool:
    """Whether the actor judges clues: the right at the root of the city."""
    return allows(actor, JUDGE, CallHint())


def hints(actor: Actor) -> QuerySet[CallHint]:
    """Clues the actor may see.

    What is unusual against an application's own past is for those who judge only: whoever may be meant should not
    read it first. What the gateway refused, the callers and the providers know from their own calls.
    """
    rows = CallHint.objects.select_related("application__owner", "interface", "decided_by")
    if may_judge(actor):
        return rows
    refused = rows.exclude(kind__in=PAST)
    if sees_all_calls(actor):
        return refused
    asking, asked = call_scope(actor)
    return refused.filter(Q(caller__in=asking) | Q(asked__in=asked))


def hint(actor: Actor, pk: int) -> CallHint:
    """One clue.

    Raises:
        NotFound: none, or not the actor's to see.
    """
    found = hints(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这条线索。")
    return found


def count_open() -> int:
    """Clues that nobody has judged."""
    return CallHint.objects.filter(state=HintState.OPEN).count()
