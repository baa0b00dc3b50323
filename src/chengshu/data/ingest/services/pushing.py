"""Rows that a department's program pushes: begin, numbered parts, commit. Durable before it is answered.

A part lies on disk (fsync) before its answer; the commit names how many rows there should be, and only then a
batch is queued. The same idempotency key, the same part number and a second commit get the first answer again.
"""

import hashlib
import hmac
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.db import IntegrityError
from django.utils import timezone

from chengshu.data.catalog.facade import Way, collectable, published, published_by_id
from chengshu.data.ingest.choices import Origin, PushState
from chengshu.data.ingest.models import (
    REQUESTS_PER_MINUTE,
    ROWS_PER_MINUTE,
    Batch,
    PushAnswer,
    PushPart,
    PushSession,
    PushToken,
)
from chengshu.data.ingest.reading.errors import ReadingError
from chengshu.data.ingest.reading.json_text import DECODER, flat
from chengshu.data.ingest.reading.rows import HeaderPlan, RowBatch
from chengshu.data.ingest.services import push_limits
from chengshu.data.ingest.services.uploads import check_mapping, queue
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput, NotFound, NotSignedIn, TooMany
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.unit_of_work import unit_of_work

MAX_ROWS = 10_000
MAX_BYTES = 5 * 1024 * 1024
MAX_PARTS = 10_000
MAX_OPEN = 20
KEPT = timedelta(hours=24)
_START = "cspush"
_NAMED = 20
_KEY_LENGTH = 100
_NOTE_USE_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pushing program is told."""

    status: int
    body: dict[str, Any]


def issue_token(
    *,
    actor: Actor,
    name: str,
    owner: Organization,
    requests_per_minute: int = REQUESTS_PER_MINUTE,
    rows_per_minute: int = ROWS_PER_MINUTE,
) -> tuple[PushToken, str]:
    """A new token and its text, which is shown this once.

    Raises:
        InvalidInput: no name, or a limit out of range.
    """
    check(actor, "ingest.source.manage", owner)
    wrong = push_limits.limit_problems(requests_per_minute, rows_per_minute, largest_part=MAX_ROWS)
    if not name.strip():
        wrong["name"] = "请填写"
    if wrong or actor.account is None:
        raise InvalidInput("没有签发令牌。", fields=wrong)
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    with unit_of_work():
        token = PushToken.objects.create(
            name=name.strip(), owner=owner, prefix=prefix, secret_hash=_hash(secret),
            created_by=actor.account, requests_per_minute=requests_per_minute,
            rows_per_minute=rows_per_minute,
        )  # fmt: skip
        record(actor=actor, action="ingest.push_token_issued", obj=token)
    return token, f"{_START}-{prefix}-{secret}"


def revoke_token(*, actor: Actor, token: PushToken) -> None:
    """From now on nobody can push with it."""
    check(actor, "ingest.source.manage", token)
    if token.revoked_at is None:
        with unit_of_work():
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
            record(actor=actor, action="ingest.push_token_revoked", obj=token)


def authenticate(header: str) -> PushToken:
    """The token of an ``Authorization: Bearer`` header.

    Raises:
        NotSignedIn: missing, unknown, wrong or revoked; which of them is not said.
    """
    kind, _, text = header.partition(" ")
    start, _, rest = text.strip().partition("-")
    prefix, _, secret = rest.partition("-")
    found = None
    if kind.lower() == "bearer" and start == _START:
        rows = PushToken.objects.select_related("owner", "created_by")
        found = rows.filter(prefix=prefix, revoked_at=None).first()
    given = _hash(secret)
    if found is None or not hmac.compare_digest(found.secret_hash, given):
        raise NotSignedIn("推送令牌无效或已吊销。", advice="请在“数据源 → 推送令牌”签发新的。")
    now = timezone.now()
    if found.last_used_at is None or now - found.last_used_at > _NOTE_USE_AFTER:
        PushToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def _hash(secret: str) -> str:
    # A token has 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode()).hexdigest()


def once(token: PushToken, key: str, body: bytes, act: Callable[[], Answer]) -> Answer:
    """Do ``act`` once per idempotency key; afterwards the same request gets the same answer.

    Raises:
        InvalidInput: no key. Conflict: the key was used with another content.
    """
    if not 0 < len(key) <= _KEY_LENGTH:
        raise InvalidInput(
            f"请求头 Idempotency-Key 必须有，不超过 {_KEY_LENGTH} 个字符。",
            advice="每次新的推送用一个新的键，重试时用原来的键。",
        )
    digest = hashlib.sha256(body).hexdigest()
    known = _known(token, key, digest)
    if known is not None:
        return known
    try:
        with unit_of_work():
            known = _known(token, key, digest)
            if known is not None:
                return known
            answer = act()
            PushAnswer.objects.create(
                token=token, key=key, request_hash=digest, status=answer.status, body=answer.body
            )
    except IntegrityError:
        # Two requests with one key at the same moment: the other one was first.
        known = _known(token, key, digest)
        if known is None:
            raise
        return known
    return answer


def _known(token: PushToken, key: str, digest: str) -> Answer | None:
    found = PushAnswer.objects.filter(token=token, key=key).first()
    if found is None:
        return None
    if not hmac.compare_digest(found.request_hash, digest):
        raise Conflict(
            "这个 Idempotency-Key 已用于另一个内容。",
            kept="没有重复接收。",
            advice="新的推送请换一个新的键。",
        )
    return Answer(found.status, found.body)


def begin(*, token: PushToken, resource_code: str) -> PushSession:
    """Open a delivery for a published resource of the token's organisation.

    Raises:
        NotFound: no such resource, or another organisation's. TooMany: too many deliveries are open.
        Conflict: entries of this kind are not pushed.
    """
    resource = published(resource_code)
    if not resource.provider_path.startswith(token.owner.path):
        raise NotFound(f"目录中没有“{resource_code}”，或它不属于令牌的单位。")
    collectable(resource, Way.PUSH)
    if token.sessions.filter(state=PushState.OPEN).count() >= MAX_OPEN:
        raise TooMany(
            f"这个令牌已有 {MAX_OPEN} 个没有提交的推送。",
            advice="请先提交或放弃它们；24 小时后自动放弃。",
        )
    return PushSession.objects.create(token=token, resource_id=resource.id)


def session_of(token: PushToken, pk: Any) -> PushSession:
    """A delivery of this token.

    Raises:
        NotFound: there is none.
    """
    found = (
        PushSession.objects.filter(token=token, pk=pk)
        .select_related("resource", "batch", "token")
        .first()
    )
    if found is None:
        raise NotFound("没有这个推送，或它不是这个令牌开始的。")
    return found


def add_part(*, session: PushSession, number: int, content: bytes) -> Answer:
    """Keep one part; on disk before this returns.

    Raises:
        InvalidInput: not JSON rows, too many, an unknown column. Conflict: committed already, or the number
            was used with another content. TooMany: the token has pushed too many rows in this minute.
    """
    if not 1 <= number <= MAX_PARTS:
        raise InvalidInput(f"部分的序号应在 1 到 {MAX_PARTS:,} 之间。")
    rows = _rows(session, content)
    digest = hashlib.sha256(content).hexdigest()
    answer = Answer(202, {"session": str(session.pk), "part": number, "rows": len(rows)})
    if not session.parts.filter(number=number).exists():  # a repeat costs a request, but no rows
        push_limits.count_rows(session.token, len(rows))
    with unit_of_work():
        locked = PushSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
        known = locked.parts.filter(number=number).first()
        if known is not None:
            if known.sha256 == digest:
                return answer
            raise Conflict(
                f"第 {number} 部分已经收到过，内容不同。",
                kept="保留先收到的。",
                advice="请核对序号，或放弃后重新推送。",
            )
        if locked.state != PushState.OPEN:
            raise Conflict("这个推送已经结束，不能再加。", advice="请开始一个新的推送。")
        _keep(locked.folder, number, rows)
        PushPart.objects.create(session=locked, number=number, rows=len(rows), sha256=digest)
    return answer


def _rows(session: PushSession, content: bytes) -> list[dict[str, str | None]]:
    """The rows of a part as text by data item."""
    if len(content) > MAX_BYTES:
        raise _too_much()
    try:
        body = DECODER.decode(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidInput("请求体不是 UTF-8 的 JSON。", kept="这一部分没有收下。") from error
    rows = body.get("rows") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) and r for r in rows):
        raise InvalidInput('请求体应是 {"rows": [{…}, …]}，至少一行。', kept="这一部分没有收下。")
    if len(rows) > MAX_ROWS:
        raise _too_much()
    flattened = [flat(row) for row in rows]
    mapping = _mapping(session.resource_id, {name for row in flattened for name in row})
    return [{mapping[name]: value for name, value in row.items()} for row in flattened]


def _too_much() -> InvalidInput:
    return InvalidInput(
        f"一个部分不超过 {MAX_ROWS:,} 行、{MAX_BYTES >> 20} MB。",
        kept="这一部分没有收下。",
        advice="请分成几个部分。",
    )


def _mapping(resource_id: int, names: set[str]) -> dict[str, str]:
    """Names in the rows (of data items, or their titles) → data items."""
    resource = published_by_id(resource_id)
    mapping: dict[str, str] = resource.contract.match_headers(sorted(names))
    unknown = sorted(names - mapping.keys())
    if unknown:
        known = "、".join(c.name for c in resource.columns)
        raise InvalidInput(
            f"目录里没有这些数据项：{'、'.join(unknown[:_NAMED])}。", kept="这一部分没有收下。",
            advice=f"可用的有：{known}。",
        )  # fmt: skip
    return mapping


def _keep(folder: Path, number: int, rows: list[dict[str, str | None]]) -> None:
    """Write, fsync, rename, fsync the folder: after this a power cut loses nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, number)
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    for place in (folder, folder.parent):
        opened = os.open(place, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}.ndjson"


