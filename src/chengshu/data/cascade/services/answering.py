"""Our own platform as the upper side: who calls, what they hand up, what they may fetch, what we answer.

Everything is told by number: the same part, note, version or receipt again is answered as before and counts once.
"""

import hashlib
import os
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from chengshu.data.cascade.adapters import UpperError
from chengshu.data.cascade.choices import (
    ANSWERED,
    EntryState,
    IncomingState,
    OutgoingState,
    PlatformState,
    Role,
    Scheme,
)
from chengshu.data.cascade.models import (
    Channel,
    Incoming,
    LowerEntry,
    Nonce,
    Outgoing,
    Part,
    Platform,
    cascade_root,
)
from chengshu.data.cascade.notes import DATASET, FILE_NAME, Note, NoteError, NoteFile, Receipt
from chengshu.data.cascade.services import building, delivering, receiving, settling
from chengshu.data.cascade.services.platforms import MANAGE, SECRET_PLACE
from chengshu.data.tickets.facade import bureau
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.actor import platform as platform_actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.crypto.facade import open_sealed
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound, NotSignedIn
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.notices.services import notify
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_gateway import signing
from chengshu_gateway.provers import Prover, SecretProver, Sm2Prover, nobody

MOST_PART_BYTES = 256 * 1024 * 1024
MOST_NOTES = 200
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_KEPT = "没有收下任何内容。"


def authenticate(
    *, method: str, path: str, query: str, headers: Mapping[str, str], body_digest: str
) -> Platform:
    """The lower platform that signed a call; ``path`` and ``query`` as they were sent.

    The same canonical text, time window (300 s) and headers as for the sharing gateway.

    Raises:
        NotSignedIn: unknown, wrong signature, too old, or seen before; it is not told which of the first two.
        NotAllowed: the platform is paused.
    """
    stamp, nonce = headers.get("X-Cs-Timestamp", ""), headers.get("X-Cs-Nonce", "")
    given = headers.get("X-Cs-Signature", "").encode()
    found = Platform.objects.filter(
        role=Role.LOWER, app=headers.get("X-Cs-App", ""), key_id=headers.get("X-Cs-Key", "")
    ).first()
    prover = _prover(found) if found else nobody(given)
    text = signing.canonical_text(
        method=method.encode(), path=path.encode(), query=query.encode(), timestamp=stamp.encode(),
        nonce=nonce.encode(), body_digest=body_digest.encode(),
        purpose=headers.get("X-Cs-Purpose", "").encode(), scheme=prover.scheme,
    )  # fmt: skip
    if not prover.proves(text, given) or found is None:
        raise NotSignedIn("签名不对，或没有登记过这个平台。", kept=_KEPT, advice="请核对密钥。")
    moment = int(stamp) / 1000 if stamp.isdecimal() and len(stamp) < 16 else 0.0  # noqa: PLR2004 - milliseconds
    if abs(time.time() - moment) > signing.WINDOW_SECONDS:
        raise NotSignedIn("请求的时间与这里相差超过 300 秒。", kept=_KEPT, advice="请校准时钟。")
    if not _NONCE.fullmatch(nonce) or not _first_time(found, nonce):
        raise NotSignedIn("这个请求已经来过，或随机数不合要求。", kept=_KEPT, advice="请重新签名。")
    if found.state != PlatformState.ACTIVE:
        raise NotAllowed(
            f"“{found}”的级联已暂停：{found.state_reason}", kept=_KEPT, advice="请联系上级平台。"
        )
    return found


def _prover(platform: Platform) -> Prover:
    if platform.scheme == Scheme.SM2:
        return Sm2Prover(platform.public_key)
    return SecretProver(open_sealed(platform.secret_sealed, place=SECRET_PLACE).encode())


def _first_time(platform: Platform, nonce: str) -> bool:
    try:
        with unit_of_work(), transaction.atomic():
            Nonce.objects.create(platform=platform, value=nonce)
    except IntegrityError:
        return False
    return True


def own_name() -> str:
    """What this platform calls itself to others."""
    root = Organization.objects.filter(parent=None).order_by("pk").first()
    return f"{root.name if root else ''}公共数据平台"


def forget_nonces() -> int:
    """Remove nonces that are too old to matter."""
    before = timezone.now() - timedelta(seconds=3 * signing.WINDOW_SECONDS)
    return Nonce.objects.filter(at__lt=before).delete()[0]


# Catalogue


def take_entry(*, platform: Platform, document: Mapping[str, Any]) -> LowerEntry:
    """Take a version of a catalogue entry; the bureau decides about it later.

    Raises:
        InvalidInput: without code, version or title. Conflict: the version came before with other content.
    """
    code, version, title, withdrawn = _head(document)
    with unit_of_work():
        item, made = LowerEntry.objects.get_or_create(
            platform=platform, code=code, version=version, withdrawn=withdrawn,
            defaults={"title": title, "document": dict(document)},
        )  # fmt: skip
        if not made and item.document != dict(document):
            raise Conflict(
                "这一版目录已经收过，内容不同。", kept=_KEPT, advice="请发布新版本再上报。"
            )
        if made and withdrawn:
            # Taking back needs nobody's consent.
            item.state, item.decided_at = EntryState.ACCEPTED, timezone.now()
            item.save(update_fields=["state", "decided_at"])
        if made:
            _tell_entry(item)
    return item


