"""Actions that bring data: a file goes through collection like any upload, with its quarantine and its balance.

A release's files are made by the platform and never written here. What is uploaded becomes rows of the catalogue
entry; when it is in the lake, what is open of the entry is renewed the ordinary way. The identifier of an upload is
that of its batch.
"""

from pathlib import PurePath
from typing import Any
from uuid import UUID

from chengshu.data.ingest import selectors
from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.services import closing, uploads
from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.errors import ChengshuError, InvalidInput, NotFound
from chengshu.portals.opendata.ckan import shapes
from chengshu.portals.opendata.ckan.authoring import entry_of
from chengshu.portals.opendata.ckan.catalogue import Action, named_file
from chengshu.portals.opendata.ckan.drafting import own_dataset
from chengshu.portals.opendata.ckan.errors import CkanError, invalid, not_found
from chengshu.portals.opendata.ckan.parameters import Parameters
from chengshu.portals.opendata.ckan.shapes import Shape, Site

FILE = "upload"
MAX_UPLOAD = 200 * 1024**2
"""Bytes of one call; larger files go through the console, which can resume them."""
_IGNORED = {
    "id",
    "package_id",
    "name",
    "description",
    "format",
    "mimetype",
    "encoding",
    "url_type",
    FILE,
}
_SAID = {"name", "description", "format"}


def resource_create(site: Site, given: Parameters) -> Shape:
    """Upload a table (CSV, JSON, XLSX) for a dataset; the rows are checked and collected before they count."""
    item = own_dataset(site, given.required("package_id"))
    return _taken(site, given, item)


def resource_update(site: Site, given: Parameters) -> Shape:
    """Upload newer data in place of a file or of an earlier upload: rows with a known key are replaced."""
    identifier = given.required("id")
    batch = _batch(site, identifier)
    item = _of_file(site, identifier) if batch is None else _dataset_of(site, batch)
    before = of_batch(site, item, batch) if batch else None
    if FILE in site.files:
        return _taken(site, given, item)
    _unchanged(site, given, item, before)
    return before or _file_shape(site, item, identifier)


def resource_patch(site: Site, given: Parameters) -> Shape:
    """As ``resource_update``: without a file there is nothing to change."""
    return resource_update(site, given)


def resource_delete(site: Site, given: Parameters) -> None:
    """Stop an upload that is not in the lake yet; files of a release stay as they were published."""
    identifier = given.required("id")
    batch = _batch(site, identifier)
    if batch is None:
        _of_file(site, identifier)
        raise invalid(id="已发布版本的文件不能单独删除。请在后台撤回数据集，或重新发布。")
    closing.cancel(actor=site.actor, batch=batch)


def _taken(site: Site, given: Parameters, item: OpenDataset) -> Shape:
    file = site.files.get(FILE)
    if file is None:
        told = "请用 multipart/form-data 的 upload 上传文件；本门户不登记外部链接。"
        raise invalid(**{FILE: told})
    resource = entry_of(item)
    if resource is None or not resource.columns:
        raise invalid(**{FILE: "目录条目已停用或没有数据项，收不了数据。请先在后台完成编目。"})
    try:
        batch = uploads.upload(
            actor=site.actor,
            resource_code=resource.code,
            name=file.name or "数据",
            chunks=file.chunks(),
        )
    except InvalidInput as error:
        raise invalid(**{FILE: error.detail}) from error
    try:
        encoding = given.text("encoding")
        look = uploads.inspect(actor=site.actor, batch=batch, encoding=encoding)
        if not look.mapping:
            known = "、".join(column.title for column in resource.columns)
            raise InvalidInput(f"表头和目录的数据项一个也对不上。目录里有：{known}。")
        batch = uploads.confirm(
            actor=site.actor, batch=batch, mapping=look.mapping, encoding=encoding
        )
    except (ChengshuError, CkanError) as error:
        closing.cancel(actor=site.actor, batch=batch)
        if isinstance(error, InvalidInput):
            raise invalid(**({FILE: error.detail} | error.fields)) from error
        raise
    return of_batch(site, item, selectors.batch(site.actor, batch.pk))


def _unchanged(site: Site, given: Parameters, item: OpenDataset, before: Shape | None) -> None:
    shape = before or _file_shape(site, item, given.required("id"))
    problems = {
        name[:60]: "文件由平台生成，这一项不能改；要换数据请带上 upload。"
        for name in given
        if given.raw(name) not in (None, "")
        and (name not in _IGNORED or name in _SAID) and given.raw(name) != shape.get(name)
    }  # fmt: skip
    if problems:
        raise invalid(**problems)


def resource_show(site: Site, given: Parameters) -> Shape:
    """One file of a dataset's current release by its identifier; with a token also an upload and how it went."""
    identifier = given.required("id")
    batch = _batch(site, identifier) if site.actor.account is not None else None
    if batch is not None:
        return of_batch(site, _dataset_of(site, batch), batch)
    return named_file(site, identifier)[1]


def _batch(site: Site, identifier: str) -> Batch | None:
    if site.identifiers.read(identifier) is not None:
        return None
    try:
        return selectors.batch(site.actor, UUID(identifier))
    except (ValueError, NotFound):
        return None  # no identifier of a batch, or not for this token: the caller says what it is instead


def _dataset_of(site: Site, batch: Batch) -> OpenDataset:
    found = OpenDataset.objects.select_related("resource__provider", "current")
    item = found.filter(resource_id=batch.resource_id).order_by("pk").first()
    if item is None:
        raise not_found("这个上传所属的数据集已删除。")
    return own_dataset(site, site.identifiers.of(item.pk))


def _of_file(site: Site, identifier: str) -> OpenDataset:
    known = site.identifiers.read(identifier)
    if known is None or not known[1]:
        raise not_found("没有这个文件或上传。")
    return own_dataset(site, site.identifiers.of(known[0]))


def _file_shape(site: Site, item: OpenDataset, identifier: str) -> Shape:
    found = (
        shapes.resources(site, item, item.current) if item.current and not item.restricted else []
    )
    for shape in found:
        if shape["id"] == identifier.lower():
            return shape
    raise not_found("这个数据集的当前版本没有这个文件。")


def of_batch(site: Site, item: OpenDataset, batch: Batch) -> Shape:
    """An upload in the shape of a CKAN resource; ``rows_*`` add up once it is loaded."""
    name = batch.file.name if batch.file else str(batch.pk)
    loaded = batch.state == BatchState.LOADED
    told: dict[str, Any] = {
        "rows_source": batch.source_rows, "rows_accepted": batch.accepted,
        "rows_quarantined": batch.quarantined, "rows_duplicate": batch.duplicates,
    } if loaded else {}  # fmt: skip
    return {
        "id": str(batch.pk), "package_id": site.identifiers.of(item.pk), "name": name,
        "description": f"归集：{batch.get_state_display()}{batch.error and f'。{batch.error}'}",
        "format": PurePath(name).suffix.lstrip(".").upper(), "url": "", "url_type": FILE,
        "size": batch.file.size if batch.file else None,
        "hash": f"sha256:{batch.file.sha256}" if batch.file else "",
        "state": "active" if loaded else "draft", "created": shapes.moment(batch.created_at),
        "last_modified": shapes.moment(batch.finished_at), "datastore_active": False,
        "batch_state": batch.state, "batch_url": f"{site.base}/console/ingest/batches/{batch.pk}/", **told,
    }  # fmt: skip


ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (resource_create, resource_update, resource_patch, resource_delete)
}
