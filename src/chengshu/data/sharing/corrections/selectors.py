"""Reads of corrections within the actor's scope."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from chengshu.data.sharing import selectors as sharing
from chengshu.data.sharing.corrections.models import Correction, Informed
from chengshu.data.sharing.corrections.receivers import ways_to
from chengshu.data.sharing.corrections.services import REPORT
from chengshu.data.sharing.models import Application
from chengshu.data.sharing.uses.models import RecordUse
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.errors import NotFound


def corrections(actor: Actor) -> QuerySet[Correction]:
    """Reports of one's own applications, about one's own interfaces, and those one was told of."""
    rows = Correction.objects.select_related(
        "application__owner", "interface__resource__provider", "ticket"
    )
    if sharing.sees_all_calls(actor):
        return rows
    asking, asked = sharing.call_scope(actor)
    told = Informed.objects.filter(application__code__in=asking).values("correction")
    return rows.filter(
        Q(application__code__in=asking) | Q(interface__code__in=asked) | Q(pk__in=told)
    )


def correction(actor: Actor, pk: int) -> Correction:
    """One report.

    Raises:
        NotFound: none, or none of the actor's business.
    """
    found = corrections(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("没有找到这张校核单。", advice="它可能不在您的权限范围内。")
    return found


def reportable(actor: Actor) -> QuerySet[Application]:
    """Applications the actor may report for."""
    return scope(actor, REPORT, Application.objects.select_related("owner")).order_by("name")


def informed(item: Correction) -> Sequence[tuple[Informed, bool]]:
    """Who was told about the corrected value, and whether they have fetched the record since."""
    rows = list(
        Informed.objects.filter(correction__ticket=item.ticket).select_related("application__owner")
    )
    if not rows:
        return []
    wanted = Q(pk__in=[])
    for interface, key_hash in ways_to(item):
        wanted |= Q(profile__interface=interface, key_hash=key_hash)
    return [
        (
            row,
            RecordUse.objects.filter(
                wanted, profile__application=row.application.code, called_at__gt=row.at
            ).exists(),
        )
        for row in rows
    ]
