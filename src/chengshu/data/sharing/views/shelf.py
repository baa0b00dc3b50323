"""The resource supermarket: find an interface, compare it with others, look at masked rows and a sample call."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from chengshu.data.catalog.facade import (
    Facet,
    Freshness,
    Level,
    SharingType,
    classes,
    freshness_case,
)
from chengshu.data.quality.facade import Grade, grade_tag
from chengshu.data.sharing import sample_rows, selectors, shelf
from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.masking import NONE, mask_name
from chengshu.data.sharing.models import ShareInterface
from chengshu.data.sharing.samples import CallSample
from chengshu.data.sharing.views.presentation import interface_url, tag_of
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.search.facets import tally
from chengshu.kernel.ui.components import (
    Action,
    BulkAction,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    StatusTag,
    Tab,
    Table,
    status_tag,
)
from chengshu.kernel.ui.formatting import ago
from chengshu.kernel.ui.tables import TableView

HOME = "共享接口"
APPLY = "sharing.request.apply"
# Keys of the shared status tags.
_FRESH_TONES = {
    Freshness.ON_TIME: "on_time", Freshness.DUE_SOON: "due_soon", Freshness.OVERDUE: "overdue",
}  # fmt: skip


def _providers() -> list[tuple[str, str]]:
    found = ShareInterface.objects.order_by("resource__provider__code").distinct()
    return list(found.values_list("resource__provider__code", "resource__provider__short"))


def _by_class(rows: QuerySet[ShareInterface], value: str) -> QuerySet[ShareInterface]:
    return rows.filter(resource__category__code__startswith=value)


def _by_freshness(rows: QuerySet[ShareInterface], value: str) -> QuerySet[ShareInterface]:
    case = freshness_case(timezone.now(), prefix="resource__")
    return rows.annotate(freshness=case).filter(freshness=value)


def grade_of(item: Any) -> StatusTag | None:
    """The tag of the data's grade; None for data that were never evaluated."""
    return None if item.grade == shelf.UNRATED else grade_tag(item.grade)


def fresh_of(item: ShareInterface) -> StatusTag:
    """The tag of the data's freshness."""
    found = shelf.freshness(item)
    return status_tag(_FRESH_TONES.get(found, "inactive"), str(found.label))


def sharing_word(item: ShareInterface) -> str:
    """What the catalogue says about sharing."""
    published = item.resource.published
    return published.get_sharing_type_display() if published else "—"


