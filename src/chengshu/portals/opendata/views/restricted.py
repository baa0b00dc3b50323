"""Datasets opened under an agreement: what they are is public, their rows go to those who were let in."""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from chengshu.data.opening.agreements import selectors, services
from chengshu.data.opening.agreements.forms import ApplyForm
from chengshu.data.opening.agreements.models import RestrictedAccess
from chengshu.data.opening.choices import CONTENT_TYPES
from chengshu.data.opening.models import OpenDataset
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.ui.components import Crumb, EmptyState, Fact
from chengshu.portals.opendata import limits
from chengshu.portals.opendata.metadata import dcat
from chengshu.portals.opendata.metadata.description import Description
from chengshu.portals.opendata.metadata.schemaorg import embedded, schema_org

_BEARER = "Bearer "


def _crumbs(*more: Crumb) -> list[Crumb]:
    return [
        Crumb("首页", reverse("opendata:home")),
        Crumb("受限开放", reverse("opendata:restricted-list")), *more,
    ]  # fmt: skip


def listing(request: ActorRequest) -> HttpResponse:
    """All of them."""
    context = {
        "title": "受限开放", "datasets": selectors.restricted_datasets(), "crumbs": _crumbs(),
        "nothing": EmptyState(
            title="还没有按协议开放的数据集", icon="shield-lock", text="各单位发布后会出现在这里。"
        ),
    }  # fmt: skip
    return render(request, "opendata/restricted_list.html", context)


def page(request: ActorRequest, slug: str) -> HttpResponse:
    """What it is, what to accept, and how far one's own application is."""
    dataset = selectors.restricted_dataset(slug)
    return render(request, "opendata/restricted.html", _context(request, dataset))


def _context(
    request: ActorRequest, dataset: OpenDataset, form: ApplyForm | None = None, key: str = ""
) -> dict[str, Any]:
    release = dataset.current
    assert release is not None
    agreement, own = selectors.current_agreement(), selectors.own(request.actor, dataset)
    first = reverse("opendata:restricted-file", args=[dataset.slug, next(iter(release.files))])
    return {
        "schema_org": embedded(schema_org(Description.of(request, dataset))),
        "descriptions": dcat.addresses(dataset),
        "title": dataset.title, "dataset": dataset, "release": release, "agreement": agreement, "own": own,
        "form": form or ApplyForm(initial={"agreement": agreement.number}), "key": key,
        "call": f"curl -OJ -H 'Authorization: Bearer {key or '您的密钥'}' {request.build_absolute_uri(first)}",
        "may_apply": request.actor.account is not None and not _running(own),
        "signed_in": request.actor.account is not None, "crumbs": _crumbs(Crumb(dataset.title)),
        "files": [
            (entry["label"], reverse("opendata:restricted-file", args=[dataset.slug, entry["format"]]))
            for entry in release.file_list
        ],
        "facts": [
            Fact("提供单位", dataset.resource.provider.name), Fact("联系方式", dataset.contact),
            Fact("记录", f"{release.rows:,} 条"), Fact("版本", f"第 {release.number} 版"),
            Fact("最近更新", release.published_at), Fact("协议", str(agreement)),
            Fact("开放依据", release.approval.get("basis", "")),
        ],
    }  # fmt: skip


def _running(own: RestrictedAccess | None) -> bool:
    return own is not None and (own.state == "waiting" or own.open)


@require_POST
def apply(request: ActorRequest, slug: str) -> HttpResponse:
    """Apply under one's own name."""
    dataset = selectors.restricted_dataset(slug)
    form = ApplyForm(request.POST)
    if form.is_valid():
        try:
            services.apply(actor=request.actor, dataset=dataset, **form.cleaned_data)
        except InvalidInput as error:
            form.show(error)
        else:
            messages.success(request, "已提交。答复后会发消息给您。")
            return redirect("opendata:restricted", slug)
    return render(request, "opendata/restricted.html", _context(request, dataset, form))


@require_POST
def key(request: ActorRequest, slug: str) -> HttpResponse:
    """Hand out a fresh key, shown this once."""
    dataset = selectors.restricted_dataset(slug)
    own = selectors.own(request.actor, dataset)
    if own is None:
        raise NotFound("您还没有申请这个数据集。", advice="请先在数据集页面申请。")
    made = services.new_key(actor=request.actor, access=own)
    response = render(request, "opendata/restricted.html", _context(request, dataset, key=made))
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def file(request: ActorRequest, slug: str, file_format: str) -> HttpResponseBase:
    """The current release's file, for whoever shows a key or is signed in with a grant; asked anew every time."""
    limits.count(request)
    shown = request.headers.get("Authorization", "")
    secret = shown.removeprefix(_BEARER).strip() if shown.startswith(_BEARER) else ""
    access = services.admit(actor=request.actor, slug=slug, key=secret)
    release = access.dataset.current
    if release is None or file_format not in release.files:
        raise NotFound("没有这种格式的文件。", advice="可用格式见数据集页面。")
    response = FileResponse(
        release.file(file_format).open("rb"), as_attachment=True, filename=f"{slug}.{file_format}",
        content_type=CONTENT_TYPES[file_format],
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response
