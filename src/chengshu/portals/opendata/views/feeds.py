"""What tells crawlers and feed readers about the portal: new releases as Atom and RSS, sitemap, robots."""

from datetime import datetime
from xml.sax.saxutils import escape

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed

from chengshu.data.opening import selectors
from chengshu.data.opening.models import DatasetRelease
from chengshu.portals.opendata.metadata.description import PORTAL

Feed = Atom1Feed | Rss201rev2Feed
NEWEST = 50
# The sitemap protocol allows no more addresses in one file.
MOST_ADDRESSES = 50_000


def atom(request: HttpRequest) -> HttpResponse:
    """New releases as Atom."""
    return _feed(request, Atom1Feed, "atom")


def rss(request: HttpRequest) -> HttpResponse:
    """New releases as RSS 2.0."""
    return _feed(request, Rss201rev2Feed, "rss")


def dataset_atom(request: HttpRequest, slug: str) -> HttpResponse:
    """New releases of one dataset as Atom."""
    dataset = selectors.public_dataset(slug)
    page = request.build_absolute_uri(reverse("opendata:dataset", args=[slug]))
    feed = Atom1Feed(
        title=f"{PORTAL}：{dataset.title}", link=page, description=dataset.summary, language="zh-CN",
        author_name=dataset.resource.provider.name, feed_url=request.build_absolute_uri(),
    )  # fmt: skip
    return _filled(request, feed, selectors.public_releases().filter(dataset=dataset))


def _feed(request: HttpRequest, kind: type[Feed], name: str) -> HttpResponse:
    feed = kind(
        title=f"{PORTAL}：最近开放的数据", link=request.build_absolute_uri(reverse("opendata:home")),
        description="新开放的数据集和数据集的新版本", language="zh-CN", author_name=PORTAL,
        feed_url=request.build_absolute_uri(reverse(f"opendata:{name}")),
    )  # fmt: skip
    return _filled(request, feed, selectors.public_releases())


def _filled(request: HttpRequest, feed: Feed, releases: QuerySet[DatasetRelease]) -> HttpResponse:
    for release in releases[:NEWEST]:
        _add(request, feed, release)
    response = HttpResponse(content_type=feed.content_type)
    feed.write(response, "utf-8")
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _add(request: HttpRequest, feed: Feed, release: DatasetRelease) -> None:
    dataset = release.dataset
    page = request.build_absolute_uri(reverse("opendata:dataset", args=[dataset.slug]))
    feed.add_item(
        title=f"{dataset.title}（第 {release.number} 版）", link=page,
        description=f"{dataset.summary}（{release.rows:,} 条记录）",
        # Each release is news of its own, although all lead to one page.
        unique_id=f"{page}#version-{release.number}", unique_id_is_permalink=False,
        pubdate=release.published_at, updateddate=release.published_at,
        author_name=dataset.resource.provider.name, categories=dataset.keywords,
    )  # fmt: skip


def sitemap(request: HttpRequest) -> HttpResponse:
    """Every public page with the day it last changed."""
    described = selectors.described_datasets().order_by("slug")
    datasets = described.values_list("slug", "published_at", "restricted")
    fixed = [
        reverse(f"opendata:{name}")
        for name in ("home", "datasets", "interfaces", "restricted-list")
    ]
    pages: list[tuple[str, datetime | None]] = [(path, None) for path in fixed]
    pages += [
        (reverse(f"opendata:{'restricted' if restricted else 'dataset'}", args=[slug]), moment)
        for slug, moment, restricted in datasets[: MOST_ADDRESSES - len(fixed)]
    ]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ]
    for path, moment in pages:
        changed = f"<lastmod>{moment.isoformat(timespec='seconds')}</lastmod>" if moment else ""
        lines.append(f"<url><loc>{escape(request.build_absolute_uri(path))}</loc>{changed}</url>")
    text = "\n".join([*lines, "</urlset>", ""])
    return HttpResponse(text, content_type="application/xml; charset=utf-8")


def robots(request: HttpRequest) -> HttpResponse:
    """Crawlers may go through the portal and the public catalogue; the rest of the city is not theirs."""
    lines = [
        "User-agent: *", "Allow: /open/", "Allow: /catalog", "Allow: /static/",
        # Each filter and page of a preview is an address of its own, without end.
        "Disallow: /open/api/", "Disallow: /open/datasets/*?", "Disallow: /",
        f"Sitemap: {request.build_absolute_uri(reverse('opendata:sitemap'))}",
    ]  # fmt: skip
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
