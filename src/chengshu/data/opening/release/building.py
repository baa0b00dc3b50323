"""Builds one release and publishes it by a swap in one transaction.

Safe against ``kill -9``: files are written into a folder that nobody reads, the open table's commit key is the job's,
and the public sees the new release only through the dataset's pointer. Until then the former release stays.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.db.models import Max
from django.utils import timezone

from chengshu.data.catalog.facade import PublishedResource, Resource, published_by_id
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening import gate, terms
from chengshu.data.opening.choices import TABULAR, DatasetState, FileFormat
from chengshu.data.opening.disclosure import assessment
from chengshu.data.opening.disclosure.review import ReleaseRefused, Review
from chengshu.data.opening.models import DatasetRelease, OpenDataset, opening_root
from chengshu.data.opening.release.changes import changes
from chengshu.data.opening.release.looking import earlier_releases, figures, looked_at
from chengshu.data.opening.release.places import Places, places_of
from chengshu.data.opening.release.profile import profile
from chengshu.data.opening.release.writers import ColumnNote, open_writer
from chengshu.data.opening.zone import ZoneCopy, lake, source_version
from chengshu.data.protection.facade import mask_name
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.services import record
from chengshu.kernel.errors import ChengshuError, Conflict, Unavailable
from chengshu.kernel.events.services import emit
from chengshu.kernel.jobs.registration import JobContext
from chengshu.kernel.unit_of_work import unit_of_work
from chengshu_lake import LakeError, NoSpace

KEEP_FILES = 5
LEFTOVER_SECONDS = 86_400
RESERVE_BYTES = 200 * 1024 * 1024
POINTS = "points.json"
MAX_CODES = 200


@dataclass(frozen=True, slots=True)
class Built:
    """Files and figures of a release that nobody sees yet."""

    copy: ZoneCopy
    folder: str
    columns: list[dict[str, Any]]
    files: dict[str, dict[str, Any]]
    profile: dict[str, Any]
    spec: str
    approval: dict[str, Any] = field(default_factory=dict)
    review: Review = field(default_factory=dict)


def specification(
    resource: PublishedResource,
    columns: Sequence[ColumnSpec],
    scope: Any,
    masks: Mapping[str, str] | None = None,
    privacy: Mapping[str, Any] | None = None,
) -> str:
    """A digest of what is opened: when it and the data are the same, so would be the release."""
    told = [(c.name, c.title, str(c.type), sorted((c.codes or {}).items())) for c in columns]
    content: list[Any] = [resource.lake_table, told, scope]
    if masks:
        content.append(dict(masks))
    if privacy:
        content.append(dict(privacy))
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def publish_release(
    *, dataset: OpenDataset, actor: Actor, job_id: UUID, context: JobContext | None
) -> dict[str, Any]:
    """Build the dataset's next release from the newest data and swap it in.

    Raises:
        ChengshuError: refused by the gate, nothing collected, withdrawn meanwhile, disk full; the former release stays
            and the dataset remembers the reason.
    """
    done = DatasetRelease.objects.filter(dataset=dataset, job_id=job_id).first()
    if done is not None:
        return {"release": done.number, "rows": done.rows}
    try:
        resource = published_by_id(dataset.resource_id)
        approval = terms.in_force(dataset)
        columns = gate.require(resource, dataset.fields, terms.of_dataset(dataset, resource))
        spec = _spec(dataset, resource, columns)
        if _is_current(dataset, spec, source_version(resource)):
            return _unchanged(dataset)
        built = build(dataset, resource, columns, job_id, context)
        built.approval.update(
            terms.recorded(approval) if terms.needs_approval(dataset, resource) else {}
        )
    except (LakeError, OSError, ChengshuError) as error:
        told = _explained(error)
        note_failure(dataset, told)
        if told is error:
            raise
        raise told from error
    try:
        return _swap(dataset, resource, built, actor=actor, job_id=job_id)
    except Exception:
        shutil.rmtree(opening_root() / built.folder, ignore_errors=True)
        raise


def _spec(dataset: OpenDataset, resource: PublishedResource, columns: Sequence[ColumnSpec]) -> str:
    return specification(resource, columns, dataset.row_filter, dataset.masks, dataset.privacy)


def _is_current(dataset: OpenDataset, spec: str, lake_version: int) -> bool:
    current = dataset.current
    return (
        current is not None
        and (current.spec, current.lake_version) == (spec, lake_version)
        and all(current.file(f).is_file() for f in current.files)
    )


def _unchanged(dataset: OpenDataset) -> dict[str, Any]:
    OpenDataset.objects.filter(pk=dataset.pk, state=DatasetState.PUBLISHING).update(
        state=DatasetState.PUBLISHED, error=""
    )
    assert dataset.current is not None
    return {"release": dataset.current.number, "rows": dataset.current.rows, "unchanged": True}


def _explained(error: Exception) -> ChengshuError:
    if isinstance(error, ChengshuError):
        return error
    if isinstance(error, OSError | NoSpace):
        return Unavailable(
            f"文件没有写成：{error}", kept="这一版没有发布，原有版本不变。",
            advice="请联系运维人员检查磁盘空间后重试。",
        )  # fmt: skip
    return Conflict(str(error), kept="这一版没有发布，原有版本不变。")


def note_failure(dataset: OpenDataset, error: ChengshuError) -> None:
    """Remember why the release failed; a dataset already public stays public."""
    publishing = OpenDataset.objects.filter(pk=dataset.pk, state=DatasetState.PUBLISHING)
    back = DatasetState.PUBLISHED if dataset.current_id else DatasetState.DRAFT
    publishing.update(state=back, error=error.detail)
    if isinstance(error, ReleaseRefused):
        OpenDataset.objects.filter(pk=dataset.pk).update(review=error.review)


def build(
    dataset: OpenDataset,
    resource: PublishedResource,
    columns: Sequence[ColumnSpec],
    job_id: UUID,
    context: JobContext | None,
) -> Built:
    """Copy to the open zone, look for personal data, write the files and count."""

    def report(stage: str, rows: int, total: int | None = None) -> None:
        if context is not None:
            context.progress(done=rows, total=total, stage=stage)

    copy, found = looked_at(dataset, resource, columns, f"release:{job_id}", report)
    assessment.require(found)
    notes = _notes(resource, copy.columns, copy.masks)
    about = [
        ("数据集", dataset.title), ("提供单位", resource.provider_name),
        ("许可", dataset.get_licence_display()), ("更新时间", timezone.localtime().isoformat("T", "seconds")),
    ]  # fmt: skip
    folder = opening_root() / dataset.slug / f".building-{job_id}"
    with _scratch(folder):
        write_files(copy, folder, notes, about, lambda rows: report("生成文件", rows, copy.rows))
        report("统计字段", copy.rows, copy.rows)
        counted = profile(copy)
        described = describe_columns(resource, copy.columns, copy.masks)
        former = next(iter(earlier_releases(dataset)), None)
        counted["changes"] = changes(copy, former, described)
        points = json.dumps(counted.pop("points", []), ensure_ascii=False)
        (folder / POINTS).write_text(points, "utf-8")
        files = {
            form.value: _measured(folder / f"data.{form.value}") for form in formats_of(copy, notes)
        }
        final = opening_root() / dataset.slug / job_id.hex
        shutil.rmtree(final, ignore_errors=True)
        folder.rename(final)
    return Built(
        copy=copy, folder=f"{dataset.slug}/{job_id.hex}", files=files, profile=counted,
        columns=described,
        spec=_spec(dataset, resource, columns), review=figures(found),
    )  # fmt: skip


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    """A fresh folder that is gone afterwards unless it was moved; refuses while the disk is nearly full."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        if shutil.disk_usage(folder).free < RESERVE_BYTES:
            raise Unavailable(
                "服务器磁盘空间不足，这一版没有发布。", kept="原有版本不变。",
                advice="请联系运维人员清理空间后重试。",
            )  # fmt: skip
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_files(
    copy: ZoneCopy,
    folder: Path,
    notes: Sequence[ColumnNote],
    about: Sequence[tuple[str, str]],
    report: Any,
) -> None:
    """Write all formats in one pass over the copy."""
    names = [column.name for column in copy.columns]
    reader = lake().read(copy.table, columns=names, as_of=copy.version)
    schema: pa.Schema = reader.schema
    places = _places(copy, notes)
    writers = [
        open_writer(f, folder / f"data.{f.value}", schema, notes, about, places=places)
        for f in formats_of(copy, notes)
    ]
    rows = 0
    try:
        for batch in reader:
            for writer in writers:
                writer.write(batch)
            rows += batch.num_rows
            report(rows)
    except BaseException:
        for writer in writers:
            # The first error is the one to tell; closing half a file may fail again.
            with suppress(Exception):
                writer.close()
        raise
    for writer in writers:
        writer.close()


