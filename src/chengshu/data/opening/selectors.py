"""Reads of opening: for the public what is published, for officers what lies in their scope."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from chengshu.data.opening.choices import DatasetState, FileFormat, InterfaceState, Theme
from chengshu.data.opening.errors import Gone
from chengshu.data.opening.models import (
    PUBLIC_STATES,
    Approval,
    DatasetRelease,
    OpenDataset,
    OpenInterface,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import scope
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import NotFound

# ---- for the public


def public_datasets(words: str = "") -> QuerySet[OpenDataset]:
    """Published datasets, newest first; every word must occur in title, summary, keywords, provider or a field."""
    found = OpenDataset.objects.filter(
        state__in=PUBLIC_STATES, current__isnull=False, restricted=False
    ).select_related("resource__provider", "current")
    for word in words.lower().split():
        found = found.filter(search_text__contains=word)
    return found.order_by("-published_at", "slug")


def described_datasets() -> QuerySet[OpenDataset]:
    """Published datasets and those under an agreement, newest first: whoever asks may know that they exist.

    Of the restricted ones nothing but the description is for everybody.
    """
    found = OpenDataset.objects.filter(state__in=PUBLIC_STATES, current__isnull=False)
    return found.select_related("resource__provider", "current").order_by("-published_at", "slug")


def described_dataset(slug: str) -> OpenDataset:
    """One of them.

    Raises:
        NotFound: never published. Gone: withdrawn; says why.
    """
    found = described_datasets().filter(slug=slug, restricted=True).first()
    return found or public_dataset(slug)


def public_dataset(slug: str) -> OpenDataset:
    """One published dataset that is open to everybody.

    Raises:
        NotFound: never published, or under an agreement. Gone: withdrawn; says why.
    """
    found = (
        OpenDataset.objects.select_related("resource__provider", "current")
        .filter(slug=slug)
        .first()
    )
    if found is not None and found.state == DatasetState.WITHDRAWN:
        raise Gone(
            f"数据集“{found.title}”已撤回。原因：{found.state_reason}",
            kept="已下载的副本请停止使用或自行核实。", advice="可以在数据集列表中找找相近的数据。",
        )  # fmt: skip
    if found is not None and found.public and found.restricted:
        raise NotFound(
            f"数据集“{found.title}”按协议开放，不能直接查看。",
            advice=f"请在 /open/restricted/{slug}/ 申请。",
        )
    if found is None or not found.public:
        raise NotFound(
            "没有找到这个数据集。", advice="网址可能有误；可以从数据集列表或搜索重新进入。"
        )
    return found


def public_release(dataset: OpenDataset, number: int) -> DatasetRelease:
    """One release of a published dataset.

    Raises:
        NotFound: no such release. Gone: its files are no longer kept.
    """
    found = dataset.releases.filter(number=number).first()
    if found is None:
        raise NotFound(
            f"这个数据集没有第 {number} 版。", advice="请在数据集页面的“历史版本”里选择。"
        )
    if not found.files_kept:
        raise Gone(f"第 {number} 版的文件已清理，只保留说明和校验值。", advice="请下载较新的版本。")
    return found


def public_releases() -> QuerySet[DatasetRelease]:
    """All releases of published datasets, the newest first."""
    return (
        DatasetRelease.objects.filter(
            dataset__state__in=PUBLIC_STATES,
            dataset__current__isnull=False,
            dataset__restricted=False,
        )
        .select_related("dataset__resource__provider")
        .order_by("-published_at", "-pk")
    )


def public_interfaces(words: str = "") -> QuerySet[OpenInterface]:
    """Interfaces that answer; every word must occur in title, summary, name or provider."""
    found = (
        OpenInterface.objects.exclude(state=InterfaceState.OFFLINE)
        .exclude(open_table="")
        .select_related("resource__provider", "dataset")
    )
    for word in words.split():
        found = found.filter(
            Q(title__icontains=word)
            | Q(summary__icontains=word)
            | Q(slug__icontains=word)
            | Q(resource__provider__name__icontains=word)
        )
    return found


def public_interface(slug: str) -> OpenInterface:
    """One interface that answers.

    Raises:
        NotFound: no such interface, or not published yet. Gone: taken offline; says why.
    """
    found = OpenInterface.objects.select_related("resource__provider").filter(slug=slug).first()
    if found is not None and found.state == InterfaceState.OFFLINE:
        raise Gone(f"开放接口“{found.title}”已下线。原因：{found.state_reason}")
    if found is None or not found.served:
        raise NotFound(
            f"没有“{slug[:60]}”这个开放接口。", advice="可用的接口见 /open/interfaces/。"
        )
    return found


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One choice of a facet and how many datasets it leaves."""

    value: str
    word: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A way to narrow the list."""

    key: str
    title: str
    values: Sequence[FacetValue]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A narrowed list with its facets."""

    ids: list[int]
    facets: list[Facet]


