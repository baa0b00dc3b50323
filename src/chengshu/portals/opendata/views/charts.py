"""A dataset's chart by itself: for other sites to show in their own page, and its numbers as a table."""

import csv
from io import StringIO

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from chengshu.data.opening import selectors
from chengshu.data.opening.models import DatasetRelease, OpenDataset
from chengshu.kernel.access.middleware import CSP
from chengshu.kernel.errors import NotFound
from chengshu.portals.opendata.charting import Drawn, drawn

_EMBEDDED = CSP.replace("frame-ancestors 'none'", "frame-ancestors *")


@require_safe
def embedded(request: HttpRequest, slug: str) -> HttpResponse:
    """The chart alone; any site may frame this page, which holds nothing of whoever looks at it."""
    dataset, release, chart = _asked(request, slug)
    page = request.build_absolute_uri(reverse("opendata:dataset", args=[slug]))
    context = {
        "title": dataset.title, "dataset": dataset, "release": release, "drawn": chart,
        "page": f"{page}?{chart.query}#chart",
    }  # fmt: skip
    response = render(request, "opendata/chart_embedded.html", context)
    response.headers["Content-Security-Policy"] = _EMBEDDED
    return response


@require_safe
def numbers(request: HttpRequest, slug: str) -> HttpResponse:
    """What the chart shows, as CSV."""
    dataset, _release, chart = _asked(request, slug)
    if chart.chart is None:
        raise NotFound("这张图画不出来。", advice=chart.problem or "请换一个字段。")
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([chart.chart.title, *(series.name for series in chart.chart.series)])
    writer.writerows([name, *values] for name, values in chart.chart.rows)
    response = HttpResponse(
        text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{dataset.slug}-chart.csv"'
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _asked(request: HttpRequest, slug: str) -> tuple[OpenDataset, DatasetRelease, Drawn]:
    dataset = selectors.public_dataset(slug)
    release = dataset.current
    assert release is not None
    chart = drawn(release, request.GET.dict())
    if chart is None:
        raise NotFound("这个数据集没有可以画图的字段。", advice="请下载文件自己分析。")
    return dataset, release, chart
