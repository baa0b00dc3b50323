"""The gallery of masks (脱敏规则): each with a fictitious value, what comes out, and where it is in force."""

from collections import Counter
from functools import cache

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from chengshu.data.catalog.facade import list_published
from chengshu.data.classification.mask_uses import mask_uses
from chengshu.data.protection.facade import Example, examples, mask_key, preview_mask
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.crypto.keyring import keyring_from_text
from chengshu.kernel.ui.components import Column, Table


@cache
def _key() -> bytes:
    return mask_key(keyring_from_text(settings.SECRET_KEYS), "gallery")


def gallery(request: ActorRequest) -> HttpResponse:
    """Every kind of mask, computed now."""
    previews = Counter(
        preview_mask(column).partition(":")[0]
        for resource in list_published()
        for column in resource.columns
    )
    uses = {"预览": previews, **mask_uses()}

    def used(item: Example) -> str:
        kind = item.kind.name
        if kind == "none":
            return ""
        return "、".join(
            f"{place} {count[kind]:,} 项" for place, count in uses.items() if count[kind]
        )

    columns = (
        Column(key="label", title="脱敏方式", kind="main", value=lambda e: e.kind.label),
        Column(key="value", title="原值（虚构）"),
        Column(key="shown", title="显示为"),
        Column(key="keyed", title="要密钥", value=lambda e: "是" if e.keyed else ""),
        Column(key="declaration", title="写法", kind="code", value=lambda e: e.kind.example),
        Column(key="used", title="正在使用", value=used),
    )
    context = {
        "title": "脱敏规则", "subtitle": "预览、共享和开放共用同一套规则；示例由程序现算，不是手写",
        "table": Table.plain(
            key="masks", columns=columns, rows=examples(_key()), caption="脱敏规则"
        ),
    }  # fmt: skip
    return render(request, "classification/masks.html", context)
