"""The schema.org description that search engines read from a dataset's page (JSON-LD).

It stands in a ``script`` element of a type no browser runs, so the policy against inline scripts does not concern it;
angle brackets and ampersands are escaped, so that no title can end the element.
"""

import json
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from chengshu.data.opening.offers import CONDITION
from chengshu.portals.opendata.metadata.description import PORTAL, Description, told

# As Django's json_script does.
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


def schema_org(description: Description) -> dict[str, Any]:
    """The dataset with its files and fields."""
    dataset, release = description.dataset, description.release
    unit = {"@type": "GovernmentOrganization", "name": description.provider}
    return {
        "@context": "https://schema.org/", "@type": "Dataset", "@id": description.url,
        "name": dataset.title, "description": dataset.summary, "url": description.url,
        "identifier": dataset.resource.code, "version": description.version, "inLanguage": "zh-CN",
        "license": description.licence_url, "isAccessibleForFree": True, **_conditions(description),
        "keywords": dataset.keywords, "creator": unit, "publisher": unit,
        "datePublished": dataset.created_at.isoformat(),
        "dateModified": release.published_at.isoformat(), "citation": description.citation,
        "includedInDataCatalog": {
            "@type": "DataCatalog", "name": PORTAL, "url": description.link("home"),
        },
        "distribution": [
            {
                "@type": "DataDownload", "encodingFormat": file.media_type, "contentUrl": file.url,
                "contentSize": f"{file.size} B", "sha256": file.sha256,
                "name": f"{dataset.title}（{file.label}）",
            }
            for file in description.files
        ],
        "variableMeasured": [
            {
                "@type": "PropertyValue", "name": column["name"], "alternateName": column["title"],
                **({"description": note} if (note := told(column)) else {}),
            }
            for column in release.columns
        ],
    }  # fmt: skip


def _conditions(description: Description) -> dict[str, Any]:
    """Free of charge is not free to all: what has to be done first, where an agreement is asked."""
    if not description.dataset.restricted:
        return {}
    return {"conditionsOfAccess": CONDITION, "usageInfo": description.url}


def embedded(content: dict[str, Any]) -> SafeString:
    """The JSON-LD as it may stand in a page."""
    text = json.dumps(content, ensure_ascii=False).translate(_ESCAPES)
    return mark_safe(text)  # noqa: S308 - what could end the element is escaped
