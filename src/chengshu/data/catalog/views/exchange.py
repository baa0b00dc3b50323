"""Excel: template, export, and the import in three steps: upload, check, confirm."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header

from chengshu.data.catalog.excel.planning import Plan
from chengshu.data.catalog.excel.reading import MAX_BYTES
from chengshu.data.catalog.services import exchange
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.files.services import store
from chengshu.kernel.ui.components import Crumb, Step

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHOWN_ERRORS = 200


def template(request: ActorRequest) -> HttpResponse:
    """The empty file to fill in."""
    return _download(exchange.template_file(actor=request.actor), "目录导入模板.xlsx")


def export(request: ActorRequest) -> HttpResponse:
    """Everything the actor may see, ready to be changed and imported again."""
    day = timezone.localdate()
    return _download(exchange.export_file(actor=request.actor), f"数据目录-{day:%Y%m%d}.xlsx")


def _download(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=XLSX)
    response.headers["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=name
    )
    return response


def upload(request: ActorRequest) -> HttpResponse:
    """Step 1."""
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        if file is None:
            error = "请选择要上传的 Excel 文件。"
        else:
            try:
                stored = store(
                    actor=request.actor, name=file.name or "目录.xlsx", chunks=file.chunks(),
                    purpose=exchange.PURPOSE, max_bytes=MAX_BYTES,
                )  # fmt: skip
                exchange.preview(actor=request.actor, content=stored.path.read_bytes())
            except InvalidInput as problem:
                error = problem.detail
            else:
                return redirect("catalog:import-check", stored.pk)
    context = {
        "title": "批量导入目录",
        "subtitle": "用一个 Excel 文件登记信息系统、数据资源和数据项",
        "crumbs": [Crumb("数据资源", reverse("catalog:resources")), Crumb("批量导入")],
        "steps": [Step("上传文件", "now"), Step("核对内容"), Step("导入为草稿")],
        "error": error,
    }
    return render(request, "catalog/import_upload.html", context, status=422 if error else 200)


def confirm(request: ActorRequest, file_id: UUID) -> HttpResponse:
    """Steps 2 and 3: show what would happen; do it when confirmed."""
    file = StoredFile.objects.filter(
        pk=file_id, purpose=exchange.PURPOSE, created_by=request.actor.account
    ).first()
    if file is None:
        raise NotFound("没有找到这次上传。", advice="请重新上传文件。")
    if request.method == "POST":
        done = exchange.import_file(
            actor=request.actor, file=file, digest=request.POST.get("digest", "")
        )
        messages.success(
            request,
            f"已导入：新建 {done.count('create')} 条，修改 {done.count('change')} 条，"
            f"没有变化 {done.count('unchanged')} 条。数据资源都存为草稿，检查后即可提交审核。",
        )
        return redirect(f"{reverse('catalog:resources')}?state=draft")
    plan: Plan = exchange.preview(actor=request.actor, content=file.path.read_bytes())
    context = {
        "title": "核对导入内容",
        "subtitle": file.name,
        "crumbs": [
            Crumb("数据资源", reverse("catalog:resources")),
            Crumb("批量导入", reverse("catalog:import")),
            Crumb("核对"),
        ],
        "steps": [Step("上传文件", "done"), Step("核对内容", "now"), Step("导入为草稿")],
        "plan": plan,
        "errors": plan.errors[:_SHOWN_ERRORS],
        "more_errors": max(0, len(plan.errors) - _SHOWN_ERRORS),
        "created": plan.count("create"),
        "changed": plan.count("change"),
        "unchanged": plan.count("unchanged"),
    }
    return render(request, "catalog/import_check.html", context)