def _places(copy: ZoneCopy, notes: Sequence[ColumnNote]) -> Places | None:
    return places_of(copy.columns, {note.name: note.definition for note in notes})


def formats_of(copy: ZoneCopy, notes: Sequence[ColumnNote]) -> list[FileFormat]:
    """The formats of a release: GeoJSON only where there are places that may stand as WGS 84."""
    places = _places(copy, notes)
    return [*TABULAR, *([FileFormat.GEOJSON] if places and places.as_wgs84 else [])]


def _measured(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return {"bytes": path.stat().st_size, "sha256": digest}


def _notes(
    resource: PublishedResource, columns: Sequence[ColumnSpec], masks: Mapping[str, str]
) -> list[ColumnNote]:
    """The fields as the files explain them; a masked one says how."""
    told = _definitions(resource)
    return [
        ColumnNote(
            c.name, c.title,
            f"已脱敏：{mask_name(masks[c.name])}。{told.get(c.name, '')}" if c.name in masks
            else told.get(c.name, ""),
        )
        for c in columns
    ]  # fmt: skip


def _definitions(resource: PublishedResource) -> dict[str, str]:
    entry = Resource.objects.select_related("published").get(pk=resource.id)
    assert entry.published is not None
    return dict(entry.published.items.values_list("name", "definition"))


def describe_columns(
    resource: PublishedResource,
    columns: Sequence[ColumnSpec],
    masks: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The fields as the public reads them: name, title, type, definition, codes; masked ones with their mask.

    ``row_key`` marks the key where all of it is there, so that it tells rows apart.
    """
    told = _definitions(resource)
    names = {column.name for column in columns if column.name not in (masks or {})}
    whole_key = bool(resource.key) and names.issuperset(resource.key)
    return [
        _described(column, told.get(column.name, ""), (masks or {}).get(column.name, ""))
        | ({"row_key": True} if whole_key and column.key else {})
        for column in columns
    ]


def _described(column: ColumnSpec, definition: str, mask: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": column.name, "title": column.title, "type": str(column.type), "key": column.key,
        "definition": definition, "format": str(column.format or ""),
    }  # fmt: skip
    if column.codes and len(column.codes) <= MAX_CODES:
        told["codes"] = dict(column.codes)
    if mask:
        told |= {"mask": mask, "mask_name": mask_name(mask)}
    return told


def _swap(
    dataset: OpenDataset, resource: PublishedResource, built: Built, *, actor: Actor, job_id: UUID
) -> dict[str, Any]:
    with unit_of_work():
        locked = OpenDataset.objects.select_for_update().get(pk=dataset.pk)
        if locked.state == DatasetState.WITHDRAWN:
            raise Conflict("发布过程中数据集被撤回，这一版没有发布。", kept="没有开放任何数据。")
        newer = locked.current
        if newer is not None and (newer.spec, newer.lake_version >= built.copy.lake_version) == (
            built.spec,
            True,
        ):
            raise Conflict("已有更新的版本先发布，这一版不再需要。", kept="当前版本不变。")
        last = locked.releases.aggregate(last=Max("number"))["last"] or 0
        release = DatasetRelease.objects.create(
            dataset=locked, number=last + 1, catalogue_version=resource.version,
            lake_version=built.copy.lake_version, open_table=built.copy.table,
            open_version=built.copy.version, rows=built.copy.rows, columns=built.columns, spec=built.spec,
            files=built.files, profile=built.profile, folder=built.folder, job_id=job_id,
            approval=built.approval, review=built.review,
            published_by=actor.account,
        )  # fmt: skip
        locked.current, locked.state, locked.error = release, DatasetState.PUBLISHED, ""
        locked.review = built.review
        locked.rows, locked.formats = release.rows, list(release.files)
        locked.published_at = release.published_at
        locked.search_text = search_text(locked, resource, built.columns)
        locked.save()
        record(
            actor=actor, action="opening.dataset_released", obj=locked,
            after=_recorded(release, built.copy.masks),
        )  # fmt: skip
        emit(
            type="city.opening.dataset.published", source="opening", subject=locked.slug,
            data={"id": locked.pk, "release": release.number, "rows": release.rows},
            idempotency_key=f"opening-release:{job_id}",
        )  # fmt: skip
    prune(locked)
    return {"release": release.number, "rows": release.rows}


def _recorded(release: DatasetRelease, masks: Mapping[str, str]) -> dict[str, Any]:
    """What the audit keeps of a release."""
    told = {"release": release.number, "rows": release.rows, "files": release.files}
    if release.approval:
        told |= {
            "masks": dict(masks), "basis": release.approval["basis"],
            "approved_by": release.approval["by"],
        }  # fmt: skip
    return told


def search_text(
    dataset: OpenDataset, resource: PublishedResource, columns: Sequence[dict[str, Any]]
) -> str:
    """Everything the portal's search box looks into."""
    words = [
        dataset.title, dataset.summary, *dataset.keywords, dataset.get_theme_display(),
        resource.provider_name, *(f"{c['title']} {c['name']}" for c in columns),
    ]  # fmt: skip
    return "\n".join(words).lower()


def prune(dataset: OpenDataset) -> None:
    """Remove the files of old releases and folders that killed runs left; the releases stay as history."""
    kept = list(dataset.releases.order_by("-number")[:KEEP_FILES])
    old = dataset.releases.filter(files_kept=True).exclude(pk__in=[r.pk for r in kept])
    for release in old:
        shutil.rmtree(release.path, ignore_errors=True)
    old.update(files_kept=False)
    for left in (opening_root() / dataset.slug).glob(".building-*"):
        if left.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
