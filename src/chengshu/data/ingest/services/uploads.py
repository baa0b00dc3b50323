"""A person brings a file: keep it, look at it, let the person confirm how to read it, queue the load."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chengshu.data.catalog.facade import (
    PublishedResource,
    Way,
    collectable,
    published,
    published_by_id,
)
from chengshu.data.ingest.choices import BatchState, Origin
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.reading import (
    FileReport,
    ReadingError,
    ReadLimits,
    ReadOptions,
    sniff,
)
from chengshu.data.ingest.reading.encodings import CERTAIN, canonical, check_choice
from chengshu.data.ingest.reading.errors import NOTHING_LOADED
from chengshu.data.ingest.reading.rows import plan_headers
from chengshu.data.ingest.reading.sniffing import DELIMITERS
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import check
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.files.services import store
from chengshu.kernel.jobs.services import enqueue
from chengshu.kernel.unit_of_work import unit_of_work

LIMITS = ReadLimits()
PURPOSE = "ingest"
HEADER_ROWS = 40


@dataclass(frozen=True, slots=True)
class Inspection:
    """A look at an uploaded file beside what the catalogue expects."""

    batch: Batch
    resource: PublishedResource
    report: FileReport
    mapping: dict[str, str]

    @property
    def missing(self) -> list[str]:
        """Titles of required data items that no header is mapped to."""
        mapped = set(self.mapping.values())
        return [c.title for c in self.resource.columns if c.required and c.name not in mapped]

    @property
    def unused(self) -> list[str]:
        """Headers that will not be loaded."""
        return [h for h in self.report.headers if h and h not in self.mapping]


def upload(*, actor: Actor, resource_code: str, name: str, chunks: Iterable[bytes]) -> Batch:
    """Keep a file and open a batch for it; nothing is loaded before somebody confirms the reading.

    Raises:
        InvalidInput: not a table, misnamed, damaged, too large, or an archive bomb.
        Conflict: entries of this kind are not collected from files.
    """
    resource = published(resource_code)
    batch = Batch(resource_id=resource.id, origin=Origin.FILE, created_by=actor.account)
    check(actor, "ingest.batch.create", batch)
    collectable(resource, Way.FILE)
    file = store(
        actor=actor, name=name, chunks=chunks, purpose=PURPOSE,
        organization=batch.resource.provider,
    )  # fmt: skip
    # A file that cannot be read leaves no batch. Looking unpacks workbooks, so no transaction is held meanwhile.
    look(file)
    with unit_of_work():
        batch.file = file
        batch.save()
        record(actor=actor, action="ingest.file_uploaded", obj=batch, after={"file": file.name})
    return batch


def look(
    file: StoredFile,
    *,
    encoding: str = "",
    delimiter: str = "",
    header_row: int | None = None,
    sheet: str = "",
) -> FileReport:
    """Sniff a stored file under its own name (a file must be what its name says).

    Raises:
        InvalidInput: not a table, misnamed, damaged, too large, an archive bomb; or a choice that cannot be.
    """
    if delimiter and delimiter not in DELIMITERS:
        raise InvalidInput(
            "分隔符只能是逗号、制表符、分号或竖线。", fields={"delimiter": "请重新选择"}
        )
    if header_row is not None and not 1 <= header_row <= HEADER_ROWS:
        raise InvalidInput(
            f"表头所在的行应在 1 到 {HEADER_ROWS} 之间。",
            fields={"header_row": f"请填 1 到 {HEADER_ROWS}"},
        )
    try:
        return sniff(
            named(file), encoding=canonical(encoding) if encoding else None,
            delimiter=delimiter or None, header_row=header_row, sheet=sheet or None, limits=LIMITS,
        )  # fmt: skip
    except ReadingError as error:
        raise InvalidInput(str(error)) from error
    except UnicodeError as error:
        raise _wrong_encoding(encoding) from error


def _wrong_encoding(encoding: str) -> InvalidInput:
    return InvalidInput(
        f"文件不是 {encoding.upper()} 编码，编码选错了。{NOTHING_LOADED}", advice="请改选编码后重试。",
        fields={"encoding": "请改选编码"},
    )  # fmt: skip


def named(file: StoredFile) -> Path:
    """A link to the content under the person's file name, because the reader compares both."""
    folder = file.path.parent / f"{file.path.name}.names"
    folder.mkdir(exist_ok=True)
    link = folder / file.name
    with suppress(FileExistsError):
        link.symlink_to(file.path)
    return link


