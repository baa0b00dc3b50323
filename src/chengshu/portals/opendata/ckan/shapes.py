"""Datasets, files, providers, themes, keywords and licences in the shapes that CKAN answers with.

Moments are UTC without offset, as CKAN writes them. Fields that were masked are named in the dataset's extras and in
the data dictionary of the file that can be queried.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from chengshu.data.opening.choices import (
    CONTENT_TYPES,
    LICENCE_URLS,
    DatasetState,
    FileFormat,
    Licence,
)
from chengshu.data.opening.models import DatasetRelease, OpenDataset
from chengshu.data.opening.reading import ROW
from chengshu.kernel.access.actor import ANONYMOUS, Actor
from chengshu.kernel.identity.models import Organization, Region
from chengshu.portals.opendata.ckan.entries import (
    API_WORD,
    DESCRIPTOR_WORD,
    NOT_OPEN,
    THEMES,
    Entry,
)
from chengshu.portals.opendata.ckan.identity import API, DESCRIPTOR, Identifiers

Shape = dict[str, Any]
# The file whose rows datastore_search answers with; one is enough, they all hold the same.
QUERIED = FileFormat.CSV
_DATASTORE_TYPES = {
    "text": "text", "integer": "int8", "decimal": "numeric", "date": "date",
    "datetime": "timestamptz", "boolean": "bool",
}  # fmt: skip
ROW_COLUMN: Shape = {
    "name": ROW,
    "type": "integer",
    "title": "行号",
    "definition": "在这一版里的位置",
}
RESTRICTED = "restricted"
STATES: dict[str, str] = {
    DatasetState.DRAFT: "draft", DatasetState.PUBLISHING: "active", DatasetState.PUBLISHED: "active",
    DatasetState.WITHDRAWN: "deleted",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """The portal as its caller reached it: ``actor`` by the token, ``files`` of a multipart call."""

    base: str
    identifiers: Identifiers
    actor: Actor = ANONYMOUS
    files: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, request: HttpRequest, actor: Actor = ANONYMOUS, files: Mapping[str, Any] | None = None
    ) -> "Site":
        """The site of a request, with the city's region from the records (one query)."""
        codes = Region.objects.filter(parent=None).order_by("code").values_list("code", flat=True)
        base = request.build_absolute_uri("/").rstrip("/")
        return cls(base, Identifiers(codes.first() or ""), actor, files or {})

    def link(self, name: str, *arguments: Any) -> str:
        """The whole address of one of the portal's routes."""
        return f"{self.base}{reverse(f'opendata:{name}', args=arguments)}"


def moment(value: datetime | None) -> str | None:
    """A moment as CKAN writes it."""
    if value is None:
        return None
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def package(site: Site, dataset: OpenDataset) -> Shape:
    """A dataset with its current release's files; one under an agreement, or not released yet, has none."""
    release = dataset.current
    restricted = dataset.restricted
    files = resources(site, dataset, release) if release and not restricted else []
    provider = dataset.resource.provider
    page = (
        site.link("restricted" if restricted else "dataset", dataset.slug) if dataset.public else ""
    )
    return {
        "id": site.identifiers.of(dataset.pk), "name": dataset.slug, "title": dataset.title,
        "notes": dataset.summary, "url": page, "version": str(release.number) if release else "",
        "type": "dataset", "state": STATES[dataset.state], "private": not dataset.public,
        "isopen": not restricted, "author": provider.name, "author_email": None,
        "maintainer": dataset.contact or None, "maintainer_email": None, "creator_user_id": None,
        **licence_of(site, dataset), "metadata_created": moment(dataset.created_at),
        "metadata_modified": moment(release.published_at if release else dataset.updated_at),
        "owner_org": provider.code, "organization": organization(provider),
        "groups": [group(dataset.theme)], "tags": [tag(word) for word in dataset.keywords],
        "num_tags": len(dataset.keywords), "resources": files, "num_resources": len(files),
        "extras": _extras(dataset, release),
        "relationships_as_subject": [], "relationships_as_object": [],
    }  # fmt: skip


def licence_of(site: Site, dataset: OpenDataset) -> Shape:
    """Under which terms a dataset is used; CKAN's word for "not open" where an agreement is asked."""
    if dataset.restricted:
        url = site.link("restricted", dataset.slug)
        return {"license_id": NOT_OPEN, "license_title": "按协议使用", "license_url": url}
    return {
        "license_id": dataset.licence, "license_title": dataset.get_licence_display(),
        "license_url": LICENCE_URLS[dataset.licence],
    }  # fmt: skip


