"""The Frictionless Data Package (version 1) of a dataset: files with digest, fields with type, key and codes."""

from collections.abc import Mapping
from typing import Any

from chengshu.data.opening.choices import FileFormat, Licence
from chengshu.portals.opendata.metadata.description import Description, File, told

_TYPES = {
    "text": "string", "integer": "integer", "decimal": "number", "date": "date",
    "datetime": "datetime", "boolean": "boolean",
}  # fmt: skip
_MOMENT = "%Y-%m-%dT%H:%M:%S%z"
_LICENCE_TITLES: dict[str, str] = dict(Licence.choices)


def datapackage(description: Description) -> dict[str, Any]:
    """The descriptor. Its files' addresses are whole, so that it can be read from anywhere."""
    dataset, release = description.dataset, description.release
    return {
        "profile": "tabular-data-package" if _only_csv(description) else "data-package",
        "name": dataset.slug, "id": description.url, "title": dataset.title,
        "description": dataset.summary, "homepage": description.url,
        "version": description.version, "created": release.published_at.isoformat(),
        "keywords": dataset.keywords,
        "licenses": [{
            "name": dataset.licence, "path": description.licence_url,
            "title": _LICENCE_TITLES[dataset.licence],
        }],
        "contributors": [{"title": description.provider, "role": "publisher"}],
        "sources": [{"title": description.provider, "path": description.url}],
        "resources": [_resource(description, file) for file in description.files],
    }  # fmt: skip


def _only_csv(description: Description) -> bool:
    return {file.format for file in description.files} == {FileFormat.CSV}


def _resource(description: Description, file: File) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "name": f"{description.dataset.slug}-{file.format}",
        "title": f"{description.dataset.title}（{file.label}）", "path": file.url,
        "format": file.format, "mediatype": file.media_type, "bytes": file.size,
        "hash": f"sha256:{file.sha256}",
    }  # fmt: skip
    if file.format == FileFormat.CSV:
        shape |= {
            "profile": "tabular-data-resource",
            # With a byte order mark, for spreadsheets; plain "utf-8" would make it part of the first field's name.
            "encoding": "utf-8-sig", "dialect": {"delimiter": ",", "quoteChar": '"'},
            "schema": schema(description),
        }  # fmt: skip
    return shape


def schema(description: Description) -> dict[str, Any]:
    """The Table Schema of the CSV file."""
    columns = description.release.columns
    shape: dict[str, Any] = {
        "fields": [_field(column) for column in columns],
        "missingValues": [""],
    }
    keys = [column["name"] for column in columns if column.get("key")]
    return shape | ({"primaryKey": keys} if keys else {})


def _field(column: Mapping[str, Any]) -> dict[str, Any]:
    kind = column["type"]
    shape: dict[str, Any] = {
        "name": column["name"], "type": _TYPES[kind], "title": column["title"],
        "description": told(column),
    }  # fmt: skip
    if kind == "datetime":
        shape["format"] = _MOMENT
    if kind == "boolean":
        shape |= {"trueValues": ["true"], "falseValues": ["false"]}
    if column.get("codes"):
        shape["codes"] = column["codes"]
    if column.get("mask"):
        shape |= {"masked": True, "mask": column["mask_name"]}
    return {name: value for name, value in shape.items() if value != ""}
