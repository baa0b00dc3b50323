"""The page of a dataset: what it is, what is in it, how to get it."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.html import escape

from chengshu.data.catalog.dcat.writing import MEDIA_TYPES
from chengshu.data.catalog.facade import UpdateCycle
from chengshu.data.contract.facade import ColumnSpec
from chengshu.data.opening import selectors
from chengshu.data.opening.choices import LICENCE_URLS
from chengshu.data.opening.description_quality import judge_description
from chengshu.data.opening.models import DatasetRelease, OpenDataset
from chengshu.data.opening.release.building import POINTS
from chengshu.data.opening.release.places import CGCS2000, places_of
from chengshu.kernel.ui.components import Crumb, Fact
from chengshu.portals.opendata import pointmap
from chengshu.portals.opendata.charting import Drawn, drawn
from chengshu.portals.opendata.metadata import dcat
from chengshu.portals.opendata.metadata.description import Description
from chengshu.portals.opendata.metadata.schemaorg import embedded, schema_org
from chengshu.portals.opendata.preview import preview
from chengshu.portals.opendata.views.voices import exchange

DOTS = 600
VERSIONS = 10
_TYPES = {
    "text": "文本", "integer": "整数", "decimal": "小数", "date": "日期", "datetime": "日期时间",
    "boolean": "是否",
}  # fmt: skip
PYTHON_SAMPLE = """import json
from urllib.request import urlopen

with urlopen("{address}") as answer:
    page = json.load(answer)
print(page["total"], "条记录")
for record in page["records"]:
    print(record)"""
FORMAT_NOTES = {
    "csv": "表格软件和程序都能打开，UTF-8 编码", "json": "程序直接读取的对象数组",
    "xlsx": "Excel，含字段说明页", "parquet": "大数据分析工具，按列压缩", "geojson": "地图软件直接打开，坐标按 WGS 84",
}  # fmt: skip


def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The whole page, or only the preview or the chart when the page itself asks for another (htmx)."""
    dataset = selectors.public_dataset(slug)
    release = dataset.current
    assert release is not None
    context: dict[str, Any] = {"dataset": dataset, "release": release}
    part = request.headers.get("HX-Target")
    if "HX-History-Restore-Request" in request.headers:
        part = None
    if part == "preview":
        context["preview"] = preview(request, release)
        response = render(request, "opendata/preview.html", context)
    elif part == "chart":
        context |= _charted(request, dataset, release)
        response = render(request, "opendata/chart.html", context)
    else:
        context["preview"] = preview(request, release)
        response = render(
            request, "opendata/dataset.html", context | _whole(request, dataset, release)
        )
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _whole(request: HttpRequest, dataset: OpenDataset, release: DatasetRelease) -> dict[str, Any]:
    description = Description.of(request, dataset)
    return {
        "title": dataset.title,
        "crumbs": [
            Crumb("首页", reverse("opendata:home")), Crumb("数据集", reverse("opendata:datasets")),
            Crumb(dataset.title),
        ],
        "fields": _fields(release),
        "files": [
            entry | {"note": FORMAT_NOTES[entry["format"]],
                     "url": reverse("opendata:latest", args=[dataset.slug, entry["format"]])}
            for entry in release.file_list
        ],
        **_charted(request, dataset, release),
        "map": _map(release), "datum": _datum(release), "places": release.profile.get("places", 0),
        "quality": judge_description(dataset, release),
        "versions": [(item, _changed(item)) for item in dataset.releases.all()[:VERSIONS]],
        "facts": _facts(dataset, release),
        "licence_url": LICENCE_URLS[dataset.licence],
        "samples": _samples(request, dataset, release),
        "citation": f"{description.citation} （访问日期：{timezone.localdate():%Y-%m-%d}）",
        "machine_links": machine_links(dataset),
        "exchange": exchange(request.actor, dataset),  # type: ignore[attr-defined]
        "schema_org": embedded(schema_org(description)),
    }  # fmt: skip


def machine_links(dataset: OpenDataset) -> list[tuple[str, str, str]]:
    """Descriptions of a dataset for programs: name, media type and address."""
    links = [
        ("Data Package", "application/json", reverse("opendata:datapackage", args=[dataset.slug])),
        ("Croissant", "application/ld+json", reverse("opendata:croissant", args=[dataset.slug])),
        (
            "CKAN", "application/json",
            f"{reverse('opendata:ckan', args=['package_show'])}?id={dataset.slug}",
        ),
    ]  # fmt: skip
    return links + [
        (f"DCAT-AP（{word}）", MEDIA_TYPES[syntax], address)
        for syntax, word, address in dcat.addresses(dataset)
    ]


