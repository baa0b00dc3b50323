"""The look at a release in the console: figures, refused cells, ways out, and what is asked."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import PublishedResource, published_by_id
from chengshu.data.opening import selectors
from chengshu.data.opening.disclosure import rules
from chengshu.data.opening.disclosure.review import CELL_WORDS, PERSONAL
from chengshu.data.opening.forms import PrivacyForm
from chengshu.data.opening.masking import released
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import privacy
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.components import Column, Crumb, EmptyState, Fact, Stat, Table

_HIDDEN = "（只给本单位经办人看）"


@dataclass(frozen=True, slots=True)
class ReviewPanel:
    """What the page says of the last look; ``cells`` without values for those who may not handle the dataset."""

    word: str
    tone: str
    told: str
    stats: list[Stat]
    facts: list[Fact]
    cells: Table | None
    compared: Table | None
    proposals: list[dict[str, Any]]
    manages: bool


def review_of(actor: Actor, item: OpenDataset) -> ReviewPanel | None:
    """The panel of a dataset that was looked at; None before the first look."""
    found = item.review
    if not found:
        return None
    manages = allows(actor, "opening.manage", item)
    refused = len(found.get("cells", ()))
    if refused:
        word, tone = "有不能开放的行列", "red"
    elif found.get("applies"):
        word, tone = "没有发现能单独认出的人", "green"
    else:
        word, tone = "没有准标识符，不用分组评估", "green"
    return ReviewPanel(
        word=word, tone=tone, told=_told(found, manages) if refused else "", stats=_stats(found), facts=_facts(found),
        cells=_cells(found, shown=manages) if refused else None,
        compared=_compared(found) if found.get("compared") else None,
        proposals=found.get("proposals", []) if manages else [], manages=manages,
    )  # fmt: skip


def _stats(found: dict[str, Any]) -> list[Stat]:
    if not found.get("applies"):
        return []
    risk = found["highest_risk"]
    return [
        Stat(label="最小的一组", value=found["least"], unit="人", note=f"要求至少 {found['k']} 人"),
        Stat(label="猜中一个人的机会", value=round(risk * 100, 1), unit="%", note=f"平均 {found['mean_risk']:.2%}"),
        Stat(label="人数太少的组", value=found["small_groups"], unit="组",
             note=f"{found['small_people']:,} 人 / {found['people']:,} 人"),
        Stat(label="敏感值都一样的组", value=found["alike_groups"], unit="组",
             note=f"要求至少 {found['l']} 种" if found["sensitive"] else "没有敏感字段"),
    ]  # fmt: skip


def _facts(found: dict[str, Any]) -> list[Fact]:
    titles = found.get("titles", {})
    told = [Fact("检查了", f"{found['rows']:,} 行，全部")]
    if found.get("applies"):
        told += [
            Fact("准标识符", "、".join(titles[name] for name in found["quasi"])),
            Fact("敏感字段", "、".join(titles[name] for name in found["sensitive"])),
            Fact("按人数计", titles.get(found["weight"], "")),
            Fact("各组人数", "；".join(f"{word} 人：{n:,}" for word, n in found["histogram"] if n)),
        ]
    if found.get("left_out"):
        told.append(Fact("隐去", f"{found['left_out']:,} 行"))
    return told


def _cells(found: dict[str, Any], *, shown: bool) -> Table:
    titles = found.get("titles", {})

    def values(cell: dict[str, Any]) -> str:
        if cell["kind"] == PERSONAL:
            return "；".join(cell["keys"])
        if not shown:
            return _HIDDEN
        return "，".join(f"{titles.get(name, name)} {v}" for name, v in cell["values"].items())

    # Values name their columns, and most cells have no key to show: empty columns say nothing twenty times.
    named = any(cell["kind"] == PERSONAL or not shown for cell in found["cells"])
    keyed = shown and any(cell["keys"] for cell in found["cells"] if cell["kind"] != PERSONAL)
    columns = [
        Column(key="values", title="哪些行", kind="main", value=values),
        Column(key="why", title="为什么", value=lambda c: f"{CELL_WORDS[c['kind']]}：{c['why']}"),
        Column(key="rows", title="行数", kind="number"),
    ]
    if named:
        columns.insert(
            0, Column(key="columns", title="列", value=lambda c: "、".join(titles.get(n, n) for n in c["columns"]))
        )  # fmt: skip
    if keyed:
        columns.append(Column(key="keys", title="例如编号", value=lambda c: "、".join(c["keys"])))
    return Table.plain(key="cells", columns=columns, rows=found["cells"], caption="不能开放的行列")


def _told(found: dict[str, Any], manages: bool) -> str:
    """The refusal in one sentence, and where to go on."""
    shown, small = len(found["cells"]), found.get("small_groups", 0) + found.get("alike_groups", 0)
    more = f"共 {small:,} 组，下面列出 {shown:,} 处。" if small > shown else f"共 {shown:,} 处。"
    ways = "选下面一个处理办法，或自己修改字段和脱敏方式，再检查一次。"
    return f"照现在的草稿不能发布：下面这些行列会让人认出个人。{more}{ways if manages else ''}"


def _compared(found: dict[str, Any]) -> Table:
    columns = (
        Column(key="release", title="与哪一版比", kind="main", value=lambda c: f"第 {c['release']} 版"),
        Column(key="came", title="新增", kind="number"),
        Column(key="went", title="减少", kind="number"),
        Column(key="apart", title="能单独认出", kind="number"),
        Column(key="problem", title="说明"),
    )  # fmt: skip
    return Table.plain(
        key="compared", columns=columns, rows=found["compared"], caption="与以前版本的差异",
        empty=EmptyState(title="还没有以前的版本"),
    )  # fmt: skip


@require_POST
def look(request: ActorRequest, slug: str) -> HttpResponse:
    """Queue a look without publishing."""
    item = selectors.dataset(request.actor, slug)
    privacy.look(actor=request.actor, dataset=item)
    messages.success(request, "已开始检查，不会发布。结果就出在下面。")
    return redirect("opening:dataset", slug)


@require_POST
def apply(request: ActorRequest, slug: str) -> HttpResponse:
    """Take a proposed way out and look again."""
    item = selectors.dataset(request.actor, slug)
    offer = privacy.apply_proposal(
        actor=request.actor, dataset=item, key=request.POST.get("key", "")
    )
    item.refresh_from_db()
    privacy.look(actor=request.actor, dataset=item)
    messages.success(request, f"已改：{offer['title']}。正在重新检查，没有发布。")
    return redirect("opening:dataset", slug)


def edit(request: ActorRequest, slug: str) -> HttpResponse:
    """What is asked of a release about people."""
    item = selectors.dataset(request.actor, slug)
    resource = published_by_id(item.resource_id)
    form = _form(request, item, resource)
    page = reverse("opening:dataset", args=[slug])
    if request.method == "POST" and form.is_valid():
        try:
            privacy.set_rules(actor=request.actor, dataset=item, wanted=form.wanted())
        except InvalidInput as error:
            for name, text in error.fields.items():
                form.add_error(name if name in form.fields else None, text)
        else:
            messages.success(request, "已保存。请重新检查一次。")
            return redirect(page)
    title = "隐私评估要求"
    context = {
        "title": title, "form": form, "submit": "保存要求", "cancel_url": page,
        "subtitle": "发布前按这些要求检查全部记录；放宽要写明依据并经另一人审批。",
        "crumbs": [
            Crumb("数据开放", reverse("opening:datasets")), Crumb(item.title, page), Crumb(title),
        ],
    }  # fmt: skip
    return render(request, "opening/reason.html", context)


def _form(request: ActorRequest, item: OpenDataset, resource: PublishedResource) -> PrivacyForm:
    chosen = set(item.fields)
    columns = [released(c, item.masks) for c in resource.columns if c.name in chosen]
    held = rules.read(item.privacy)
    initial: dict[str, Any] = {
        "k": held.k, "l": held.l, "differencing": held.differencing, "suppress": held.suppress,
        **{f"role_{name}": role for name, role in held.roles.items()},
    }  # fmt: skip
    return PrivacyForm(
        request.POST or None, columns=columns, initial=initial,
        proposals=rules.proposed(columns, item.masks),
    )  # fmt: skip
