"""What is handed to us: the note is taken, the files are checked and loaded as any department's, a receipt is made.

A batch is told by its number within the channel. However often it comes, it is loaded once; a number that was left
out is kept as missing until it comes. Nothing is loaded of a batch whose files are not those of its note.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from django.urls import reverse
from django.utils import timezone

from chengshu.data.cascade.adapters import UpperError
from chengshu.data.cascade.adapters.api import digest_of
from chengshu.data.cascade.adapters.folder import allowed_roots
from chengshu.data.cascade.choices import IncomingState
from chengshu.data.cascade.models import Channel, Incoming
from chengshu.data.cascade.notes import (
    FILE_DIGEST,
    FILE_MISSING,
    NOT_LOADED,
    REUSED,
    Difference,
    Note,
    NoteFile,
    Reason,
    Receipt,
    receipt_of,
    refusal_of,
)
from chengshu.data.cascade.services.channels import folder_name
from chengshu.data.cascade.services.platforms import VIEW
from chengshu.data.ingest.facade import (
    Batch,
    BatchState,
    DropConnector,
    SourceError,
    collect,
    propose_mapping,
    structure,
)
from chengshu.kernel.access.actor import platform as platform_actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict
from chengshu.kernel.events.services import emit
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work

MOST_MISSING = 1_000
SETTLED = (IncomingState.ACCEPTED, IncomingState.PARTLY, IncomingState.REFUSED)
Fetch = Callable[[Note, NoteFile, Path], None]


def take_note(*, channel: Channel, note: Note) -> Incoming:
    """Take a delivery note; the same note again changes nothing but the count of repeats.

    Raises:
        Conflict: the number was used for another content that is loaded, or being loaded; nothing is loaded.
    """
    with unit_of_work():
        locked = Channel.objects.select_for_update().get(pk=channel.pk)
        known = Incoming.objects.select_related("channel__platform", "channel__resource", "batch")
        item = known.filter(channel=locked, number=note.number).first()
        if item is not None and item.state != IncomingState.MISSING:
            again = _again(item, note)
        else:
            again = None
            item = _new(locked, item, note)
    if again is not None:
        raise again
    return item


def _again(item: Incoming, note: Note) -> Conflict | None:
    """A number that came before: told as a repeat, taken anew when nothing of it was loaded, or refused."""
    item.repeats += 1
    if item.digest == note.digest:
        # Whoever asks again has not got the receipt.
        item.receipt_sent_at, item.next_at = None, timezone.now()
        if item.state == IncomingState.REFUSED and not _in_lake(item):
            _reset(item, note)
        item.save()
        return None
    if item.state == IncomingState.REFUSED and not item.accepted and not item.duplicates:
        _reset(item, note)
        item.save()
        return None
    text = f"第 {item.number} 批已经收过，这次内容不同，没有入库"
    if {"code": REUSED, "text": text} not in item.differences:
        item.differences = [*item.differences, Difference(REUSED, text).document()]
    item.save()
    _notice(item, f"{item} 批次号重复而内容不同", text, f"reused:{note.digest[:12]}")
    return Conflict(f"{text}。", advice="请换一个新的批次号重送。")


def _in_lake(item: Incoming) -> bool:
    return item.batch is not None and item.batch.state == BatchState.LOADED


def _reset(item: Incoming, note: Note) -> None:
    item.note, item.digest = note.document(), note.digest
    item.state, item.batch, item.settled_at = IncomingState.NOTED, None, None
    item.differences, item.receipt, item.error, item.attempts = [], {}, "", 0
    item.rows, item.accepted, item.refused, item.duplicates = note.rows, 0, 0, 0
    item.receipt_sent_at, item.asked_at, item.next_at = None, None, timezone.now()


def _new(channel: Channel, missing: Incoming | None, note: Note) -> Incoming:
    item = missing or Incoming(channel=channel, number=note.number)
    _reset(item, note)
    item.noted_at = timezone.now()
    item.save()
    gap = range(channel.last_number + 1, note.number) if channel.last_number else ()
    for number in list(gap)[-MOST_MISSING:]:
        Incoming.objects.create(channel=channel, number=number, state=IncomingState.MISSING)
    if gap:
        _notice(
            item, f"{channel} 缺 {len(gap)} 批",
            f"收到第 {note.number} 批时，第 {gap[0]} 至 {gap[-1]} 批还没有来，已向对方要求补送。",
            f"gap:{note.number}",
        )  # fmt: skip
    if note.number > channel.last_number:
        channel.last_number = note.number
        channel.save(update_fields=["last_number"])
    emit(
        type="city.cascade.incoming.noted", source="cascade", subject=str(item.pk),
        data={"dataset": note.dataset, "number": note.number, "rows": note.rows},
    )  # fmt: skip
    return item


def bring(*, item: Incoming, fetch: Fetch) -> None:
    """Fetch the files of a noted batch, check them against the note and queue the load; or refuse the batch.

    May be run again after anything: until the load is queued the files are only ours, and it is queued once.

    Raises:
        UpperError: the other side cannot be reached now; nothing is decided.
    """
    note = item.parsed
    differences = _fetched(item, note, fetch) if note.files else []
    if differences:
        refuse(item=item, differences=differences)
        return
    try:
        _load(item, note)
    except (ChengshuError, SourceError) as error:
        text = str(getattr(error, "detail", "") or error)
        refuse(item=item, differences=[Difference(NOT_LOADED, text[:300])])


def _folder(item: Incoming) -> Path:
    channel = item.channel
    return allowed_roots()[0] / folder_name(channel.platform, channel.dataset)


def _stem(item: Incoming) -> str:
    return f"{item.number:08d}-{item.repeats:03d}"


def _fetched(item: Incoming, note: Note, fetch: Fetch) -> list[Difference]:
    """Bring the files to where the source finds them, complete or not at all; returns what is wrong with them."""
    folder = _folder(item)
    hidden = folder / f".{_stem(item)}"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    found: list[Difference] = []
    for position, file in enumerate(note.files, 1):
        target = hidden / f"{_stem(item)}-{position:05d}{Path(file.name).suffix.lower()}"
        try:
            fetch(note, file, target)
        except UpperError as error:
            if not error.absent:
                raise
            found.append(Difference(FILE_MISSING, f"缺文件 {file.name}"))
            continue
        if target.stat().st_size != file.size or digest_of(target) != file.sha256:
            found.append(Difference(FILE_DIGEST, f"文件 {file.name} 与交接单上的摘要不符"))
    if not found:
        for path in sorted(hidden.iterdir()):
            path.replace(folder / path.name)
            (folder / f"{path.name}.ok").touch()
    shutil.rmtree(hidden, ignore_errors=True)
    return found


def _load(item: Incoming, note: Note) -> None:
    channel, actor = item.channel, platform_actor("级联")
    source = channel.source
    name = channel.object_name
    if note.files and isinstance(source.connector, DropConnector):
        name = f"{_stem(item)}-*"
    mapping = propose_mapping(channel.resource.code, structure(source, name))
    with unit_of_work():
        locked = Incoming.objects.select_for_update().get(pk=item.pk)
        if locked.state != IncomingState.NOTED:
            return
        # In one transaction: a batch is queued and remembered, or neither.
        item.batch = collect(
            actor=actor, resource_code=channel.resource.code, source=source, name=name,
            mapping=mapping,
        )  # fmt: skip
        item.state, item.error = IncomingState.LOADING, ""
        item.save(update_fields=["batch", "state", "error"])


def settle_loaded(*, batch: Batch) -> None:
    """A batch of ours is in the lake, or has failed: make the receipt of what was handed to us."""
    item = (
        Incoming.objects.select_related("channel__resource__provider", "channel__platform")
        .filter(batch=batch, state=IncomingState.LOADING)
        .first()
    )
    if item is None:
        return
    if batch.state in (BatchState.FAILED, BatchState.CANCELLED):
        refuse(item=item, differences=[Difference(NOT_LOADED, (batch.error or "已取消")[:300])])
    elif batch.state == BatchState.LOADED:
        reasons = [
            Reason(p.rule, p.rule_name, p.column_title, p.rows) for p in batch.problems.all()
        ]
        receipt = receipt_of(
            item.parsed, loaded=batch.source_rows, accepted=batch.accepted,
            quarantined=batch.quarantined, duplicates=batch.duplicates, reasons=reasons,
        )  # fmt: skip
        _settle(item, receipt)


def refuse(*, item: Incoming, differences: Sequence[Difference]) -> None:
    """Nothing of the batch is loaded; the receipt says why, and the batch is asked for again."""
    _settle(item, refusal_of(item.parsed, differences))


def _settle(item: Incoming, receipt: Receipt) -> None:
    with unit_of_work():
        locked = Incoming.objects.select_for_update().get(pk=item.pk)
        if locked.settled_at is not None:
            return
        item.state = IncomingState(receipt.state)
        item.rows, item.accepted = receipt.rows, receipt.accepted
        item.refused, item.duplicates = receipt.refused, receipt.duplicates
        item.differences = [each.document() for each in receipt.differences]
        item.receipt, item.settled_at = receipt.document(), timezone.now()
        item.receipt_sent_at, item.next_at, item.attempts = None, timezone.now(), 0
        item.save()
        record(
            actor=platform_actor("级联"), action="cascade.incoming_settled", obj=item,
            after={
                "state": item.state, "rows": item.rows, "accepted": item.accepted,
                "refused": item.refused, "duplicates": item.duplicates,
                "differences": "、".join(each.code for each in receipt.differences),
            },
        )  # fmt: skip
        emit(
            type="city.cascade.incoming.settled", source="cascade", subject=str(item.pk),
            data={"dataset": receipt.dataset, "number": receipt.number, "state": item.state},
            idempotency_key=f"cascade-incoming:{item.pk}:{item.repeats}",
        )  # fmt: skip
        if receipt.differences:
            _notice(
                item, f"{item} 与交接单有差异", "；".join(each.text for each in receipt.differences),
                f"differs:{item.repeats}",
            )  # fmt: skip
    shutil.rmtree(item.staging, ignore_errors=True)


def _notice(item: Incoming, title: str, body: str, key: str) -> None:
    notify(
        organization=item.channel.resource.provider, permission=VIEW, title=title, body=body,
        url=reverse("cascade:incoming-batch", args=[item.pk]),
        key=f"cascade-incoming:{item.pk}:{key}",
    )  # fmt: skip