def _head(document: Mapping[str, Any]) -> tuple[str, int, str, bool]:
    code, version = document.get("code"), document.get("version")
    title, withdrawn = document.get("title"), document.get("withdrawn")
    problems = {}
    if not isinstance(code, str) or not 0 < len(code) <= 60:  # noqa: PLR2004 - the column's length
        problems["code"] = "应为不超过 60 个字符的资源代码"
    if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 2**31:
        problems["version"] = "应为正整数"
    if not isinstance(title, str) or not 0 < len(title) <= 120:  # noqa: PLR2004 - the column's length
        problems["title"] = "应为不超过 120 个字符的名称"
    if not isinstance(withdrawn, bool):
        problems["withdrawn"] = "应为 true 或 false"
    if problems:
        raise InvalidInput("目录没有收下。", fields=problems)
    return str(code), int(str(version)), str(title), bool(withdrawn)


def _tell_entry(item: LowerEntry) -> None:
    emit(
        type="city.cascade.lower_entry.received", source="cascade", subject=item.code,
        data={"platform": item.platform_id, "version": item.version, "withdrawn": item.withdrawn},
    )  # fmt: skip
    if not item.withdrawn:
        notify(
            organization=bureau(), permission=MANAGE, title=f"{item.platform}上报目录：{item}",
            url=reverse("cascade:lower-entries"), key=f"cascade-lower-entry:{item.pk}",
        )  # fmt: skip


def entry_of(*, platform: Platform, code: str, version: int, withdrawn: bool) -> LowerEntry:
    """What became of a version.

    Raises:
        NotFound: it never came.
    """
    item = LowerEntry.objects.filter(
        platform=platform, code=code, version=version, withdrawn=withdrawn
    ).first()
    if item is None:
        raise NotFound("没有收到过这一版目录。")
    return item


def decide_entry(*, actor: Actor, item: LowerEntry, accept: bool, reason: str = "") -> None:
    """Accept a lower platform's entry, or return it with a reason.

    Raises:
        Conflict: decided already. InvalidInput: returned without a reason.
    """
    check(actor, MANAGE, item)
    if not accept and not reason.strip():
        raise InvalidInput("没有退回。", fields={"reason": "请写明原因，对方单位会看到"})
    with unit_of_work():
        locked = LowerEntry.objects.select_for_update().get(pk=item.pk)
        if locked.decided_at is not None:
            raise Conflict("这一版目录已经审核过。", kept="没有做任何改动。")
        item.state = EntryState.ACCEPTED if accept else EntryState.RETURNED
        item.reason, item.decided_at = reason.strip()[:300], timezone.now()
        item.decided_by = actor.account
        item.save()
        record(
            actor=actor, action="cascade.lower_entry_decided", obj=item,
            after={"state": item.state}, reason=reason,
        )  # fmt: skip


# Batches handed up


def channel_of(platform: Platform, dataset: str) -> Channel:
    """The channel of a dataset.

    Raises:
        NotFound: nobody agreed to receive it.
    """
    found = Channel.objects.select_related("platform", "resource__provider", "source").filter(
        platform=platform, dataset=dataset, active=True
    ).first()  # fmt: skip
    if found is None:
        raise NotFound(f"没有约定接收“{dataset[:63]}”。", advice="请联系上级平台先开通接收。")
    return found


def part_place(platform: Platform, dataset: str, number: int, name: str) -> Path:
    """Where a part of a batch waits for its note.

    Raises:
        NotFound: not agreed. InvalidInput: a name that is none.
    """
    if not DATASET.fullmatch(dataset) or not FILE_NAME.fullmatch(name) or number < 1:
        raise InvalidInput("数据集、批次号或文件名写法不对。", kept=_KEPT)
    channel = channel_of(platform, dataset)
    return Incoming(channel=channel, number=number).staging / name