def commit(*, session: PushSession, rows: int, actor: Actor) -> Answer:
    """End a delivery of ``rows`` rows and queue its collection.

    Raises:
        Conflict: a part is missing (says which), or it was given up. InvalidInput: the rows do not add up, or a
            required data item is in none of them.
    """
    with unit_of_work():
        locked = PushSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
        parts = list(locked.parts.order_by("number").values_list("number", "rows"))
        received = sum(count for _, count in parts)
        if locked.state == PushState.COMMITTED and received == rows:
            return _committed(locked, received)
        if locked.state != PushState.OPEN:
            raise Conflict("这个推送已经结束。", advice="请开始一个新的推送。")
        _complete([number for number, _ in parts])
        if received != rows:
            raise InvalidInput(
                f"收到 {received:,} 行，提交时说有 {rows:,} 行。", kept="已收到的部分都在。",
                advice="请补上缺的部分，或更正行数后再提交。",
            )  # fmt: skip
        locked.columns = sorted(_columns(locked))
        mapping = {name: name for name in locked.columns}
        check_mapping(published_by_id(locked.resource_id), mapping)
        batch = Batch(
            resource_id=locked.resource_id, origin=Origin.PUSH, created_by=locked.token.created_by,
            options={"session": str(locked.pk), "mapping": mapping, "rows": rows},
        )  # fmt: skip
        queue(actor=actor, batch=batch)
        locked.batch, locked.state, locked.ended_at = batch, PushState.COMMITTED, timezone.now()
        locked.save()
        record(
            actor=actor, action="ingest.push_committed", obj=batch,
            after={"rows": rows, "parts": len(parts)},
        )  # fmt: skip
    return _committed(locked, received)


