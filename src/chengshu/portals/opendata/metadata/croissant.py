"""The Croissant 1.0 description of a dataset (MLCommons): files, and the record set.

Records are drawn from the Parquet file: it carries types, while readers of CSV guess and make numbers of codes.
"""

from collections.abc import Mapping
from typing import Any

from chengshu.data.opening.choices import FileFormat
from chengshu.portals.opendata.metadata.description import Description, told

# The context as version 1.0 of the format prescribes it.
CONTEXT: dict[str, Any] = {
    "@language": "zh", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex",
    "repeated": "cr:repeated", "replace": "cr:replace", "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
RECORDS = "records"
SOURCE = FileFormat.PARQUET
# As the format's examples and its readers write it; the registered name came later.
_MEDIA_TYPES: dict[str, str] = {FileFormat.PARQUET: "application/x-parquet"}
_TYPES = {
    "text": "sc:Text", "integer": "sc:Integer", "decimal": "sc:Float", "date": "sc:Date",
    "datetime": "sc:DateTime", "boolean": "sc:Boolean",
}  # fmt: skip


def croissant(description: Description) -> dict[str, Any]:
    """The description as JSON-LD."""
    dataset = description.dataset
    provider = {"@type": "sc:Organization", "name": description.provider, "url": description.url}
    return {
        "@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": CONFORMS_TO, "name": dataset.slug,
        "alternateName": dataset.title, "description": dataset.summary, "url": description.url,
        "license": description.licence_url, "version": description.version, "inLanguage": "zh",
        "datePublished": description.day, "citeAs": description.citation,
        "keywords": dataset.keywords, "creator": provider, "publisher": provider,
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": file.format,
                "name": f"{dataset.slug}.{file.format}", "contentUrl": file.url,
                "contentSize": f"{file.size} B", "encodingFormat": _MEDIA_TYPES.get(file.format, file.media_type),
                "sha256": file.sha256,
            }
            for file in description.files
        ],
        "recordSet": _record_sets(description),
    }  # fmt: skip


def _record_sets(description: Description) -> list[dict[str, Any]]:
    if SOURCE not in description.release.files:
        return []
    columns = description.release.columns
    shape: dict[str, Any] = {
        "@type": "cr:RecordSet", "@id": RECORDS, "name": RECORDS,
        "description": f"{description.dataset.title}，{description.release.rows:,} 条记录",
        "field": [_field(column) for column in columns],
    }  # fmt: skip
    keys = [{"@id": f"{RECORDS}/{column['name']}"} for column in columns if column.get("key")]
    return [shape | ({"key": keys} if keys else {})]


def _field(column: Mapping[str, Any]) -> dict[str, Any]:
    note = told(column)
    return {
        "@type": "cr:Field", "@id": f"{RECORDS}/{column['name']}", "name": column["name"],
        "description": f"{column['title']}。{note}" if note else column["title"],
        "dataType": _TYPES[column["type"]],
        "source": {
            "fileObject": {"@id": SOURCE.value}, "extract": {"column": column["name"]},
        },
    }  # fmt: skip
