"""Opening a data source for a batch, a plan or a reconciliation: rows, counts and checksums.

Who calls decides who may: these functions ask for no actor, because schedules have none.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch, DataSource, TakenFile
from chengshu.data.ingest.reading import RowBatch
from chengshu.data.ingest.services import clocks
from chengshu.data.ingest.services.sources import connection, opened
from chengshu.data.ingest.sources import (
    Checksum,
    DropConnector,
    DroppedFile,
    ExchangeFolder,
    SourceStructure,
    Window,
)

_FETCHED = "fetched"


def read(
    source: DataSource,
    name: str,
    mapping: Mapping[str, str],
    *,
    cursor_column: str | None = None,
    since: str | None = None,
    until: str | None = None,
    since_inclusive: bool = True,
    until_inclusive: bool = False,
    with_empty: bool = False,
) -> Iterator[RowBatch]:
    """Stream an object of a source; nothing is complete before the iterator has ended without an error.

    ``name`` is as in :class:`SourceObject`, e.g. ``public.person``; ``mapping`` goes from source column to data item.
    With a ``cursor_column`` only rows from ``since`` (inclusive unless told) to ``until`` (exclusive unless told)
    come, and ``with_empty`` also those where it is empty.

    Raises:
        SourceError: with a ``reason``; ``passing`` says whether later may help.
    """
    window = None
    if cursor_column is not None and (since is not None or until is not None):
        window = Window(
            column=cursor_column, since=since, until=until, since_inclusive=since_inclusive,
            until_inclusive=until_inclusive, with_empty=with_empty,
        )  # fmt: skip
    with opened(source) as to:
        yield from source.connector.read(to, name, mapping, window=window)


def structure(source: DataSource, name: str) -> SourceStructure:
    """The columns of an object now.

    Raises:
        SourceError: it is gone, or the source cannot be reached.
    """
    with opened(source) as to:
        return source.connector.structure(to, name)


def count(source: DataSource, name: str, window: Window | None = None) -> int:
    """Rows of an object or window, counted by the source.

    Raises:
        SourceError: also when the kind cannot count.
    """
    with opened(source) as to:
        return source.connector.count(to, name, window=window)


def checksum(
    source: DataSource, name: str, columns: Sequence[str], window: Window | None = None
) -> Checksum:
    """Rows and digest of columns, worked out by the source; ``sources.sql.duckdb_digest`` is the lake's side.

    Raises:
        SourceError: also when the kind cannot.
    """
    with opened(source) as to:
        return source.connector.checksum(to, name, columns, window=window)


def highest(source: DataSource, name: str, column: str) -> str | None:
    """The largest value of a column, as text the source takes back as ``since`` or ``until``.

    Raises:
        SourceError: also when the kind cannot.
    """
    with opened(source) as to:
        return source.connector.highest(to, name, column)


def clock(source: DataSource) -> clocks.Reading | None:
    """The source's own time now; the difference from ours is kept for its page. None where it has no clock to ask."""
    with opened(source) as to:
        found = clocks.look(source, to)
    source.save(update_fields=clocks.NOTED)
    return found


@contextmanager
def exchange(source: DataSource) -> Iterator[ExchangeFolder]:
    """The source's folder opened for leaving and taking files, with its own account and its remembered host key.

    Raises:
        SourceError: also when the kind cannot.
    """
    with opened(source) as to, source.connector.exchange(to) as folder:
        yield folder


def batch_rows(batch: Batch) -> Iterator[RowBatch]:
    """The rows of a batch that comes from a data source, as its options say.

    Options: ``object`` (or ``schema`` and ``table``), ``mapping``, and optionally ``window`` (the fields of
    :class:`Window`). A source of files gives the files nobody has taken for this resource; a rerun gives the same.
    Call it in the thread that owns the database connection; the iterator may be drained in another.
    """
    source, options = batch.data_source, batch.options
    assert source is not None
    name, kind = object_name(options), source.connector
    if isinstance(kind, DropConnector):
        return _file_rows(kind, batch, source, name)
    given = options.get("window")
    folder = Path(batch.folder) / _FETCHED
    folder.mkdir(parents=True, exist_ok=True)
    return kind.read(
        connection(source, folder), name, options["mapping"],
        window=Window(**given) if given else None,
    )  # fmt: skip


def object_name(options: Mapping[str, object]) -> str:
    """Which object a batch's options name."""
    return str(options.get("object") or f"{options['schema']}.{options['table']}")


def pending_files(source: DataSource, resource_id: int, name: str) -> list[DroppedFile]:
    """Complete files that fit ``name`` and that no queued, running, loaded or failed batch of the resource took.

    A file whose batch failed is not taken again by itself: repeat that batch.

    Raises:
        SourceError: the folder cannot be read.
    """
    kind = source.connector
    assert isinstance(kind, DropConnector)
    with opened(source) as to:
        ready = kind.ready(to, name)
    taken = TakenFile.objects.filter(source=source, resource_id=resource_id)
    rows = taken.exclude(batch__state=BatchState.CANCELLED).values_list("name", "size", "modified")
    known = {DroppedFile(*row).identity for row in rows}
    return [file for file in ready if file.identity not in known]


def _file_rows(
    kind: DropConnector, batch: Batch, source: DataSource, name: str
) -> Iterator[RowBatch]:
    """The files of a batch, remembered before the first is fetched; all are here before the first is read."""
    folder = Path(batch.folder) / _FETCHED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    to = connection(source, folder)
    paths = []
    for taken in _claimed(batch, source, name):
        file = DroppedFile(taken.name, taken.size, taken.modified)
        path, taken.sha256 = kind.fetch(to, file)
        taken.repeated = _delivered_before(taken)
        taken.save(update_fields=["sha256", "repeated"])
        if taken.repeated:
            path.unlink()
        else:
            paths.append(path)
    return kind.read_fetched(to, paths, batch.options["mapping"])


def _delivered_before(taken: TakenFile) -> bool:
    same = TakenFile.objects.filter(
        source=taken.source_id, resource=taken.resource_id, name=taken.name, sha256=taken.sha256,
        repeated=False, batch__state=BatchState.LOADED,
    )  # fmt: skip
    return same.exclude(batch=taken.batch_id).exists()


def _claimed(batch: Batch, source: DataSource, name: str) -> list[TakenFile]:
    """What this batch took; at its first run all that is pending, or what the batch it repeats had taken."""
    known = list(batch.taken_files.order_by("pk"))
    if known:
        return known
    repeats = batch.options.get("files_of")
    earlier = TakenFile.objects.filter(batch=repeats).order_by("pk") if repeats else ()
    files = [DroppedFile(t.name, t.size, t.modified) for t in earlier]
    files = files or pending_files(source, batch.resource_id, name)
    return TakenFile.objects.bulk_create(
        TakenFile(
            source=source, batch=batch, resource_id=batch.resource_id, name=file.name,
            size=file.size, modified=file.modified,
        )
        for file in files
    )  # fmt: skip
