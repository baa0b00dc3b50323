"""Trails that are anchored and exported: the platform's own acts, and what engines keep besides.

An engine that keeps a trail of its own (sharing: the gateway's calls) registers it here; the kernel
signs all heads together and hands out all trails in one folder.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from chengshu.kernel.access.actor import Actor, platform
from chengshu.kernel.audit.anchor_keys import anchor_file, anchor_key, held, key_file
from chengshu.kernel.audit.models import AuditHead, AuditRecord
from chengshu.kernel.audit.services import hashed_members, record
from chengshu.kernel.errors import Conflict
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_evidence import anchors
from chengshu_evidence.anchors import Anchor
from chengshu_evidence.export import Period, Source, export
from chengshu_evidence.lines import OPERATIONS, canonical
from chengshu_evidence.manifest import Manifest

CHAIN = "00"
_RECORDS_PER_FILE = 50_000


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail beside the platform's own: where its chains end now, and what to export of a period.

    `applications` are whose calls can be exported alone: code and name.
    """

    heads: Callable[[], dict[str, tuple[int, str]]]
    sources: Callable[[Period], Iterable[Source]]
    applications: Callable[[], list[tuple[str, str]]] = list


_TRAILS: dict[str, Trail] = {}


def register_trail(key: str, trail: Trail) -> None:
    """Make a trail known; once per package, at start-up."""
    _TRAILS[key] = trail


def applications() -> list[tuple[str, str]]:
    """Code and name of every application whose calls can be exported alone."""
    return [pair for trail in _TRAILS.values() for pair in trail.applications()]


def anchor() -> Anchor | None:
    """Sign where every chain ends now; None when nothing was added since the last time.

    Raises:
        CryptoUnavailable: this machine has no SM2. KeyringError: others may read the key file.
        Conflict: the private half of the key in force is not here.
    """
    with held():
        heads = _heads()
        return anchors.append(anchor_file(), heads, anchor_key()) if heads else None


def _heads() -> dict[str, tuple[int, str]]:
    heads: dict[str, tuple[int, str]] = {}
    head = AuditHead.objects.filter(id=1).first()
    if head is not None and head.seq:
        heads[f"{OPERATIONS}/{CHAIN}"] = (head.seq, head.hash)
    for trail in _TRAILS.values():
        heads |= trail.heads()
    return heads


def export_trails(
    folder: Path,
    period: Period,
    *,
    owner: str,
    application: str = "",
    actor: Actor | None = None,
    reason: str = "",
    progress: Callable[[int], None] | None = None,
) -> Manifest:
    """Write all trails of a period into a new folder for a third party; the act itself is recorded.

    An anchor is signed first, so that whatever is cut from here on shows: while copying, or in the folder, even by
    whoever holds the key of the manifest. `progress` hears the number of records written so far.
    With `application` only its calls are shown, those of others withheld, and the acts of the platform stay here.

    Raises:
        Conflict: the folder is there already, or the key in force is not; nothing was written.
    """
    anchor()
    sources = [_operations(period)] if _stretch(period) and not application else []
    for trail in _TRAILS.values():
        sources += trail.sources(period)
    try:
        made = export(
            folder, sources, owner=owner, anchors=anchor_file(), private=anchor_key(), period=period,
            keys=key_file(), application=application, progress=progress,
        )  # fmt: skip
    except FileExistsError as error:
        raise Conflict(
            f"文件夹 {folder} 已经存在，没有导出。", advice="请换一个新的文件夹名。"
        ) from error
    with unit_of_work():
        record(
            actor=actor or platform("留痕导出"), action="audit.evidence_exported", object_type="audit",
            object_name="留痕", reason=reason, after={
                "since": made.since, "until": made.until, "application": application,
                "chains": {c.name: [c.first, c.last] for c in made.chains},
            },
        )  # fmt: skip
    return made


def _operations(period: Period) -> Source:
    first, last = _stretch(period) or (1, 0)

    def parts() -> Iterator[tuple[str, Iterable[bytes]]]:
        for number, start in enumerate(range(first, last + 1, _RECORDS_PER_FILE), 1):
            yield f"{number:08d}.jsonl", _lines(start, min(start + _RECORDS_PER_FILE - 1, last))

    return Source(OPERATIONS, CHAIN, parts())


def _stretch(period: Period) -> tuple[int, int] | None:
    """First and last number of the records of a period, without a hole whatever their times say."""
    rows = AuditRecord.objects.order_by("seq")
    if period.since is not None:
        rows = rows.filter(at__gte=period.since)
    if period.until is not None:
        rows = rows.filter(at__lte=period.until)
    first, last = rows.first(), rows.last()
    return (first.seq, last.seq) if first is not None and last is not None else None


def _lines(first: int, last: int) -> Iterator[bytes]:
    rows = AuditRecord.objects.filter(seq__gte=first, seq__lte=last).order_by("seq")
    for item in rows.iterator(chunk_size=2000):
        yield canonical({**hashed_members(item), "hash": item.hash})


def moment_of(text: str, *, end: bool = False) -> datetime:
    """A day or an instant as people type it, in UTC; a day means its beginning, or its end."""
    found = datetime.fromisoformat(text)
    if len(text) <= len("2026-11-30") and end:
        found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return found if found.tzinfo else timezone.make_aware(found)
