"""Pages of the gallery."""

from typing import ClassVar

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chengshu.kernel.errors import ChengshuError, Conflict, NotAllowed, NotFound, Unavailable
from chengshu.kernel.ui import assets
from chengshu.kernel.ui.components import BulkAction, Column, Crumb, Filter
from chengshu.kernel.ui.components.status import STATUSES
from chengshu.kernel.ui.gallery import samples
from chengshu.kernel.ui.tables import TableView

SHELLS = {
    "citizen": "掌上服务", "staff": "掌上办公", "cockpit": "驾驶舱", "opendata": "数据开放",
    "auth": "登录", "detail": "详情页",
}  # fmt: skip
SWATCHES = (
    "primary", "teal", "amber", "red", "text", "text-2", "text-3", "border-strong", "border", "bg", "surface",
    *(f"cat-{n}" for n in range(1, 7)), *(f"seq-{n}" for n in range(1, 8)),
)  # fmt: skip
FAULTS: dict[int, ChengshuError] = {
    403: NotAllowed("您没有访问这个页面的权限。", kept="没有做任何改动。", advice="如工作需要，请联系管理员开通。"),
    404: NotFound("没有找到这个页面。", advice="地址可能有误，或内容已被移走；可以从首页或搜索重新进入。"),
    409: Conflict("这条目录刚被别人改过。", kept="您填写的内容还在这个页面上。", advice="请刷新看过新版再决定。"),
    500: Unavailable("系统出了点问题，已经记录下来。", kept="没有完成的操作都已撤回。", advice="请稍后重试。"),
}  # fmt: skip


def components(request: HttpRequest) -> HttpResponse:
    """Show every component."""
    context = samples.context() | {
        "title": "组件样例",
        "subtitle": "页面都由这里的组件拼成。本页数据全部是示例。",
        "states": sorted(STATUSES),
        "icons": sorted(assets.icon_names()),
        "progress": samples.progress(poll_url=reverse("ui:gallery-progress")),
        "swatches": SWATCHES,
        "mark_sizes": (16, 24, 32, 64, 96),
        "shells": SHELLS,
        "faults": FAULTS,
    }
    return render(request, "ui/gallery/components.html", context)


def live_progress(request: HttpRequest) -> HttpResponse:
    """Answer the sample panel's polling."""
    item = samples.progress(poll_url=request.path)[0]
    return render(request, "ui/gallery/progress.html", {"item": item})


def shell(request: HttpRequest, name: str) -> HttpResponse:
    """Show a portal's frame with sample content."""
    if name not in SHELLS:
        raise Http404
    return render(request, f"ui/gallery/{name}.html", samples.context() | {"title": SHELLS[name]})


def fault(request: HttpRequest, code: int) -> HttpResponse:
    """Show an error page."""
    if code not in FAULTS:
        raise Http404
    return render(request, "ui/error.html", {"error": FAULTS[code], "code": code}, status=code)


class LiveList(TableView[ContentType]):
    """A real list page over the platform's own record types."""

    title = "列表样例"
    subtitle = "真实的列表页：平台的全部记录类型。搜索、筛选、排序、翻页、选列和导出都可以试。"
    key = "gallery"
    columns: ClassVar = (
        Column(key="model", title="记录类型", kind="main", sort="model", locked=True),
        Column(key="app_label", title="所属模块", sort="app_label"),
        Column(key="id", title="编号", kind="number", sort="id"),
        Column(key="name", title="名称", hidden=True),
    )
    filters: ClassVar = (
        Filter(
            key="app_label",
            title="模块",
            choices=lambda: [
                (label, label)
                for label in ContentType.objects.order_by("app_label")
                .values_list("app_label", flat=True)
                .distinct()
            ],
        ),
    )
    search_fields: ClassVar = ("model", "app_label")
    search_hint = "搜索记录类型"
    default_sort = "model"
    page_size = 20
    export_name = "记录类型"

    def get_queryset(self) -> QuerySet[ContentType]:
        return ContentType.objects.all()

    def get_crumbs(self) -> list[Crumb]:
        return [Crumb("组件样例", reverse("ui:gallery")), Crumb(self.title)]

    def get_bulk_actions(self) -> list[BulkAction]:
        return [
            BulkAction(
                title="查看所选",
                url=reverse("ui:gallery-selected"),
                icon="list-details",
                confirm="样例操作：只会列出所选的记录类型，不改动任何内容。",
            )
        ]


def selected(request: HttpRequest) -> HttpResponse:
    """List what a bulk action received."""
    keys = [key for key in request.POST.getlist("selected") if key.isdigit()]
    rows = ContentType.objects.filter(pk__in=keys).order_by("pk")
    return render(request, "ui/gallery/selected.html", {"title": "所选记录类型", "rows": rows})
