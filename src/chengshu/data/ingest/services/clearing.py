"""What becomes of dropped files once their batch is in the lake: left, moved to a sub-folder, or renamed.

Only a file whose batch is booked is touched, only if it is still the one that was taken (name, size and time), and
only when every resource that reads the folder has it. A kill at any point leaves it to the next time: a file that
is no longer there has been moved already. Nothing is ever overwritten or deleted.
"""

import fnmatch
import logging
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from django.db.models import QuerySet
from django.utils import timezone

from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, DataSource, TakenFile
from chengshu.data.ingest.services.sources import opened
from chengshu.data.ingest.sources import DropConnector, DroppedFile, SourceError
from chengshu.data.ingest.sources.drops import Shelf, away, markers_of, patterns

Reader = tuple[int, str]
# Who else reads files of a source: (resource, pattern). Packages that plan readings register here.
READERS: dict[str, Callable[[DataSource], Iterable[Reader]]] = {}

log = logging.getLogger("chengshu.ingest")


def register_readers(key: str, readers: Callable[[DataSource], Iterable[Reader]]) -> None:
    """Tell of resources that will want files of a source; the same key replaces the earlier one."""
    READERS[key] = readers


def clear(source: DataSource) -> int:
    """Settle the taken files of a source; returns how many are out of the way now.

    A source that cannot be reached, or does not allow it, is no fault of the batch: the reason is kept with each
    file, shown on the page of the source, and the next run tries again.
    """
    kind = source.connector
    if not isinstance(kind, DropConnector):
        return 0
    pending = list(_pending(source)) if source.options.get("after") in ("move", "rename") else []
    if not pending:
        return 0
    readers = _readers(source)
    moved = 0
    try:
        with opened(source) as to, kind.shelf(to) as shelf:
            listed = {file.name: file for file in shelf.list()}
            for taken in pending:
                if _held_by_all(taken, readers):
                    moved += _put_away(taken, shelf, listed, source)
    except SourceError as error:
        log.info("files of source %s stay where they are: %s", source.pk, error)
        left = [t.pk for t in pending if t.cleared_at is None]
        TakenFile.objects.filter(pk__in=left).update(clearing_note=str(error)[:300])
    return moved


def clear_all() -> int:
    """Settle what earlier attempts left, over all sources; returns how many files are out of the way now."""
    waiting = TakenFile.objects.filter(cleared_at=None, batch__state=BatchState.LOADED)
    sources = DataSource.objects.filter(pk__in=waiting.values("source_id"))
    return sum(clear(source) for source in sources)


def stuck(source: DataSource) -> tuple[int, str]:
    """How many collected files could not be moved, and why (the newest reason)."""
    rows = _pending(source).exclude(clearing_note="").order_by("-pk")
    newest = rows.first()
    return (rows.count(), newest.clearing_note) if newest else (0, "")


def _pending(source: DataSource) -> QuerySet[TakenFile]:
    rows = TakenFile.objects.filter(source=source, cleared_at=None, batch__state=BatchState.LOADED)
    return rows.order_by("pk")


def _readers(source: DataSource) -> set[Reader]:
    """Every resource that has read or will read the source, with its pattern."""
    batches = Batch.objects.filter(data_source=source).order_by()
    found = set(batches.values_list("resource_id", "options__object").distinct())
    for readers in READERS.values():
        found |= set(readers(source))
    return {(resource, str(pattern or "")) for resource, pattern in found}


def _held_by_all(taken: TakenFile, readers: set[Reader]) -> bool:
    wanted = {
        resource
        for resource, pattern in readers
        if any(fnmatch.fnmatchcase(taken.name, one) for one in patterns(pattern))
    }
    held = TakenFile.objects.filter(
        source=taken.source_id, name=taken.name, size=taken.size, modified=taken.modified,
        batch__state=BatchState.LOADED,
    )  # fmt: skip
    return wanted <= set(held.values_list("resource_id", flat=True))


def _put_away(
    taken: TakenFile, shelf: Shelf, listed: dict[str, DroppedFile], source: DataSource
) -> int:
    identity = DroppedFile(taken.name, taken.size, taken.modified)
    target = away(source.options, taken.name)
    markers = markers_of(source.options, taken.name, listed)
    try:
        if listed.get(taken.name) == identity:
            if shelf.has(target):  # an earlier file of this name
                path = PurePosixPath(target)
                target = str(path.with_name(f"{taken.modified}-{path.name}"))
            shelf.move(taken.name, target)
        elif taken.name in listed:
            # Written anew since: another delivery, which the next run takes.
            target = ""
        elif not shelf.has(target):
            target = ""
        for marker in markers if taken.name not in listed or target else ():
            place = away(source.options, marker)
            if not shelf.has(place):
                shelf.move(marker, place)
                listed.pop(marker, None)
    except (OSError, SourceError) as error:
        words = str(error) if isinstance(error, SourceError) else "对方不允许移动或改名。"
        taken.clearing_note = words[:300]
        taken.save(update_fields=["clearing_note"])
        return 0
    taken.cleared_at, taken.cleared_to, taken.clearing_note = timezone.now(), target, ""
    taken.save(update_fields=["cleared_at", "cleared_to", "clearing_note"])
    return 1