def _facts(dataset: OpenDataset, release: DatasetRelease) -> list[Fact]:
    cycles = dict(UpdateCycle.choices)
    return [
        Fact("提供单位", dataset.resource.provider.name),
        Fact("联系方式", dataset.contact),
        Fact("记录", f"{release.rows:,} 条"),
        Fact("字段", f"{len(release.columns)} 个"),
        Fact("更新周期", cycles.get(dataset.update_cycle, "")),
        Fact("最近更新", release.published_at),
        Fact("版本", f"第 {release.number} 版"),
        Fact("主题", dataset.get_theme_display()),
        Fact("下载", f"{dataset.downloads:,} 次"),
        Fact("资源代码", dataset.resource.code, mono=True),
        *_conditions(release),
    ]


def _conditions(release: DatasetRelease) -> list[Fact]:
    """On what basis more than harmless data is open, and what was masked."""
    if not release.approval:
        return []
    masked = "、".join(c["title"] for c in release.columns if c.get("mask"))
    return [Fact("脱敏字段", masked or "无"), Fact("开放依据", release.approval["basis"])]


def _fields(release: DatasetRelease) -> list[dict[str, Any]]:
    counted = release.profile.get("fields", {})
    return [
        {
            **column, "word": _TYPES[column["type"]],
            "filled": counted.get(column["name"], {}).get("filled", 0),
            "least": counted.get(column["name"], {}).get("min"),
            "most": counted.get(column["name"], {}).get("max"),
            "code_list": list(column.get("codes", {}).items()),
        }
        for column in release.columns
    ]  # fmt: skip


def _charted(request: HttpRequest, dataset: OpenDataset, release: DatasetRelease) -> dict[str, Any]:
    chart = drawn(release, request.GET.dict())
    return {"drawn": chart, "embed": _embed(request, dataset, chart) if chart else ""}


def _embed(request: HttpRequest, dataset: OpenDataset, chart: Drawn) -> str:
    address = request.build_absolute_uri(reverse("opendata:chart", args=[dataset.slug]))
    # A text that the page shows, so it is escaped here for HTML and, being no markup itself, once more by the template.
    return (
        f'<iframe src="{escape(f"{address}?{chart.query}")}" title="{escape(dataset.title)}"'
        ' width="640" height="420" loading="lazy"></iframe>'
    )


def _map(release: DatasetRelease) -> pointmap.PointMap | None:
    path = release.path / POINTS
    if not release.profile.get("places") or not path.is_file():
        return None
    points = [(x, y, label) for x, y, label in json.loads(path.read_text("utf-8"))]
    return pointmap.draw(points[:: -(-len(points) // DOTS)])


def _changed(release: DatasetRelease) -> str:
    """What a release changed against the one before it, in words."""
    told = release.profile.get("changes", {})
    if not told:
        return ""
    counts = (("added", "新增"), ("removed", "减少"), ("changed", "修改"))
    parts = [f"{word} {told[name]:,} 条" for name, word in counts if told.get(name)]
    words = (("came", "新字段"), ("went", "去掉字段"), ("altered", "改了发布方式"))
    parts += [
        f"{word} {'、'.join(told['fields'][name])}" for name, word in words if told["fields"][name]
    ]
    return f"比第 {told['since']} 版：{'，'.join(parts) or '内容没有变化'}"


def _datum(release: DatasetRelease) -> str:
    """What the page says of the coordinates."""
    columns = [
        ColumnSpec(name=c["name"], title=c["title"], type=c["type"]) for c in release.columns
    ]
    places = places_of(columns, {c["name"]: c.get("definition", "") for c in release.columns})
    if places is None:
        return ""
    if not places.as_wgs84:
        return f"坐标是 {places.datum}，与 WGS 84 相差数百米，所以没有 GeoJSON 文件"
    if places.datum == CGCS2000:
        return "坐标 CGCS2000，与 WGS 84 相差不到 1 米；GeoJSON 按 WGS 84 使用"
    return f"坐标 {places.datum}"


def _samples(
    request: HttpRequest, dataset: OpenDataset, release: DatasetRelease
) -> list[tuple[str, str]]:
    """Calls that run as they stand."""
    records = request.build_absolute_uri(
        reverse("opendata:api-dataset-records", args=[dataset.slug])
    )
    file = request.build_absolute_uri(reverse("opendata:latest", args=[dataset.slug, "csv"]))
    first = release.columns[0]["name"]
    return [
        ("命令行", f"curl -sS '{records}?limit=5&sort={first}'"),
        (
            "Python",
            PYTHON_SAMPLE.format(address=f"{records}?limit=5"),
        ),
        (
            "pandas",
            f'import pandas\n\ntable = pandas.read_csv("{file}", dtype=str)\nprint(table.head())',
        ),
    ]
