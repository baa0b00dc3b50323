"""Writes the trace: ``record`` inside the caller's transaction, ``checkpoint`` from time to time."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from chengshu.kernel.crypto import mac
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_evidence.lines import operation_digest

HASHED_FIELDS = (
    "seq", "at", "actor_id", "actor_name", "actor_org", "action", "object_type", "object_id",
    "object_name", "before", "after", "reason", "address", "request_id", "previous_hash",
)  # fmt: skip


def record(
    *,
    actor: Actor,
    action: str,
    obj: models.Model | None = None,
    object_type: str = "",
    object_id: str = "",
    object_name: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditRecord:
    """Append one record to the chain.

    Must run inside the caller's transaction, so that an act and its record are written together or not at all.

    Raises:
        TransactionManagementError: there is no open transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("audit.record needs the caller's transaction")
    head = AuditHead.objects.select_for_update().get_or_create(id=1)[0]
    account = actor.account
    item = AuditRecord(
        seq=head.seq + 1,
        at=timezone.now(),
        actor_id=account.username if account else ("system" if actor.system else ""),
        actor_name=_storable(actor.name)[:60],
        actor_org=actor.organization_name[:60],
        action=action,
        object_type=object_type or (obj._meta.label_lower if obj is not None else ""),
        object_id=str(object_id or (obj.pk if obj is not None else "")),
        object_name=_storable(object_name or (str(obj) if obj is not None else ""))[:200],
        before=_plain(before),
        after=_plain(after),
        reason=_storable(reason)[:300],
        address=actor.address,
        request_id=actor.request_id,
        previous_hash=head.hash,
    )
    item.hash = digest(item)
    item.save(force_insert=True)
    AuditHead.objects.filter(id=1).update(seq=item.seq, hash=item.hash)
    return item


def digest(item: AuditRecord) -> str:
    """SM3 over the canonical text of a record, which includes the previous record's hash."""
    return operation_digest(hashed_members(item))


def hashed_members(item: AuditRecord) -> dict[str, Any]:
    """What a record's hash covers, as an export writes it down."""
    values = {name: getattr(item, name) for name in HASHED_FIELDS}
    values["at"] = item.at.astimezone(UTC).isoformat(timespec="microseconds")
    return values


def _plain(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """JSON as either database will read it back, so that the hash holds.

    PostgreSQL's jsonb writes numbers its own way (1e22, -0.0), so fractions are kept as text; it has no NUL.
    """
    if value is None:
        return None
    text = json.dumps(value, default=str, ensure_ascii=False)
    plain: dict[str, Any] = json.loads(
        _storable(text.replace("\\u0000", "\ufffd")), parse_float=str, parse_constant=str
    )
    return plain


def _storable(text: str) -> str:
    """Text without what a database cannot keep: NUL and half surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def checkpoint_file() -> Path:
    """The file outside the database that keeps checkpoints."""
    return Path(settings.DATA_DIR) / "audit" / "checkpoints.jsonl"


def sign(seq: int, head: str, at: datetime) -> str:
    """HMAC-SM3 of a checkpoint under the platform's secret."""
    text = f"audit-checkpoint|{seq}|{head}|{at.astimezone(UTC).isoformat(timespec='microseconds')}"
    return mac(settings.SECRET_KEY.encode(), text.encode()).hex()


def checkpoint() -> AuditCheckpoint | None:
    """Sign the present end of the chain; None when nothing was added since the last one."""
    with unit_of_work():
        head = AuditHead.objects.select_for_update().filter(id=1).first()
        last = AuditCheckpoint.objects.first()
        if head is None or (last is not None and last.seq == head.seq):
            return None
        at = timezone.now()
        item = AuditCheckpoint.objects.create(
            at=at, seq=head.seq, hash=head.hash, signature=sign(head.seq, head.hash, at)
        )
    path = checkpoint_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(
        {"seq": item.seq, "hash": item.hash, "at": at.isoformat(), "signature": item.signature}
    )
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    return item