def _complete(numbers: list[int]) -> None:
    if not numbers:
        raise Conflict("还没有收到任何部分。", advice="请先推送，再提交。")
    missing = sorted(set(range(1, numbers[-1] + 1)) - set(numbers))
    if missing:
        listed = "、".join(map(str, missing[:_NAMED])) + ("…" if len(missing) > _NAMED else "")
        raise Conflict(
            f"缺少第 {listed} 部分。", kept="已收到的部分都在。", advice="请补上后再提交。",
            fields={"missing": ",".join(map(str, missing[:_NAMED]))},
        )  # fmt: skip


def _columns(session: PushSession) -> set[str]:
    names: set[str] = set()
    for part in session.parts.order_by("number"):
        with _path(session.folder, part.number).open(encoding="utf-8") as file:
            for line in file:
                names |= json.loads(line).keys()
    return names


def _committed(session: PushSession, rows: int) -> Answer:
    batch = session.batch
    assert batch is not None
    return Answer(
        202,
        {
            "session": str(session.pk), "batch": str(batch.pk), "rows": rows,
            "status": f"/api/v1/ingest/push/sessions/{session.pk}",
        },
    )  # fmt: skip


def abandon(*, session: PushSession) -> None:
    """Give a delivery up; its parts are removed.

    Raises:
        Conflict: it was committed.
    """
    with unit_of_work():
        locked = PushSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
        if locked.state == PushState.COMMITTED:
            raise Conflict("这个推送已经提交，不能放弃。")
        locked.state, locked.ended_at = PushState.ABANDONED, timezone.now()
        locked.save(update_fields=["state", "ended_at"])
    shutil.rmtree(session.folder, ignore_errors=True)