def inspect(*, actor: Actor, batch: Batch, **choices: object) -> Inspection:
    """What the confirmation page shows: preview, encoding with evidence, and the proposed mapping."""
    check(actor, "ingest.batch.create", batch)
    if batch.file is None:
        raise Conflict("这个批次不是上传文件。")
    resource = published_by_id(batch.resource_id)
    report = look(batch.file, **choices)  # type: ignore[arg-type]
    mapping = resource.contract.match_headers(list(report.headers))
    return Inspection(batch, resource, report, mapping)


def confirm(
    *,
    actor: Actor,
    batch: Batch,
    mapping: dict[str, str],
    encoding: str = "",
    delimiter: str = "",
    header_row: int | None = None,
    sheet: str = "",
) -> Batch:
    """Fix how the file is read and queue the load.

    What is left empty is taken from the look at the file; an encoding nobody can be sure of must be chosen.

    Raises:
        InvalidInput: a required data item has no column, two headers go to one data item, a mapped header
            is missing or stands twice, the encoding does not fit or is uncertain.
        Conflict: already confirmed.
    """
    check(actor, "ingest.batch.create", batch)
    if batch.file is None:
        raise Conflict("这个批次不是上传文件。")
    resource = published_by_id(batch.resource_id)
    check_mapping(resource, mapping)
    report = look(
        batch.file, encoding=encoding, delimiter=delimiter, header_row=header_row, sheet=sheet
    )
    if not encoding and report.encodings and report.encodings[0].confidence < CERTAIN:
        raise InvalidInput(
            f"文件编码不能确定。{NOTHING_LOADED}",
            advice="请看各种编码的样例，选定读得通的那一种。",
            fields={"encoding": "请选定编码"},
        )
    chosen = encoding or report.encoding or ""
    _check_headers(resource, mapping, report, chosen)
    options = {
        "mapping": mapping, "encoding": chosen,
        "delimiter": report.delimiter or "", "header_row": report.header_row,
        "sheet": report.sheet or "",
    }  # fmt: skip
    with unit_of_work():
        locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
        if locked.state != BatchState.DRAFT:
            raise Conflict("这个批次已经确认过了。", advice="请到批次页面查看进度。")
        locked.options = options
        queue(actor=actor, batch=locked)
        record(actor=actor, action="ingest.batch_confirmed", obj=locked, after=locked.options)
    return locked


def _check_headers(
    resource: PublishedResource, mapping: dict[str, str], report: FileReport, encoding: str
) -> None:
    """What the load would refuse at its first step is said before it is queued."""
    required = frozenset(c.name for c in resource.columns if c.required)
    try:
        plan_headers(report.headers, ReadOptions(mapping=mapping, required=required))
        if encoding:
            check_choice(report.path, canonical(encoding))
    except ReadingError as error:
        raise InvalidInput(str(error)) from error


def check_mapping(resource: PublishedResource, mapping: dict[str, str]) -> None:
    names = {column.name for column in resource.columns}
    targets = list(mapping.values())
    if unknown := set(targets) - names:
        raise InvalidInput(f"数据项“{min(unknown)}”不在目录里。{NOTHING_LOADED}")
    titles = {column.name: column.title for column in resource.columns}
    if twice := {t for t in targets if targets.count(t) > 1}:
        raise InvalidInput(f"有两列都对应到“{titles[min(twice)]}”。{NOTHING_LOADED}")
    lacking = [c.title for c in resource.columns if c.required and c.name not in targets]
    if lacking:
        listed = "、".join(f"“{title}”" for title in lacking[:8])
        raise InvalidInput(
            f"必填的数据项 {listed} 没有对应的列。{NOTHING_LOADED}",
            advice="请在对应关系中选择，或补上列后重新上传。",
        )


def queue(*, actor: Actor, batch: Batch) -> None:
    """Queue the load of a batch (inside the caller's transaction)."""
    batch.state = BatchState.QUEUED
    batch.save()
    batch.job = enqueue(
        "ingest.load",
        actor=actor,
        title=f"归集：{batch.resource.title}",
        arguments={"batch": str(batch.pk)},
        key=f"ingest:{batch.pk}",
        organization=batch.resource.provider,
        object_url=f"/console/ingest/batches/{batch.pk}/",
    )
    batch.save(update_fields=["job"])