class InterfaceList(TableView[ShareInterface]):
    """All interfaces of the city with facets: one cannot apply for what one cannot find."""

    template_name = "catalog/resources.html"
    results_template = "catalog/resources_results.html"
    title = HOME
    subtitle = "看质量、时效、字段和样例，放进申请车；一张申请单可以办几个单位的数据"
    key = "sharing-interfaces"
    columns: ClassVar[Sequence[Column]] = (
        Column(key="title", title="名称", kind="main", sort="title", locked=True, url=interface_url),
        Column(key="provider", title="提供单位", value="resource.provider.short",
               sort="resource__provider__short"),
        Column(key="sharing", title="共享类型", value=sharing_word),
        Column(key="level", title="级别", value="resource.published.level"),
        Column(key="grade", title="质量", value=grade_of),
        Column(key="fresh", title="时效", value=fresh_of),
        Column(key="users", title="在用单位", kind="number", sort="users"),
        Column(key="calls", title="近 30 天调用", kind="number", value="recent_calls",
               sort="recent_calls"),
        Column(key="state", title="状态", kind="status", value=tag_of, label="get_state_display",
               sort="state"),
        Column(key="rows", title="记录", kind="number", sort="rows", hidden=True),
        Column(key="grants", title="授权", kind="number", value="open_grants", hidden=True),
        Column(key="published", title="数据更新", kind="ago", value="published_at",
               sort="published_at", hidden=True),
        Column(key="code", title="接口编号", kind="code", sort="code", hidden=True),
        Column(key="resource", title="数据资源", value="resource.title", hidden=True),
        Column(key="key_column", title="查询字段", kind="code", hidden=True),
    )  # fmt: skip
    filters: ClassVar[Sequence[Filter]] = (
        Filter(key="provider", title="单位", choices=_providers, lookup="resource__provider__code"),
        Filter(key="class", title="分类", choices=classes, apply=_by_class),
        Filter(key="sharing", title="共享类型", lookup="resource__published__sharing_type",
               choices=SharingType.choices),
        Filter(key="grade", title="质量",
               choices=(*Grade.choices, (shelf.UNRATED, "未评价"))),
        Filter(key="fresh", title="时效", choices=Freshness.choices, apply=_by_freshness),
        Filter(key="level", title="级别", lookup="resource__published__level",
               choices=Level.choices),
        Filter(key="state", title="状态", choices=InterfaceState.choices),
    )  # fmt: skip
    search_fields = ("title",)
    search_hint = "搜名称、字段、单位，拼音也行"
    default_sort = "title"
    empty = EmptyState(
        title="还没有共享接口", icon="api",
        text="从一个已发布、已归集的数据资源开始，选好查询字段，几秒钟就能调用。",
        action=Action(title="发布一个接口", url="new/", icon="plus", primary=True),
    )  # fmt: skip

    def get_queryset(self) -> QuerySet[ShareInterface]:
        return shelf.listed(self.request.actor)  # type: ignore[attr-defined]

    def search(self, queryset: QuerySet[ShareInterface], words: str) -> QuerySet[ShareInterface]:
        return shelf.search(queryset, words, self.request.actor)  # type: ignore[attr-defined]

    def get_results_context(self) -> dict[str, Any]:
        return {"facets": self._facets()}

    def _facets(self) -> list[Facet]:
        """The conditions beside the list, each with what it would leave: one query for all."""
        base, chosen = self.get_queryset(), {}
        for state in self._filters:
            if state.value and state.filter.key in shelf.FACETS:
                chosen[state.filter.key] = (state.value,)
            elif state.value:
                base = base.filter(**{state.filter.lookup or state.filter.key: state.value})
        if self._words:
            base = self.search(base, self._words)
        counts, _total = tally(shelf.facet_groups(base), chosen)
        return [
            Facet.of(
                state.filter.title, state.options, counts.get(state.filter.key, {}),
                {state.value} - {""}, partial(self._url_of, state.filter.key),
            )
            for state in self._filters if state.filter.key in shelf.FACETS
        ]  # fmt: skip

    def _url_of(self, key: str, value: str, chosen: bool) -> str:
        return self._url(**{key: "" if chosen else value})

    def get_actions(self) -> Sequence[Action]:
        actor, found = self.request.actor, []  # type: ignore[attr-defined]
        if holds(actor, APPLY):
            url = reverse("sharing_requests:cart")
            found.append(Action(title="申请车", url=url, icon="shopping-cart"))
        if holds(actor, "sharing.interface.manage"):
            url = reverse("sharing:interface-new")
            found.append(Action(title="发布一个接口", url=url, icon="plus", primary=True))
        return found

    def get_bulk_actions(self) -> Sequence[BulkAction]:
        found = [
            BulkAction(title="对比", url=reverse("sharing:interface-choose"), icon="git-compare")
        ]
        if holds(self.request.actor, APPLY):  # type: ignore[attr-defined]
            url = reverse("sharing_requests:cart-add-chosen")
            found.append(BulkAction(title="加入申请车", url=url, icon="shopping-cart"))
        return found


def choose(request: ActorRequest) -> HttpResponse:
    """Lead from the ticked rows of the list to the comparison, whose address can be kept and passed on."""
    keys = [key for key in request.POST.getlist("selected") if key.isdecimal()]
    rows = selectors.interfaces(request.actor).filter(pk__in=keys).order_by("title")
    query = urlencode({"i": list(rows.values_list("code", flat=True))}, doseq=True)
    return redirect(f"{reverse('sharing:interface-compare')}?{query}")


def _key_title(item: ShareInterface) -> str:
    titles = {column["name"]: column["title"] for column in item.columns}
    return str(titles.get(item.key_column, item.key_column)) or "—"


_Line = tuple[str, Callable[[Any], Any]]
_LINES: tuple[_Line, ...] = (
    ("提供单位", lambda i: i.resource.provider.name),
    ("质量等级", lambda i: grade_of(i) or "未评价"),
    ("得分", lambda i: None if i.score is None else round(i.score, 1)),
    ("时效", fresh_of),
    ("最近更新", lambda i: ago(i.resource.fresh_at) if i.resource.fresh_at else "—"),
    ("更新周期", lambda i: _published(i, "get_update_cycle_display")),
    ("共享类型", sharing_word),
    ("共享条件", lambda i: _published(i, "sharing_condition")),
    ("级别", lambda i: _published(i, "level")),
    ("记录", lambda i: f"{i.rows:,} 条"),
    ("查询字段", _key_title),
    ("近 30 天调用", lambda i: f"{i.recent_calls:,} 次"),
)


def _published(item: ShareInterface, name: str) -> str:
    value = getattr(item.resource.published, name, "")
    return str(value() if callable(value) else value) or "—"


