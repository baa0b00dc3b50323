"""Tells the machine-readable catalogue which files and public interfaces are drawn from an entry."""

from collections.abc import Collection, Mapping

from django.urls import reverse

from chengshu.data.catalog.facade import DatasetOffer, FileOffer, ServiceOffer
from chengshu.data.opening.choices import CONTENT_TYPES, LICENCE_URLS, InterfaceState
from chengshu.data.opening.models import PUBLIC_STATES, OpenDataset, OpenInterface


def of_resources(
    resource_ids: Collection[int],
) -> Mapping[int, list[DatasetOffer | ServiceOffer]]:
    """Open datasets with the files of their current releases, restricted ones without, and public interfaces."""
    found: dict[int, list[DatasetOffer | ServiceOffer]] = {}
    datasets = OpenDataset.objects.filter(
        resource__in=list(resource_ids),
        state__in=PUBLIC_STATES,
        current__isnull=False,
    ).select_related("current")
    for item in datasets.order_by("slug"):
        found.setdefault(item.resource_id, []).append(_dataset(item))
    interfaces = OpenInterface.objects.filter(
        resource__in=list(resource_ids), state=InterfaceState.ONLINE
    )
    for row in interfaces.order_by("slug"):
        found.setdefault(row.resource_id, []).append(_service(row))
    return found


CONDITION = "实名申请，接受数据利用协议，经提供单位同意后下载。"


def _dataset(item: OpenDataset) -> DatasetOffer:
    assert item.current is not None
    released = item.current.published_at
    page = "opendata:restricted" if item.restricted else "opendata:dataset"
    return DatasetOffer(
        key=item.slug, title=item.title, summary=item.summary, page=reverse(page, args=[item.slug]),
        version=str(item.current.number), issued=min(item.created_at, released), modified=released,
        keywords=tuple(item.keywords), files=() if item.restricted else _files(item),
        restricted=item.restricted, condition=CONDITION if item.restricted else "",
    )  # fmt: skip


def _files(item: OpenDataset) -> list[FileOffer]:
    assert item.current is not None
    page = reverse("opendata:dataset", args=[item.slug])
    masked = "、".join(
        f"{c['title']}（{c['mask_name']}）" for c in item.current.columns if c.get("mask")
    )
    return [
        FileOffer(
            key=f"{item.slug}-{form}", title=f"{item.title}（{form.upper()}）", access_url=page,
            download_url=reverse("opendata:latest", args=[item.slug, form]),
            media_type=CONTENT_TYPES[form].partition(";")[0], licence=LICENCE_URLS[item.licence],
            size=facts.get("bytes"), issued=item.current.published_at,
            description=f"已脱敏的字段：{masked}。" if masked else "",
        )
        for form, facts in sorted(item.current.files.items())
    ]  # fmt: skip


def _service(row: OpenInterface) -> ServiceOffer:
    return ServiceOffer(
        key=f"open-{row.slug}", title=row.title, public=True,
        endpoint=reverse("opendata:api-interface-records", args=[row.slug]),
        description_url=reverse("opendata:interfaces"),
    )  # fmt: skip
