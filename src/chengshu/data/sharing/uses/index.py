"""Fills the index of look-ups from the gateway's trail, each call once.

The index is a reader of the trail of its own, beside the counting of calls: its cursor moves in the transaction that
writes the rows, so a killed run leaves nothing twice and nothing out, and an installation that had no index yet
reads its trail from the beginning.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from chengshu.data.sharing.models import CallCursor
from chengshu.data.sharing.publishing import gateway_dir
from chengshu.data.sharing.usage import ANSWERED, OK
from chengshu.data.sharing.uses.models import CallProfile, RecordUse
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway.audit_reader import Call, read_calls

CURSOR = "record-uses"
BATCH = 5_000
_CHUNK = 2_000
# The ways of calling whose record in the trail names the records they answered. A file is told by its own digest:
# whom it was about stands in no record.
NAMING = frozenset({"lookup", "batch", "verify", "query", "changes", "proxy"})
_COLUMNS = ("key_hash", "called_at", "profile_id", "found", "purpose", "request_id")


@dataclass(frozen=True, slots=True)
class Profile:
    """The part of a look-up that repeats."""

    application: str
    interface: str
    kind: str
    fields: str = ""

    @property
    def digest(self) -> str:
        """Its name in the database, whatever the length of its parts."""
        parts = (self.application, self.interface, self.kind, self.fields)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Writer:
    """Adds look-ups inside the caller's transaction, a few thousand per statement."""

    def __init__(self) -> None:
        self._profiles: dict[Profile, int] = {}
        self._rows: list[tuple[Any, ...]] = []
        names = ", ".join(connection.ops.quote_name(name) for name in _COLUMNS)
        table = connection.ops.quote_name(RecordUse._meta.db_table)
        places = ", ".join(["%s"] * len(_COLUMNS))
        # Names of our own model and no values: those go through parameters.
        self._insert = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608

    def add(
        self,
        profile: Profile,
        key_hash: str,
        at: datetime,
        *,
        found: bool | None,
        purpose: str = "",
        request_id: str = "",
    ) -> None:
        """Note one record of one call."""
        number = self._profiles.get(profile)
        if number is None:
            number = self._profiles[profile] = _profile_number(profile)
        stored = connection.ops.adapt_datetimefield_value(at)
        self._rows.append((key_hash, stored, number, found, purpose, request_id))
        if len(self._rows) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what is left."""
        if self._rows:
            # Plain statements, because a model object per row costs several times the insert at 1,738,598 rows.
            with connection.cursor() as cursor:
                cursor.executemany(self._insert, self._rows)
            self._rows = []


def _profile_number(profile: Profile) -> int:
    item, _created = CallProfile.objects.get_or_create(
        digest=profile.digest,
        defaults={
            "application": profile.application, "interface": profile.interface,
            "kind": profile.kind, "fields": profile.fields,
        },
    )  # fmt: skip
    return int(item.pk)


def collect(*, limit: int = BATCH) -> int:
    """Take over what is new in the trail; return how many calls were read."""
    folder = gateway_dir() / "audit"
    if not folder.is_dir():
        return 0
    read = 0
    with unit_of_work():
        CallCursor.objects.get_or_create(name=CURSOR)
        cursor = CallCursor.objects.select_for_update().get(name=CURSOR)
        writer = Writer()
        for position, call in read_calls(folder, cursor.position, limit=limit):
            read, cursor.position = read + 1, position
            _note(writer, call)
        writer.flush()
        if read:
            cursor.save(update_fields=["position"])
    return read


def _note(writer: Writer, call: Call) -> None:
    # A caller that did not prove itself only claims a name, and a refused call was told nothing.
    if not call.verified or call.outcome not in ANSWERED or call.kind not in NAMING:
        return
    profile = Profile(call.app, call.interface, call.kind, ",".join(call.fields))
    found = _found(call)
    for key_hash in _records(call):
        writer.add(
            profile, key_hash, call.time, found=found, purpose=call.purpose,
            request_id=call.request_id,
        )  # fmt: skip


def _records(call: Call) -> Iterator[str]:
    return iter(dict.fromkeys(call.records))


def _found(call: Call) -> bool | None:
    if call.kind == "verify":
        return None
    if call.kind == "batch":
        return {0: False, call.asked: True}.get(call.found)
    return call.outcome == OK