def compare(request: ActorRequest) -> HttpResponse:
    """Two to four interfaces side by side."""
    items = shelf.chosen(request.actor, request.GET.getlist("i"))
    used = shelf.users(items)
    head = [Column(key="what", title="项目", kind="main")] + [
        Column(key=f"i{item.pk}", title=item.title) for item in items
    ]
    facts = [{"what": word, **{f"i{i.pk}": read(i) for i in items}} for word, read in _LINES]
    facts.append({"what": "在用单位", **{f"i{i.pk}": _names(used[i.pk]) for i in items}})
    may_apply = holds(request.actor, APPLY)
    context = {
        "title": "对比接口", "subtitle": "、".join(item.title for item in items),
        "crumbs": [Crumb(HOME, reverse("sharing:interfaces")), Crumb("对比")],
        "facts_table": Table.plain(key="compare", columns=head, rows=facts, caption="基本情况"),
        "fields_table": Table.plain(
            key="compare-fields", columns=head, rows=_fields(items), caption="字段与级别"
        ),
        "items": [(item, interface_url(item)) for item in items], "may_apply": may_apply,
    }  # fmt: skip
    return render(request, "sharing/compare.html", context)


def _names(rows: Sequence[shelf.User]) -> str:
    return "、".join(user.name for user in rows) or "还没有"


def _fields(items: Sequence[ShareInterface]) -> list[dict[str, Any]]:
    """The fields of all, those that more of them have first; each with its level."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        for column in item.columns:
            line = found.setdefault(column["title"], {"what": column["title"]})
            line[f"i{item.pk}"] = f"✓ {column.get('sensitivity', '')}".strip()
    lines = sorted(found.values(), key=lambda line: -len(line))
    return [{**{f"i{i.pk}": "—" for i in items}, **line} for line in lines]


def tabs(item: ShareInterface, active: str) -> list[Tab]:
    """The tabs of an interface's page; none where there is no snapshot to show rows of."""
    if not item.snapshot:
        return []
    pages = (("interface", "概况", "info-circle"), ("interface-sample", "样例数据与调用", "table"))
    return [
        Tab(title, interface_url(item, name), active == name, icon=icon)
        for name, title, icon in pages
    ]


def sample(request: ActorRequest, code: str) -> HttpResponse:
    """A few masked rows, a sample call and its answer; every look is audited."""
    item = selectors.interface(request.actor, code)
    found = sample_rows.look(actor=request.actor, interface=item)
    call = CallSample(
        interface=item.code, record=found.record, application="应用编号", key_id="密钥编号"
    )
    context = {
        "title": item.title, "interface": item, "tag": tag_of(item), "tabs": tabs(item, "interface-sample"),
        "subtitle": f"{item.resource.provider.name} · {item.code}",
        "crumbs": [Crumb(HOME, reverse("sharing:interfaces")),
                   Crumb(item.title, interface_url(item)), Crumb("样例")],
        "actions": apply_actions(request, item), "rows": _rows(item, found), "found": found,
        "sample": call, "facts": [
            Fact("数据版本", found.version, mono=True),
            Fact("看到的行", f"{len(found.rows)} 条，每次都是最前面这几条"),
            Fact("脱敏", "L3、L4 和个人信息按级别遮盖；开通后看到什么以授权为准"),
            Fact("留痕", "每次查看都记入审计"),
        ],
    }  # fmt: skip
    return render(request, "sharing/interface_sample.html", context)


def _rows(item: ShareInterface, found: sample_rows.Sample) -> Table:
    """One line per field with its values of each row: fifty fields are read down, not scrolled across."""
    columns = [
        Column(key="title", title="字段", kind="main"),
        Column(key="level", title="级别"),
        *(Column(key=f"row{n}", title=f"第 {n} 条") for n, _ in enumerate(found.rows, 1)),
        Column(key="mask", title="脱敏"),
    ]
    lines = [
        {
            "title": c["title"], "level": c.get("sensitivity", ""),
            "mask": _mask_word(found, c["name"]),
            **{f"row{n}": row.get(c["name"]) for n, row in enumerate(found.rows, 1)},
        }
        for c in item.columns
    ]  # fmt: skip
    return Table.plain(
        key="sample-rows", columns=columns, rows=lines if found.rows else [], caption="样例数据",
        empty=EmptyState(title="接口里还没有记录", icon="table"),
    )  # fmt: skip


def _mask_word(found: sample_rows.Sample, name: str) -> str:
    if found.shown[name] != NONE:
        return mask_name(found.shown[name])
    return "个人信息" if name in found.cleaned else ""


def apply_actions(request: ActorRequest, item: ShareInterface) -> list[Action]:
    """The way into the cart, for those who may apply."""
    if not (holds(request.actor, APPLY) and item.columns):
        return []
    url = reverse("sharing_requests:cart-add", args=[item.code])
    return [Action(title="加入申请车", url=url, icon="shopping-cart", method="post", primary=True)]
