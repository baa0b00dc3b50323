"""Who received a record: found in the trail by the hashed key, through every interface of the same resource."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from chengshu.data.sharing.corrections.models import Correction
from chengshu.data.sharing.corrections.source import key_of, record_of
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.publishing import keys
from chengshu.data.sharing.uses.models import RecordUse
from chengshu_gateway.keys import hash_record_key

NUMBERS_KEPT = 50


@dataclass(slots=True)
class Receiver:
    """An application that received the value: how often, when last, under which numbers of the trail."""

    application: str
    last_at: datetime
    uses: int = 0
    request_ids: list[str] = field(default_factory=list)

    def add(self, at: datetime, request_id: str) -> None:
        """Count one call; calls come oldest first."""
        self.uses, self.last_at = self.uses + 1, at
        if request_id:
            self.request_ids = [*self.request_ids, request_id][-NUMBERS_KEPT:]


def ways_to(item: Correction) -> Iterator[tuple[str, str]]:
    """Interface and hashed key under which the trail knows the record, for every interface of its resource."""
    yield item.interface.code, item.key_hash
    others = ShareInterface.objects.filter(resource=item.interface.resource_id)
    record = record_of(item.interface, key_of(item)) or {}
    for other in others.exclude(pk=item.interface_id):
        if key := record.get(other.key_column, ""):
            yield other.code, hash_record_key(keys().record_key, key)


def receivers_of(item: Correction) -> list[Receiver]:
    """Applications that were told the wrong value, or checked against it.

    A call whose fields the trail names counts only when the wrong one is among them; a call that found nothing
    received nothing.
    """
    wanted = Q(pk__in=[])
    for interface, key_hash in ways_to(item):
        wanted |= Q(profile__interface=interface, key_hash=key_hash)
    rows = RecordUse.objects.filter(wanted).exclude(found=False).order_by("called_at", "pk")
    found: dict[str, Receiver] = {}
    names: dict[str, list[str]] = defaultdict(list)
    for use in rows.select_related("profile").iterator(2_000):
        told = use.profile.fields
        if told not in names:
            names[told] = told.split(",") if told else [item.column]
        if item.column in names[told]:
            code = use.profile.application
            found.setdefault(code, Receiver(code, use.called_at)).add(use.called_at, use.request_id)
    return list(found.values())
