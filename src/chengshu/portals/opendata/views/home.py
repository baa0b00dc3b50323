"""Home, list of datasets, list of interfaces."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chengshu.data.opening import selectors
from chengshu.data.opening.agreements.selectors import restricted_datasets
from chengshu.data.opening.choices import THEME_ICONS, Theme
from chengshu.kernel.ui.components import Action, Crumb, EmptyState, Stat

NEWEST_SHOWN = 6
INTERFACES_SHOWN = 8
WORDS_SHOWN = 8
PAGE_SIZE = 20
MAX_WORDS = 100
FACETS = ("theme", "provider", "format")


@dataclass(frozen=True, slots=True)
class ThemeTile:
    """A theme on the home page."""

    title: str
    icon: str
    count: int
    url: str


def home(request: HttpRequest) -> HttpResponse:
    """Search first, themes, the newest, counters computed from records."""
    counts = selectors.theme_counts()
    newest = list(selectors.public_datasets()[:NEWEST_SHOWN])
    listing_url = reverse("opendata:datasets")
    context = {
        "title": "首页",
        "stats": [
            Stat(label="开放数据集", value=sum(counts.values()), unit="个", url=listing_url),
            Stat(label="开放数据", value=selectors.count_rows(), unit="条"),
            Stat(label="开放接口", value=selectors.count_interfaces(), unit="个",
                 url=reverse("opendata:interfaces")),
            Stat(label="累计下载", value=selectors.count_downloads(), unit="次"),
        ],
        "themes": [
            ThemeTile(theme.label, THEME_ICONS[theme], counts[theme], f"{listing_url}?theme={theme.value}")
            for theme in Theme
            if counts.get(theme)
        ],
        "newest": newest,
        "interfaces": selectors.public_interfaces()[:INTERFACES_SHOWN],
        "often": list(dict.fromkeys(word for item in newest for word in item.keywords))[:WORDS_SHOWN],
        "nothing_yet": EmptyState(
            title="还没有开放的数据集", icon="database",
            text="各部门正在整理可以开放的数据。发布后会出现在这里。",
        ),
    }  # fmt: skip
    return render(request, "opendata/home.html", context)


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet as a link."""

    word: str
    count: int
    url: str
    chosen: bool


def listing(request: HttpRequest) -> HttpResponse:
    """Search with facets."""
    words = request.GET.get("q", "").strip()[:MAX_WORDS]
    chosen = {key: request.GET.get(key, "") for key in FACETS}
    sort = request.GET.get("sort", "")
    sort = sort if sort in selectors.SORTS else ""
    shelf = selectors.shelf(words=words, chosen=chosen, sort=sort)
    number = _page_number(request, len(shelf.ids))
    asked = {"q": words, **chosen, "sort": sort}

    def url(**changes: str) -> str:
        query = {key: value for key, value in (asked | changes).items() if value}
        return f"{request.path}?{urlencode(query)}" if query else request.path

    shown = shelf.ids[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    last = max(1, -(-len(shelf.ids) // PAGE_SIZE))
    context = {
        "title": "数据集", "words": words, "chosen": chosen, "sort": sort,
        "total": len(shelf.ids), "number": number, "last": last,
        "datasets": selectors.public_datasets_in_order(shown),
        "facets": [
            (
                facet.title,
                [
                    Choice(v.word, v.count, url(**{facet.key: "" if v.chosen else v.value}), v.chosen)
                    for v in facet.values
                ],
            )
            for facet in shelf.facets
            if facet.values
        ],
        "narrowed": any(chosen.values()), "restricted": restricted_datasets().count(),
        "interfaces": list(selectors.public_interfaces(words)[:INTERFACES_SHOWN]) if words else [],
        "clear_url": url(theme="", provider="", format=""),
        "sorts": [(word, url(sort=key), key == sort) for key, word in selectors.SORTS.items()],
        "previous_url": url(page=str(number - 1)) if number > 1 else "",
        "next_url": url(page=str(number + 1)) if number < last else "",
        "crumbs": [Crumb("首页", reverse("opendata:home")), Crumb("数据集")],
        "nothing": _nothing(asked),
    }  # fmt: skip
    return render(request, "opendata/datasets.html", context)


def _page_number(request: HttpRequest, total: int) -> int:
    text = request.GET.get("page", "1")
    last = max(1, -(-total // PAGE_SIZE))
    return (
        min(max(1, int(text)), last)
        if text.isascii() and text.isdigit() and len(text) < len("1000000")
        else 1
    )


def _nothing(asked: dict[str, str]) -> EmptyState:
    if not any(asked[key] for key in ("q", *FACETS)):
        return EmptyState(
            title="还没有开放的数据集", icon="database", text="各部门发布后会出现在这里。"
        )
    return EmptyState(
        title="没有符合条件的数据集", icon="search-off",
        text="换一个更短的词，或去掉一部分条件。需要的数据还没开放？可以提数据需求，限时答复。",
        action=Action(title="提数据需求", url=f"{reverse('opendata:voice-new')}?kind=demand"),
    )  # fmt: skip


def interfaces(request: HttpRequest) -> HttpResponse:
    """All open interfaces with fields and a call that runs."""
    found = [
        (item, request.build_absolute_uri(
            f"{reverse('opendata:api-interface-records', args=[item.slug])}?limit=5"
        ))
        for item in selectors.public_interfaces()
    ]  # fmt: skip
    context = {
        "title": "开放接口", "interfaces": found, "per_minute": settings.OPEN_API_PER_MINUTE,
        "ckan_address": request.build_absolute_uri("/"),
        "crumbs": [Crumb("首页", reverse("opendata:home")), Crumb("开放接口")],
        "nothing": EmptyState(
            title="还没有开放接口", icon="api", text="发布后，程序可以直接查询，不用申请密钥。"
        ),
    }  # fmt: skip
    return render(request, "opendata/interfaces.html", context)