SORTS = {"": "最近更新", "title": "名称", "-downloads": "下载最多", "-rows": "记录最多"}


def shelf(*, words: str, chosen: dict[str, str], sort: str) -> Shelf:
    """Datasets that match words and facets, in order, with the facets' counts (one query).

    ``chosen`` maps ``theme``, ``provider`` and ``format`` to a value; a facet's counts ignore its own choice.
    """
    rows = list(
        public_datasets(words)
        .order_by(sort if sort in SORTS and sort else "-published_at", "slug")
        .values_list(
            "pk", "theme", "resource__provider__code", "resource__provider__short", "formats"
        )
    )
    names = {code: short for _, _, code, short, _ in rows}
    values = {
        pk: {"theme": {theme}, "provider": {code}, "format": set(formats)}
        for pk, theme, code, _, formats in rows
    }

    def passes(pk: int, but: str = "") -> bool:
        return all(v in values[pk][key] for key, v in chosen.items() if v and key != but)

    def facet(key: str, title: str, words_of: dict[str, str]) -> Facet:
        counts = Counter(v for pk, own in values.items() if passes(pk, key) for v in own[key])
        shown = [
            FacetValue(value, words_of.get(value, value), count, chosen.get(key) == value)
            for value, count in sorted(
                counts.items(), key=lambda pair: (-pair[1], words_of.get(pair[0], pair[0]))
            )
        ]
        return Facet(key, title, shown)

    return Shelf(
        ids=[pk for pk, *_ in rows if passes(pk)],
        facets=[
            facet("theme", "主题", dict(Theme.choices)),
            facet("provider", "提供单位", names),
            facet("format", "格式", dict(FileFormat.choices)),
        ],
    )


def public_datasets_in_order(ids: Sequence[int]) -> list[OpenDataset]:
    """The datasets with the given keys, in that order; for lists, so without the releases' large profiles.

    Restricted ones too: the caller shows their descriptions only.
    """
    rows = described_datasets().filter(pk__in=ids).defer("current__profile")
    found = {d.pk: d for d in rows}
    return [found[pk] for pk in ids if pk in found]


def theme_counts() -> dict[str, int]:
    """Published datasets by theme."""
    return dict(Counter(public_datasets().order_by().values_list("theme", flat=True)))


# ---- counters


def count_datasets() -> int:
    """Datasets the public can use."""
    return public_datasets().count()


def count_rows() -> int:
    """Records of all public datasets."""
    return int(public_datasets().order_by().aggregate(total=Sum("rows"))["total"] or 0)


def count_interfaces() -> int:
    """Public interfaces that answer."""
    return public_interfaces().count()


def count_downloads() -> int:
    """Downloads of all public datasets so far."""
    return int(public_datasets().order_by().aggregate(total=Sum("downloads"))["total"] or 0)


# ---- for officers


def datasets(actor: Actor) -> QuerySet[OpenDataset]:
    """Datasets in the actor's scope."""
    return scope(
        actor, "opening.view", OpenDataset.objects.select_related("resource__provider", "current")
    )


def with_approval_state(found: QuerySet[OpenDataset]) -> QuerySet[OpenDataset]:
    """Datasets with ``approval_state``: of their newest request for approval, None without one."""
    newest = Approval.objects.filter(dataset=OuterRef("pk")).order_by("-pk").values("state")[:1]
    return found.annotate(approval_state=Subquery(newest))


def dataset(actor: Actor, slug: str) -> OpenDataset:
    """One dataset in scope.

    Raises:
        NotFound: it does not exist or lies outside the actor's scope.
    """
    found = datasets(actor).filter(slug=slug).first()
    if found is None:
        raise NotFound("没有找到这个开放数据集。", advice="它可能不在您的权限范围内。")
    return found


def interfaces(actor: Actor) -> QuerySet[OpenInterface]:
    """Interfaces in the actor's scope."""
    return scope(
        actor, "opening.view", OpenInterface.objects.select_related("resource__provider", "dataset")
    )


def interface(actor: Actor, slug: str) -> OpenInterface:
    """One interface in scope.

    Raises:
        NotFound: it does not exist or lies outside the actor's scope.
    """
    found = interfaces(actor).filter(slug=slug).first()
    if found is None:
        raise NotFound("没有找到这个开放接口。", advice="它可能不在您的权限范围内。")
    return found


def history(item: OpenDataset, limit: int = 12) -> list[AuditRecord]:
    """What happened to a dataset, newest first."""
    trail = AuditRecord.objects.filter(Q(object_type="opening.opendataset"), object_id=str(item.pk))
    return list(trail.order_by("-seq")[:limit])
