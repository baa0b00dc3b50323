"""The city, its departments, and the list of resources by quality."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from chengshu.data.quality import selectors
from chengshu.data.quality.choices import Dimension, Grade
from chengshu.data.quality.models import Evaluation, ScoreDay
from chengshu.data.quality.policy import policy
from chengshu.data.quality.presentation import fix_line, grade_tag
from chengshu.data.quality.services.days import Summary, summarise
from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.access.rules import holds
from chengshu.kernel.identity.models import Organization
from chengshu.kernel.ui.components import (
    Action,
    Chart,
    Column,
    Crumb,
    EmptyState,
    Filter,
    Series,
    Stat,
    Table,
)
from chengshu.kernel.ui.tables import TableView

FIXES = 8
_EMPTY = EmptyState(
    title="还没有质量评价",
    text="数据入库以后会自动评价；也可以在资源的“数据质量”页发起。",
    icon="shield-check",
)


def overview(request: ActorRequest) -> HttpResponse:
    """The city as far as the actor may see it: score, grades, dimensions, departments, trend, best fixes."""
    actor = request.actor
    rows = list(selectors.evaluations(actor))
    summary = summarise(rows, policy())
    standings = selectors.departments(actor)
    # Somebody who sees one department only gets that department's trend.
    whole = len(standings) != 1
    days = selectors.trend(None if whole else standings[0].organization)
    actions = [Action(title="全部资源", url=reverse("quality:resources"), icon="list-check")]
    if holds(actor, "quality.policy.manage"):
        actions.append(Action(title="评价办法", url=reverse("quality:policy"), icon="settings"))
    context = {
        "title": "数据质量",
        "subtitle": "按 GB/T 36344-2018 的六个维度评价，分五个等级；分数由真实记录计算。",
        "actions": actions,
        "summary": summary,
        "empty": _EMPTY,
        **_summary_parts(summary, rows, days),
        "departments": _department_table(standings),
        "department_chart": _department_chart(standings),
    }
    return render(request, "quality/overview.html", context)


def department(request: ActorRequest, pk: int) -> HttpResponse:
    """One department."""
    unit = selectors.department(request.actor, pk)
    rows = list(selectors.evaluations(request.actor).filter(resource__provider=unit))
    summary = summarise(rows, policy())
    context = {
        "title": unit.name,
        "subtitle": "本单位提供的数据资源的质量",
        "crumbs": [Crumb("数据质量", reverse("quality:overview")), Crumb(unit.short)],
        "actions": [
            Action(
                title="本单位资源", icon="list-check",
                url=f"{reverse('quality:resources')}?provider={unit.code}",
            )
        ],
        "summary": summary,
        "empty": _EMPTY,
        **_summary_parts(summary, rows, selectors.trend(unit)),
        "worst": _worst(rows),
    }  # fmt: skip
    return render(request, "quality/overview.html", context)


def _summary_parts(
    summary: Summary | None, rows: list[Evaluation], days: list[ScoreDay]
) -> dict[str, Any]:
    if summary is None:
        return {}
    failing = sum(row.failing for row in rows)
    held = sum(row.quarantined for row in rows)
    return {
        "grade": grade_tag(summary.grade),
        "stats": [
            Stat(label="总分", value=round(summary.scores.total, 2), unit="分", note=f"等级：{summary.grade.label}"),
            Stat(label="已评价资源", value=summary.resources, unit="个", url=reverse("quality:resources")),
            Stat(
                label="在库有问题的记录", value=failing, unit="条", compact=True,
                note=f"共检查 {sum(r.rows for r in rows):,} 条",
                url=f"{reverse('quality:resources')}?sort=-failing",
            ),
            Stat(
                label="隔离未处理", value=held, unit="条", compact=True,
                url=reverse("ingest:quarantine-groups"),
            ),
        ],
        "dimension_chart": dimension_chart(summary.scores.dimensions),
        "grade_chart": _grade_chart(summary),
        "trend_chart": trend_chart(
            [f"{day.day:%m-%d}" for day in days], [round(day.score, 2) for day in days]
        ),
        "trend_days": len(days),
        "fixes": [
            (item.evaluation, fix_line(item.evaluation, dict(item.fix)))
            for item in selectors.top_fixes(rows, FIXES)
        ],
    }  # fmt: skip


def dimension_chart(dimensions: Any) -> Chart:
    """Six bars; what was not evaluated is a gap."""
    values = [dimensions.get(key) for key, _ in Dimension.choices]
    return Chart(
        key="dimensions", title="六个维度", kind="hbar", unit="分", maximum=100, values=True,
        categories=[str(name) for _, name in Dimension.choices],
        series=[Series("得分", [None if v is None else round(v, 2) for v in values])],
        description="满分 100；没有评价的维度空着",
    )  # fmt: skip


def trend_chart(days: Sequence[str], scores: Sequence[float]) -> Chart:
    """Score over time, real evaluations only."""
    return Chart(
        key="trend", title="得分趋势", kind="line", unit="分", categories=list(days),
        series=[Series("总分", list(scores))], description="每天最后一次评价",
    )  # fmt: skip


def _grade_chart(summary: Summary) -> Chart:
    base = reverse("quality:resources")
    return Chart(
        key="grades", title="等级分布", kind="bar", unit="个",
        categories=[grade.label for grade in Grade],
        series=[Series("资源", [summary.grades.get(grade, 0) for grade in Grade])],
        urls=[f"{base}?grade={grade}" for grade in Grade], description="资源按等级的个数",
    )  # fmt: skip


def _department_chart(standings: list[selectors.Standing]) -> Chart | None:
    if len(standings) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    return Chart(
        key="departments", title="各单位得分", kind="hbar", unit="分", height="high",
        maximum=100, values=True,
        categories=[item.organization.short for item in standings],
        series=[Series("总分", [round(item.day.score, 2) for item in standings])],
        urls=[reverse("quality:department", args=[item.organization.pk]) for item in standings],
        description="从高到低",
    )  # fmt: skip


def _department_table(standings: list[selectors.Standing]) -> Table:
    columns = [
        Column(key="name", title="单位", kind="main", value="organization.short",
               url=lambda s: reverse("quality:department", args=[s.organization.pk])),
        Column(key="score", title="总分", kind="score", value="day.score"),
        Column(key="grade", title="等级", value=lambda s: grade_tag(s.day.grade)),
        *(
            Column(key=str(key), title=str(name), kind="score", value=_dimension(str(key)))
            for key, name in Dimension.choices
        ),
        Column(key="resources", title="资源", kind="number", value="day.resources"),
    ]  # fmt: skip
    return Table.plain(
        key="departments", columns=columns, rows=standings, caption="单位排名", empty=_EMPTY
    )


def _dimension(key: str) -> Any:
    def read(item: selectors.Standing) -> float | None:
        value = item.day.dimensions.get(key)
        return None if value is None else round(value, 2)

    return read


def _worst(rows: list[Evaluation]) -> Table:
    columns = [
        Column(key="title", title="数据资源", kind="main", value="resource.title", url=evaluation_url),
        Column(key="score", title="总分", kind="score"),
        Column(key="grade", title="等级", value=lambda e: grade_tag(e.grade)),
        Column(key="failing", title="有问题", kind="number"),
        Column(key="quarantined", title="隔离", kind="number"),
        Column(key="at", title="评价时间", kind="ago"),
    ]  # fmt: skip
    ordered = sorted(rows, key=lambda row: row.score)[:20]
    return Table.plain(
        key="worst", columns=columns, rows=ordered, caption="得分最低的资源", empty=_EMPTY
    )


def evaluation_url(item: Evaluation) -> str:
    """The quality page of a resource."""
    return reverse("quality:resource", args=[item.resource_id])


def _providers() -> list[tuple[str, str]]:
    found = Organization.objects.filter(resources__evaluations__latest=True).distinct()
    return list(found.order_by("code").values_list("code", "short"))


def _of_evaluation(key: str) -> Any:
    def read(item: Evaluation) -> float | None:
        value = item.dimensions.get(key)
        return None if value is None else round(value, 2)

    return read


class ResourceList(TableView[Evaluation]):
    """Resources by quality."""

    request: ActorRequest
    title = "资源质量"
    subtitle = "每个资源最近一次评价的得分和等级"
    key = "quality-resources"
    columns = (
        Column(key="title", title="数据资源", kind="main", value="resource.title", url=evaluation_url, locked=True),
        Column(key="provider", title="提供单位", value="resource.provider.short"),
        Column(key="grade", title="等级", value=lambda e: grade_tag(e.grade)),
        Column(key="score", title="总分", kind="score", sort="score"),
        *(
            Column(
                key=str(key), title=str(name), kind="score",
                value=_of_evaluation(str(key)),
            )
            for key, name in Dimension.choices
        ),
        Column(key="rows", title="在库", kind="number", sort="rows"),
        Column(key="failing", title="有问题", kind="number", sort="failing"),
        Column(key="quarantined", title="隔离", kind="number", sort="quarantined"),
        Column(key="at", title="评价时间", kind="ago", sort="at", hidden=True),
    )  # fmt: skip
    filters = (
        Filter(key="grade", title="等级", choices=Grade.choices),
        Filter(key="provider", title="单位", choices=_providers, lookup="resource__provider__code"),
    )
    search_fields = ("resource__title", "resource__code", "resource__provider__short")
    search_hint = "搜索资源、代码、单位"
    default_sort = "score"
    empty = _EMPTY
    export_name = "资源质量"

    def get_queryset(self) -> QuerySet[Evaluation]:
        return selectors.evaluations(self.request.actor)

    def get_crumbs(self) -> Sequence[Crumb]:
        return (Crumb("数据质量", reverse("quality:overview")), Crumb("资源质量"))