def _extras(dataset: OpenDataset, release: DatasetRelease | None) -> list[Shape]:
    told = {"catalogue_code": dataset.resource.code, "update_cycle": dataset.update_cycle}
    if release is not None:
        masked = [f"{c['name']}：{c['mask_name']}" for c in release.columns if c.get("mask")]
        told |= {
            "records": str(release.rows), "masked_fields": "；".join(masked),
            "legal_basis": release.approval.get("basis", ""),
        }  # fmt: skip
    if dataset.restricted:
        told |= {
            "access": RESTRICTED,
            "access_conditions": "实名申请，接受使用协议，经提供单位同意后下载",
        }
    return [{"key": key, "value": value} for key, value in told.items() if value]


def resources(site: Site, dataset: OpenDataset, release: DatasetRelease) -> list[Shape]:
    """The files of a release, its Data Package descriptor with the fields of them all, and the way to ask for rows."""
    shapes = [
        _resource(
            site, dataset, release, kind=file["format"], name=f"{dataset.title}（{file['label']}）",
            form=file["label"], media_type=CONTENT_TYPES[file["format"]].partition(";")[0],
            url=site.link("latest", dataset.slug, file["format"]),
        ) | {"size": file["bytes"], "hash": f"sha256:{file['sha256']}"}
        for file in release.file_list
    ]  # fmt: skip
    descriptor = _resource(
        site, dataset, release, kind=DESCRIPTOR, name=f"{dataset.title}（字段描述）",
        form=DESCRIPTOR_WORD, media_type="application/json",
        url=site.link("datapackage", dataset.slug),
    )  # fmt: skip
    shapes.append(descriptor | {"size": None, "hash": ""})
    api = _resource(
        site, dataset, release, kind=API, name=f"{dataset.title}（接口）", form=API_WORD,
        media_type="application/json", url=site.link("api-dataset-records", dataset.slug),
    )  # fmt: skip
    shapes.append(api | {"size": None, "hash": "", "resource_type": "api"})
    for position, shape in enumerate(shapes):
        shape["position"] = position
    return shapes


def _resource(
    site: Site, dataset: OpenDataset, release: DatasetRelease, *, kind: str, name: str, form: str,
    media_type: str, url: str,
) -> Shape:  # fmt: skip
    released = moment(release.published_at)
    return {
        "id": site.identifiers.of(dataset.pk, kind), "package_id": site.identifiers.of(dataset.pk),
        "name": name, "description": f"第 {release.number} 版，{release.rows:,} 条记录",
        "format": form, "mimetype": media_type, "mimetype_inner": None, "url": url,
        "url_type": None, "resource_type": "file", "state": "active", "created": released,
        "last_modified": released, "metadata_modified": released, "cache_url": None,
        "cache_last_updated": None, "datastore_active": kind == QUERIED,
    }  # fmt: skip


def organization(provider: Organization) -> Shape:
    """A providing unit, as it stands inside a dataset."""
    return {
        "id": provider.code, "name": provider.code, "title": provider.name,
        "description": "", "type": "organization", "is_organization": True, "state": "active",
        "approval_status": "approved", "image_url": "", "created": None,
    }  # fmt: skip


def group(theme: str) -> Shape:
    """A theme."""
    return {
        "id": theme, "name": theme, "title": THEMES[theme], "display_name": THEMES[theme],
        "description": "", "image_display_url": "", "type": "group", "is_organization": False,
        "state": "active",
    }  # fmt: skip


def tag(word: str) -> Shape:
    """A keyword; it is its own identifier."""
    return {
        "id": word,
        "name": word,
        "display_name": word,
        "state": "active",
        "vocabulary_id": None,
    }


def licences() -> list[Shape]:
    """The licences the portal gives data under; both are open in the sense of the Open Definition."""
    return [
        {
            "id": licence.value, "title": licence.label, "url": LICENCE_URLS[licence],
            "status": "active", "od_conformance": "approved", "osd_conformance": "not reviewed",
            "domain_content": True, "domain_data": True, "domain_software": False,
            "is_generic": False, "is_okd_compliant": True, "is_osi_compliant": False, "family": "",
            "maintainer": "",
        }
        for licence in Licence
    ]  # fmt: skip


def datastore_field(column: Shape) -> Shape:
    """A field of the data dictionary; a masked one says how, because its values are no longer the original ones."""
    notes = column.get("definition", "")
    if column.get("mask"):
        notes = f"已脱敏：{column['mask_name']}。{notes}"
    return {
        "id": column["name"], "type": _DATASTORE_TYPES[column["type"]],
        "info": {"label": column["title"], "notes": notes},
    }  # fmt: skip


def briefly(entry: Entry) -> Shape:
    """A dataset as auto-completion shows it."""
    return {"name": entry.slug, "title": entry.title}