def sweep_pushed() -> int:
    """Give up deliveries nobody committed within a day, and forget old answers; returns how many were given up."""
    before = timezone.now() - KEPT
    stale = PushSession.objects.filter(state=PushState.OPEN, begun_at__lt=before)
    count = 0
    for session in stale:
        abandon(session=session)
        count += 1
    push_limits.forget_minutes()
    PushAnswer.objects.filter(at__lt=timezone.now() - 30 * KEPT).delete()
    return count


def state_of(session: PushSession) -> dict[str, Any]:
    """How far a delivery is, for the program that pushes it."""
    numbers = list(session.parts.order_by("number").values_list("number", flat=True))
    missing = sorted(set(range(1, (numbers[-1] if numbers else 0) + 1)) - set(numbers))
    batch = session.batch
    loaded = batch is not None and batch.state == "loaded"
    return {
        "session": str(session.pk), "resource": session.resource.code, "state": session.state,
        "parts": len(numbers), "missing": missing[:_NAMED],
        "batch": str(batch.pk) if batch else None, "batch_state": batch.state if batch else None,
        "balance": {
            "source": batch.source_rows, "accepted": batch.accepted,
            "quarantined": batch.quarantined, "duplicates": batch.duplicates,
        } if batch and loaded else None,
        "error": batch.error if batch else "",
    }  # fmt: skip


def pushed_rows(batch: Batch) -> Iterator[RowBatch]:
    """The rows of a committed delivery, one batch a part, numbered in order.

    Call it in the thread that owns the database connection; the iterator may be drained in another.
    """
    session = PushSession.objects.get(pk=batch.options["session"])
    counts = list(session.parts.order_by("number").values_list("number", "rows"))
    return _pushed(session.folder, counts, batch.options["mapping"])


def _pushed(
    folder: Path, counts: list[tuple[int, int]], mapping: Mapping[str, str]
) -> Iterator[RowBatch]:
    names = tuple(mapping.values())
    plan = HeaderPlan(
        positions=tuple(range(len(names))), names=names, headers=tuple(mapping), width=len(names)
    )
    first, total = 1, max(sum(count for _, count in counts), 1)
    for number, count in counts:
        try:
            with _path(folder, number).open(encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
        except (OSError, ValueError) as error:
            raise ReadingError(f"推送的第 {number} 部分读不出来。请让对方重新推送。") from error
        if len(rows) != count:
            raise ReadingError(f"推送的第 {number} 部分应有 {count:,} 行，只剩 {len(rows):,} 行。")
        columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in mapping]
        numbers = range(first, first + count)
        first += count
        yield RowBatch(plan.batch(numbers, columns), (), (first - 1) / total)
