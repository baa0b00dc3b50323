"""Rules of a resource: list, build with a preview in plain words, try on the data, switch, accept suggestions."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.data.catalog.facade import Resource, published_by_id, resource_page
from chengshu.data.ingest.facade import masked, masks_of
from chengshu.data.quality import selectors, sources
from chengshu.data.quality.assembling import SQL
from chengshu.data.quality.engine.catalogued import catalogue_checks
from chengshu.data.quality.engine.kinds import KINDS
from chengshu.data.quality.engine.model import RuleError
from chengshu.data.quality.engine.templates import proposals, template_title
from chengshu.data.quality.engine.thresholds import THRESHOLD
from chengshu.data.quality.forms import EXPERT_CHOICE, KIND_CHOICES, PolicyForm, RuleForm
from chengshu.data.quality.models import Rule, RuleSetting
from chengshu.data.quality.policy import policy
from chengshu.data.quality.services import rules as services
from chengshu.data.quality.services.policies import change_policy
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import allows, check
from chengshu.kernel.errors import InvalidInput, NotFound
from chengshu.kernel.ui.components import Column, Crumb, EmptyState, Table


def _page(request: ActorRequest, resource_id: int) -> dict[str, Any]:
    context = resource_page(actor=request.actor, resource_id=resource_id, active="quality")
    check(request.actor, "quality.rule.manage", context["resource"])
    return context


def rule_list(request: ActorRequest, resource_id: int) -> HttpResponse:
    """All rules of a resource by where they come from."""
    context = _page(request, resource_id)
    entry: Resource = context["resource"]
    shape = sources.shape_of(published_by_id(entry.pk))
    off = set(
        RuleSetting.objects.filter(resource=entry, enabled=False).values_list("key", flat=True)
    )
    built_in = [
        {"key": c.key, "title": c.title, "dimension": c.dimension.label, "severity": c.severity.label,
         "origin": "目录", "enabled": c.key not in off}
        for c in catalogue_checks(shape)
    ]  # fmt: skip
    templates = [
        {"key": p.key, "title": template_title(p.template), "dimension": p.dimension.label,
         "sentence": KINDS[p.kind].sentence(p.definition, shape, sources.tables),
         "severity": p.severity.label, "origin": "模板", "enabled": p.key not in off}
        for p in proposals(shape)
    ]  # fmt: skip
    context |= {
        "own": _own_rules(entry), "templates": templates, "built_in": built_in,
        "kinds": _kinds(request, entry),
    }  # fmt: skip
    return render(request, "quality/rules.html", context)


def _kinds(request: ActorRequest, entry: Resource) -> list[tuple[str, str]]:
    expert = allows(request.actor, "quality.rule.expert", entry)
    return [*KIND_CHOICES, EXPERT_CHOICE] if expert else list(KIND_CHOICES)


def _own_rules(entry: Resource) -> Table:
    columns = [
        Column(key="title", title="规则", kind="main", url=lambda r: reverse("quality:rule", args=[r.pk])),
        Column(key="dimension", title="维度", value="get_dimension_display"),
        Column(key="severity", title="严重程度", value="get_severity_display"),
        Column(key="origin", title="来源", value="get_origin_display"),
        Column(key="version", title="版本", value=lambda r: f"v{r.version}"),
        Column(key="enabled", title="状态", kind="status", value=lambda r: "active" if r.enabled else "inactive"),
    ]  # fmt: skip
    rows = list(Rule.objects.filter(resource=entry))
    empty = EmptyState(
        title="还没有自建的规则",
        icon="ruler",
        text="可以从数据里发现规则，也可以自己写一条，都不用写代码。",
    )
    return Table.plain(
        key="own", columns=columns, rows=rows, caption="自建和采纳的规则", empty=empty
    )


def _known_kind(kind: str) -> str:
    if kind not in {*KINDS, THRESHOLD, SQL}:
        raise NotFound("没有这种规则。", advice="请回到规则列表选择类型。")
    return kind


def new(request: ActorRequest, resource_id: int) -> HttpResponseBase:
    """Build a rule of the chosen kind."""
    context = _page(request, resource_id)
    return _edit(request, context, _known_kind(request.GET.get("kind", "compare")), None)


def rule(request: ActorRequest, pk: int) -> HttpResponseBase:
    """A rule with its versions; change it here."""
    item = selectors.rule(request.actor, pk)
    context = _page(request, item.resource_id)
    context["versions"] = list(item.versions.select_related("saved_by"))
    return _edit(request, context, item.kind, item)


def _edit(
    request: ActorRequest, context: dict[str, Any], kind: str, item: Rule | None
) -> HttpResponseBase:
    entry: Resource = context["resource"]
    shape = sources.shape_of(published_by_id(entry.pk))
    form = RuleForm(request.POST or None, kind=kind, shape=shape, rule=item)
    status = 200
    if request.method == "POST":
        try:
            if form.is_valid():
                saved = services.save_rule(
                    actor=request.actor, resource=entry, kind=kind, definition=form.definition(),
                    title=form.cleaned_data["title"], dimension=form.cleaned_data["dimension"],
                    severity=form.cleaned_data["severity"], rule=item,
                )  # fmt: skip
                messages.success(request, f"已保存“{saved.title}”，下一次评价生效。")
                return redirect("quality:rules", entry.pk)
        except (InvalidInput, RuleError) as error:
            form.add_error(None, getattr(error, "message", str(error)))
        status = 422
    context |= {
        "form": form, "kind": kind, "kind_title": dict([*KIND_CHOICES, EXPERT_CHOICE]).get(kind, kind),
        "kind_help": KINDS[kind].help if kind in KINDS else "", "rule": item,
        "kinds": _kinds(request, entry),
    }  # fmt: skip
    return render(request, "quality/rule.html", context, status=status)


@require_POST
def preview(request: ActorRequest, resource_id: int, kind: str) -> HttpResponse:
    """What is filled in so far, in one plain sentence (htmx)."""
    context = _page(request, resource_id)
    shape = sources.shape_of(published_by_id(context["resource"].pk))
    form = RuleForm(request.POST, kind=_known_kind(kind), shape=shape)
    try:
        words = services.sentence(kind, form.definition(), shape) if form.is_valid() else ""
        problem = "" if words else "请把内容填完整。"
    except RuleError as error:
        words, problem = "", str(error)
    return render(request, "quality/sentence.html", {"sentence": words, "problem": problem})


@require_POST
def attempt(request: ActorRequest, resource_id: int, kind: str) -> HttpResponse:
    """Try the rule on the stored rows before saving; some failing rows, masked (htmx)."""
    context = _page(request, resource_id)
    entry: Resource = context["resource"]
    published = published_by_id(entry.pk)
    form = RuleForm(request.POST, kind=_known_kind(kind), shape=sources.shape_of(published))
    trial, problem, rows = None, "", None
    try:
        if form.is_valid():
            trial = services.try_rule(
                actor=request.actor, resource=entry, kind=kind, definition=form.definition()
            )
            rows = _trial_rows(published, trial, form)
        else:
            problem = "请把内容填完整。"
    except (InvalidInput, RuleError) as error:
        problem = getattr(error, "message", str(error))
    return render(request, "quality/trial.html", {"trial": trial, "problem": problem, "rows": rows})


def _masked_value(name: str, masks: Any) -> Any:
    def read(row: dict[str, Any]) -> Any:
        return masked(masks, name, row.get(name)) if name in masks else row.get(name)

    return read


def _trial_rows(published: Any, trial: services.Trial, form: RuleForm) -> Table | None:
    if not trial.failed or not published.key:
        return None
    keys = [tuple(row[name] for name in published.key) for row in trial.keys.to_pylist()]
    wanted = keys if len(published.key) > 1 else [key[0] for key in keys]
    found = sources.lake().lookup(published.lake_table, wanted).to_pylist()
    masks = masks_of(published.columns)
    about = {str(value) for value in form.definition().values() if isinstance(value, str)}
    about |= set(form.definition().get("columns", []))
    columns = [c for c in published.columns if c.key or c.name in about]
    shown = [
        Column(key=c.name, title=c.title, value=_masked_value(c.name, masks))
        for c in columns
    ]  # fmt: skip
    return Table.plain(key="trial", columns=shown, rows=found, caption="不符合的记录")


@require_POST
def switch(request: ActorRequest, pk: int) -> HttpResponseBase:
    """Switch a rule on or off."""
    item = selectors.rule(request.actor, pk)
    services.switch_rule(actor=request.actor, rule=item, enabled=not item.enabled)
    messages.success(
        request, f"“{item.title}”已{'启用' if item.enabled else '停用'}，下一次评价生效。"
    )
    return redirect("quality:rules", item.resource_id)


@require_POST
def switch_builtin(request: ActorRequest, resource_id: int) -> HttpResponseBase:
    """Switch a rule of the catalogue or a template on or off for this resource."""
    context = _page(request, resource_id)
    services.set_builtin(
        actor=request.actor, resource=context["resource"], key=request.POST.get("key", ""),
        enabled=request.POST.get("enabled") == "1",
    )  # fmt: skip
    messages.success(request, "已修改，下一次评价生效。")
    return redirect("quality:rules", resource_id)


def found(request: ActorRequest, resource_id: int) -> HttpResponseBase:
    """What the data suggest; ticked candidates become rules."""
    context = _page(request, resource_id)
    entry: Resource = context["resource"]
    if request.method == "POST":
        places = [int(text) for text in request.POST.getlist("place") if text.isdecimal()]
        accepted = services.accept(actor=request.actor, resource=entry, places=places)
        messages.success(request, f"已采纳 {len(accepted)} 条规则，下一次评价生效。")
        return redirect("quality:rules", entry.pk)
    offered = services.candidates(actor=request.actor, resource=entry)
    return render(request, "quality/found.html", context | {"offered": offered})


def edit_policy(request: ActorRequest) -> HttpResponseBase:
    """The evaluation policy of the city."""
    form = PolicyForm(request.POST or None, policy=policy())
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                change_policy(actor=request.actor, content=form.content())
            except InvalidInput as error:
                form.add_error(None, "；".join(error.fields.values()))
            else:
                messages.success(request, "评价办法已保存，下一次评价起按新办法计算。")
                return redirect("quality:overview")
    context = {
        "title": "质量评价办法", "form": form, "submit": "保存评价办法",
        "cancel_url": reverse("quality:overview"),
        "subtitle": (
            "维度出自 GB/T 36344-2018，五级参考 DB11/T 2317-2024 的思路；"
            "权重、扣减和等级线是平台默认值，可以修改。"
        ),
        "crumbs": [Crumb("数据质量", reverse("quality:overview")), Crumb("评价办法")],
    }  # fmt: skip
    return render(request, "ui/form.html", context, status=status)