def take_part(*, passing: Path, place: Path) -> None:
    """Keep a received part durably under its name; the same again is fine, another content replaces it.

    What counts is the note: only files with its digests are loaded.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    passing.replace(place)
    descriptor = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def receive_body(stream: Any, passing: Path) -> str:
    """Write a request's body to disk, durably, and return its SHA-256.

    Raises:
        InvalidInput: too large.
    """
    digest, size = hashlib.sha256(), 0
    passing.parent.mkdir(parents=True, exist_ok=True)
    with passing.open("wb") as file:
        while piece := stream.read(1024 * 1024):
            size += len(piece)
            if size > MOST_PART_BYTES:
                file.close()
                passing.unlink()
                raise InvalidInput(
                    f"一个文件不超过 {MOST_PART_BYTES >> 20} MB。",
                    kept=_KEPT,
                    advice="请多分几个文件。",
                )
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def passing_folder() -> Path:
    """Where bodies lie while nobody knows yet who sent them."""
    return cascade_root() / "passing"


def take_delivery(*, platform: Platform, dataset: str, number: int, document: Any) -> Incoming:
    """A lower platform says that a batch is complete: take the note, check the files, queue the load.

    Raises:
        InvalidInput: the note cannot be used. Conflict: the number was used for other content.
    """
    channel = channel_of(platform, dataset)
    try:
        note = Note.parse(document)
    except NoteError as error:
        raise InvalidInput("交接单用不了。", kept=_KEPT, fields={"note": str(error)}) from error
    if (note.dataset, note.number) != (dataset, number):
        raise InvalidInput("交接单与地址里的数据集、批次号不一致。", kept=_KEPT)
    if not note.files and note.rows:
        raise InvalidInput("交接单上有行数而没有文件。", kept=_KEPT)
    item = receiving.take_note(channel=channel, note=note)
    if item.state == IncomingState.NOTED:
        receiving.bring(item=item, fetch=lambda _note, file, target: _staged(item, file, target))
    return item


def _staged(item: Incoming, file: NoteFile, target: Path) -> None:
    place = item.staging / file.name
    if not place.is_file():
        raise UpperError(f"缺文件 {file.name}", absent=True)
    # A link, not a move: should this run be killed, the next finds the part where it was.
    target.hardlink_to(place)


def delivery_of(*, platform: Platform, dataset: str, number: int) -> Incoming:
    """A batch that was handed up; that its receipt was fetched is noted.

    Raises:
        NotFound: no note came with this number.
    """
    item = Incoming.objects.select_related("channel", "batch").filter(
        channel=channel_of(platform, dataset), number=number
    ).exclude(state=IncomingState.MISSING).first()  # fmt: skip
    if item is None:
        raise NotFound("没有收到过这一批。", advice="请重送文件和交接单。")
    if item.batch is not None and item.state == IncomingState.LOADING:
        receiving.settle_loaded(batch=item.batch)
        item.refresh_from_db()
    if item.receipt and item.receipt_sent_at is None:
        item.receipt_sent_at = timezone.now()
        item.save(update_fields=["receipt_sent_at"])
    return item


# Batches handed down


def _offered(platform: Platform, dataset: str) -> Any:
    rows = Outgoing.objects.select_related("plan__platform", "plan__resource")
    return rows.filter(
        plan__platform=platform, plan__dataset=dataset,
        state__in=(OutgoingState.DELIVERED, *ANSWERED),
    )  # fmt: skip


def notes_for(*, platform: Platform, dataset: str, after: int) -> list[dict[str, Any]]:
    """Notes of what waits for a lower platform, lowest number first."""
    rows = _offered(platform, dataset).filter(number__gt=after).order_by("number")
    return list(rows.values_list("note", flat=True)[:MOST_NOTES])


def offered(*, platform: Platform, dataset: str, number: int) -> Outgoing:
    """One batch that is handed down.

    Raises:
        NotFound: there is none, or it is another platform's.
    """
    item: Outgoing | None = _offered(platform, dataset).filter(number=number).first()
    if item is None:
        raise NotFound("没有这一批。")
    return item


def offered_part(*, platform: Platform, dataset: str, number: int, name: str) -> Path:
    """The file of a batch that is handed down.

    Raises:
        NotFound: no such batch or file, or it was cleared after the receipt.
    """
    item = offered(platform=platform, dataset=dataset, number=number)
    part = Part.objects.filter(outgoing=item, name=name).first()
    path = building.path_of(item, name)
    if part is None or not path.is_file():
        raise NotFound("没有这个文件，或已在收到回执后清理。", advice="需要时请要求重送。")
    Part.objects.filter(pk=part.pk, sent_at=None).update(sent_at=timezone.now())
    return path


def take_receipt(*, platform: Platform, dataset: str, number: int, document: Any) -> Outgoing:
    """A lower platform's receipt.

    Raises:
        InvalidInput: it does not add up, or is of another batch.
    """
    item = offered(platform=platform, dataset=dataset, number=number)
    try:
        receipt = Receipt.parse(document)
    except NoteError as error:
        raise InvalidInput("回执用不了。", kept=_KEPT, fields={"receipt": str(error)}) from error
    if (receipt.dataset, receipt.number) != (dataset, number):
        raise InvalidInput("回执与地址里的数据集、批次号不一致。", kept=_KEPT)
    settling.take_receipt(outgoing=item, receipt=receipt)
    return item


def asked_again(*, platform: Platform, dataset: str, number: int) -> Outgoing:
    """A lower platform lacks a batch, or got it damaged.

    Raises:
        NotFound: there is none.
    """
    item = offered(platform=platform, dataset=dataset, number=number)
    with unit_of_work():
        delivering.redeliver(outgoing=item)
        record(
            actor=platform_actor(platform.name), action="cascade.asked_again", obj=item,
            after={"number": number},
        )  # fmt: skip
    item.refresh_from_db()
    return item
