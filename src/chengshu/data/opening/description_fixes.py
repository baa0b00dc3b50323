"""What a click can mend in the description of a dataset: values drawn from the catalogue and the release itself."""

import re
from dataclasses import dataclass

from chengshu.data.catalog.facade import PublishedResource, Resource, UpdateCycle
from chengshu.data.opening.models import DatasetRelease, OpenDataset

MAX_PROPOSED = 6
_LONGEST = 12
_COMMON = re.compile(r"(基本|点位|明细|汇总|登记|分布)?(信息|数据|情况|名录|清单|目录|表)$")
_LANDLINE = re.compile(r"(0\d{2,3}[- ]?)?\d{7,8}")
HOTLINE = "12345 政务服务热线"
_SUMMARY = 30


@dataclass(frozen=True, slots=True)
class Fix:
    """One value for one attribute of a dataset; ``shown`` is how people read it."""

    key: str
    attribute: str
    value: str | list[str]
    shown: str


def proposed_fixes(
    dataset: OpenDataset, release: DatasetRelease, resource: PublishedResource
) -> dict[str, Fix]:
    """Fixes by the key of the demand they meet; only those that change something (two queries at most)."""
    fixes = [
        _keywords(dataset, release, resource), _cycle(dataset, resource), _contact(dataset, resource),
        _summary(dataset, release, resource),
    ]  # fmt: skip
    return {fix.key: fix for fix in fixes if fix is not None}


def _keywords(
    dataset: OpenDataset, release: DatasetRelease, resource: PublishedResource
) -> Fix | None:
    stem = _COMMON.sub("", dataset.title.strip())
    coded = [word for column in release.columns for word in column.get("codes", {}).values()]
    found = [
        *dataset.keywords, stem, _COMMON.sub("", resource.title), dataset.get_theme_display(), *coded,
    ]  # fmt: skip
    words = [w for w in dict.fromkeys(word.strip() for word in found) if 1 < len(w) <= _LONGEST]
    words = words[: max(MAX_PROPOSED, len(dataset.keywords))]
    if words == list(dataset.keywords):
        return None
    return Fix("keywords", "keywords", words, "、".join(words))


def _cycle(dataset: OpenDataset, resource: PublishedResource) -> Fix | None:
    if dataset.update_cycle or not resource.update_cycle:
        return None
    word = dict(UpdateCycle.choices).get(resource.update_cycle, resource.update_cycle)
    return Fix("cycle", "update_cycle", resource.update_cycle, f"{word}（按目录）")


def _contact(dataset: OpenDataset, resource: PublishedResource) -> Fix | None:
    """The office's telephone where the catalogue has a landline; nobody's mobile, and else the city's hotline."""
    if dataset.contact:
        return None
    entry = Resource.objects.select_related("published__system").get(pk=resource.id)
    system = entry.published.system if entry.published is not None else None
    phone = system.contact_phone.strip() if system is not None else ""
    told = phone if _LANDLINE.fullmatch(phone) else HOTLINE
    value = f"{resource.provider_name}，{told}"
    return Fix("contact", "contact", value, value)


def _summary(
    dataset: OpenDataset, release: DatasetRelease, resource: PublishedResource
) -> Fix | None:
    if len(dataset.summary) >= _SUMMARY:
        return None
    titles = "、".join(str(column["title"]) for column in release.columns[:6])
    base = resource.summary if len(resource.summary) > len(dataset.summary) else dataset.summary
    told = f"{base.rstrip('。')}。由{resource.provider_name}提供，含{titles}等 {len(release.columns)} 个字段。"
    return Fix("summary", "summary", told, told)
