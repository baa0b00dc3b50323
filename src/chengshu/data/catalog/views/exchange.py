"""Excel: template, export, and the import in three steps: upload, check, confirm; of the catalogue and of standards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header

from chengshu.data.catalog.excel.planning import Plan
from chengshu.data.catalog.excel.reading import MAX_BYTES
from chengshu.data.catalog.excel.standard_planning import StandardPlan
from chengshu.data.catalog.services import exchange, standard_exchange
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.files.services import store
from chengshu.kernel.ui.components import Crumb, Step

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHOWN_ERRORS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What may be exchanged by one kind of file; ``upload`` … ``export`` are names of routes."""

    title: str
    subtitle: str
    home: str
    home_title: str
    upload: str
    check: str
    template: str
    export: str
    guide: tuple[str, ...]
    purpose: str
    preview: Callable[..., Any]
    check_page: str

    def crumbs(self, *rest: Crumb) -> list[Crumb]:
        """The way to the pages of the import."""
        return [Crumb(self.home_title, reverse(self.home)), *rest]


CATALOGUE = Desk(
    title="批量导入目录", subtitle="用一个 Excel 文件登记信息系统、数据资源和数据项",
    home="catalog:resources", home_title="数据资源", upload="catalog:import",
    check="catalog:import-check", template="catalog:import-template", export="catalog:export",
    guide=(
        "下载模板，三张表分别填写信息系统、数据资源、数据项", "上传后先检查，逐行告诉您哪里不对",
        "核对无误再导入；只存为草稿，不会直接发布",
    ),
    purpose=exchange.PURPOSE, preview=exchange.preview, check_page="catalog/import_check.html",
)  # fmt: skip
STANDARDS = Desk(
    title="批量导入数据标准", subtitle="用一个 Excel 文件登记或修订数据元、代码表",
    home="catalog:elements", home_title="数据元", upload="catalog:standards-import",
    check="catalog:standards-import-check", template="catalog:standards-template",
    export="catalog:standards-export",
    guide=(
        "下载模板，三张表分别填写数据元、代码表、代码", "上传后先检查，逐行告诉您哪里不对",
        "核对无误再导入；只存为草案，由另一位数据管理员核对后才发布",
    ),
    purpose=standard_exchange.PURPOSE, preview=standard_exchange.preview,
    check_page="catalog/import_standards.html",
)  # fmt: skip


def template(request: ActorRequest) -> HttpResponse:
    """The empty file of the catalogue to fill in."""
    return _download(exchange.template_file(actor=request.actor), "目录导入模板.xlsx")


def standards_template(request: ActorRequest) -> HttpResponse:
    """The empty file of standards to fill in."""
    return _download(standard_exchange.template_file(actor=request.actor), "数据标准导入模板.xlsx")


def export(request: ActorRequest) -> HttpResponse:
    """Everything the actor may see, ready to be changed and imported again."""
    day = timezone.localdate()
    return _download(exchange.export_file(actor=request.actor), f"数据目录-{day:%Y%m%d}.xlsx")


def standards_export(request: ActorRequest) -> HttpResponse:
    """All standards the actor may see, ready to be changed and imported again."""
    content = standard_exchange.export_file(actor=request.actor)
    return _download(content, f"数据标准-{timezone.localdate():%Y%m%d}.xlsx")


def _download(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=XLSX)
    response.headers["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=name
    )
    return response


def upload(request: ActorRequest) -> HttpResponse:
    """Step 1 for the catalogue."""
    return _upload(request, CATALOGUE)


def standards_upload(request: ActorRequest) -> HttpResponse:
    """Step 1 for standards."""
    return _upload(request, STANDARDS)


def _upload(request: ActorRequest, desk: Desk) -> HttpResponse:
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        if file is None:
            error = "请选择要上传的 Excel 文件。"
        else:
            try:
                stored = store(
                    actor=request.actor, name=file.name or "目录.xlsx", chunks=file.chunks(),
                    purpose=desk.purpose, max_bytes=MAX_BYTES,
                )  # fmt: skip
                desk.preview(actor=request.actor, content=stored.path.read_bytes())
            except InvalidInput as problem:
                error = problem.detail
            else:
                return redirect(desk.check, stored.pk)
    context = {
        "title": desk.title,
        "subtitle": desk.subtitle,
        "crumbs": desk.crumbs(Crumb("批量导入")),
        "steps": [Step("上传文件", "now"), Step("核对内容"), Step("导入为草稿")],
        "desk": desk,
        "error": error,
    }
    return render(request, "catalog/import_upload.html", context, status=422 if error else 200)


def _stored(request: ActorRequest, desk: Desk, file_id: UUID) -> StoredFile:
    file = StoredFile.objects.filter(
        pk=file_id, purpose=desk.purpose, created_by=request.actor.account
    ).first()
    if file is None:
        raise NotFound("没有找到这次上传。", advice="请重新上传文件。")
    return file


def confirm(request: ActorRequest, file_id: UUID) -> HttpResponse:
    """Steps 2 and 3 for the catalogue: show what would happen; do it when confirmed."""
    file = _stored(request, CATALOGUE, file_id)
    if request.method == "POST":
        done = exchange.import_file(
            actor=request.actor, file=file, digest=request.POST.get("digest", "")
        )
        messages.success(request, f"{_imported(done)}数据资源都存为草稿，检查后即可提交审核。")
        return redirect(f"{reverse('catalog:resources')}?state=draft")
    return _check(request, CATALOGUE, file)


def standards_confirm(request: ActorRequest, file_id: UUID) -> HttpResponse:
    """Steps 2 and 3 for standards."""
    file = _stored(request, STANDARDS, file_id)
    if request.method == "POST":
        submit = request.POST.get("submit") == "1"
        done = standard_exchange.import_file(
            actor=request.actor, file=file, digest=request.POST.get("digest", ""), submit=submit
        )
        after = (
            "已提请发布，由另一位数据管理员核对。" if submit else "都存为草案，核对后请提请发布。"
        )
        messages.success(request, _imported(done) + after)
        if not done.elements:
            return redirect("catalog:code-tables")
        state = "submitted" if submit else "draft"
        return redirect(f"{reverse('catalog:elements')}?state={state}")
    return _check(request, STANDARDS, file)


def _imported(done: Plan | StandardPlan) -> str:
    return (
        f"已导入：新建 {done.count('create')} 条，修改 {done.count('change')} 条，"
        f"没有变化 {done.count('unchanged')} 条。"
    )


def _check(request: ActorRequest, desk: Desk, file: StoredFile) -> HttpResponse:
    plan: Plan | StandardPlan = desk.preview(actor=request.actor, content=file.path.read_bytes())
    context = {
        "title": "核对导入内容",
        "subtitle": file.name,
        "crumbs": desk.crumbs(Crumb("批量导入", reverse(desk.upload)), Crumb("核对")),
        "steps": [Step("上传文件", "done"), Step("核对内容", "now"), Step("导入为草稿")],
        "desk": desk,
        "plan": plan,
        "errors": plan.errors[:_SHOWN_ERRORS],
        "more_errors": max(0, len(plan.errors) - _SHOWN_ERRORS),
        "created": plan.count("create"),
        "changed": plan.count("change"),
        "unchanged": plan.count("unchanged"),
    }
    return render(request, desk.check_page, context)
