"""Pages of background work: list, live detail, cancel, retry, schedules."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from chengshu.kernel.access.middleware import ActorRequest
from chengshu.kernel.jobs import selectors, services
from chengshu.kernel.jobs.models import Job, JobState
from chengshu.kernel.jobs.registration import KINDS
from chengshu.kernel.ui.components import (
    Action,
    Column,
    Crumb,
    EmptyState,
    Fact,
    Filter,
    Progress,
    Tab,
    Table,
)
from chengshu.kernel.ui.formatting import duration
from chengshu.kernel.ui.tables import TableView


def job_url(item: Job) -> str:
    """Where a job's page is."""
    return reverse("jobs:job", args=[item.id])


def _tabs(active: str) -> list[Tab]:
    return [
        Tab("任务", reverse("jobs:jobs"), active == "jobs"),
        Tab("定时任务", reverse("jobs:schedules"), active == "schedules"),
    ]


def _how_far(item: Job) -> str:
    if item.percent is not None and not item.finished:
        return f"{item.percent}%"
    return f"{item.done:,} {item.unit}" if item.done else ""


def _kinds() -> list[tuple[str, str]]:
    return sorted(((k.key, k.name) for k in KINDS.values()), key=lambda pair: pair[1])


class JobList(TableView[Job]):
    """Background work, newest first."""

    request: ActorRequest
    title = "后台任务"
    key = "jobs"
    template_name = "jobs/list.html"
    columns = (
        Column(key="title", title="任务", kind="main", url=job_url, locked=True),
        Column(
            key="state", title="状态", kind="status", label="get_state_display"
        ),
        Column(key="progress", title="进度", value=_how_far),
        Column(key="kind", title="类别", value=lambda j: selectors.kind_name(j.kind), hidden=True),
        Column(key="created_by", title="发起人", value=lambda j: j.created_by or "定时"),
        Column(key="organization", title="单位"),
        Column(key="created_at", title="发起时间", kind="ago", sort="created_at"),
        Column(
            key="seconds", title="用时",
            value=lambda j: duration(j.seconds) if j.started_at else "",
        ),
    )  # fmt: skip
    filters = (
        Filter(key="state", title="状态", choices=JobState.choices),
        Filter(key="kind", title="类别", choices=_kinds),
        Filter(
            key="all", title="范围", choices=(("1", "含定时任务的成功记录"),),
            apply=lambda rows, _value: rows,
        ),
    )  # fmt: skip
    search_fields = ("title", "created_by__display_name", "error")
    search_hint = "搜索任务、发起人、错误"
    default_sort = "-created_at"
    empty = EmptyState(
        title="还没有后台任务", text="归集、校验、发布等耗时工作会在这里显示进度。", icon="progress"
    )

    def get_queryset(self) -> QuerySet[Job]:
        rows = selectors.jobs(self.request.actor)
        wide = self.request.GET.get("all") or self.request.GET.get("state") == JobState.SUCCEEDED
        return rows if wide else selectors.noteworthy(rows)

    def get_context(self) -> dict[str, Any]:
        return {"tabs": _tabs("jobs")}

    def get_actions(self) -> Sequence[Action]:
        dead = selectors.jobs(self.request.actor).filter(state=JobState.DEAD).count()
        if not dead:
            return ()
        url = f"{reverse('jobs:jobs')}?state={JobState.DEAD}"
        return (Action(title=f"多次失败 {dead} 个", url=url, icon="alert-triangle"),)


COUNT_NAMES = {
    "rows": "行", "source": "来源", "accepted": "入库", "quarantined": "隔离", "duplicates": "重复",
    "inserted": "新增", "updated": "更新", "unchanged": "未变", "files": "文件", "removed": "清理",
    "records": "记录", "checkpoints": "检查点", "problems": "问题", "seq": "序号",
    "decided": "已写入", "passed": "别人已处理", "noted": "已留痕",
}  # fmt: skip


def progress_of(item: Job) -> Progress:
    """A job as the progress component shows it; the page around it does the asking."""
    return Progress(
        key=str(item.id),
        title=item.title,
        state=item.state,
        percent=item.percent,
        stage=item.stage,
        done=item.done,
        total=item.total,
        unit=item.unit,
        rate=item.rate,
        remaining=item.remaining_seconds,
        counts=[(COUNT_NAMES.get(key, key), int(n)) for key, n in item.counts.items()],
        error=item.error,
        finished=item.finished,
    )


def job(request: ActorRequest, pk: UUID) -> HttpResponse:
    """One job, live while it runs: asked again every second, the whole page once it has ended."""
    item = selectors.job(request.actor, pk)
    context: dict[str, Any] = {"item": item, "progress": progress_of(item)}
    if request.headers.get("HX-Request"):
        response = render(request, "jobs/live.html", context)
        if item.finished:
            response.headers["HX-Refresh"] = "true"
        return response
    actions = []
    if item.object_url:
        actions.append(Action(title="查看对象", url=item.object_url, icon="external-link"))
    if selectors.may_cancel(request.actor, item) and not item.cancel_requested:
        actions.append(
            Action(
                title="取消任务", url=reverse("jobs:cancel", args=[pk]), icon="player-stop",
                method="post", danger=True, confirm="取消后，没有完成的部分会撤回。确定取消吗？",
            )
        )  # fmt: skip
    if selectors.may_retry(request.actor, item):
        actions.append(
            Action(
                title="重新执行", url=reverse("jobs:retry", args=[pk]), icon="refresh",
                method="post", primary=True,
            )
        )  # fmt: skip
    context |= {
        "title": item.title,
        "crumbs": [Crumb("后台任务", reverse("jobs:jobs")), Crumb(item.title)],
        "actions": actions,
        "facts": _facts(item),
        "result": _result(item),
    }
    return render(request, "jobs/job.html", context)


def _facts(item: Job) -> list[Fact]:
    return [
        Fact("类别", selectors.kind_name(item.kind)),
        Fact("发起人", item.created_by or "定时任务"),
        Fact("单位", item.organization),
        Fact("发起时间", item.created_at),
        Fact("开始时间", item.started_at),
        Fact("结束时间", item.finished_at),
        Fact("用时", duration(item.seconds) if item.started_at else ""),
        Fact("尝试次数", f"{item.attempts} / {item.max_attempts}"),
        Fact("不早于", "" if item.finished else item.run_after),
        Fact("执行者", item.worker, mono=True),
    ]


def _result(item: Job) -> list[Fact]:
    if not isinstance(item.result, dict):
        return []
    return [
        Fact(
            COUNT_NAMES.get(str(key), str(key)),
            f"{value:,}" if isinstance(value, int) else str(value),
        )
        for key, value in item.result.items()
        if isinstance(value, int | str | float)
    ]


@require_POST
def cancel(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Ask a job to stop."""
    item = services.cancel(actor=request.actor, job=selectors.job(request.actor, pk))
    messages.success(
        request, "任务已取消。" if item.finished else "已要求取消，任务会在下一个安全点停下。"
    )
    return HttpResponseRedirect(job_url(item))


@require_POST
def retry(request: ActorRequest, pk: UUID) -> HttpResponse:
    """Start a job again."""
    item = services.retry(actor=request.actor, job=selectors.job(request.actor, pk))
    messages.success(request, "任务已重新排队。")
    return HttpResponseRedirect(job_url(item))


def schedules(request: ActorRequest) -> HttpResponse:
    """What runs by the clock: last and next run."""
    columns = (
        Column(key="name", title="定时任务", kind="main", value=lambda r: r[0].name),
        Column(key="cron", title="什么时候", value=lambda r: selectors.in_words(r[0].cron)),
        Column(key="next", title="下次运行", kind="datetime", value=lambda r: r[2]),
        Column(
            key="last", title="上次运行", kind="datetime", value=lambda r: r[1].slot if r[1] else None,
            url=lambda r: job_url(r[1].job) if r[1] and r[1].job else "",
        ),
        Column(
            key="state", title="上次结果", kind="status",
            value=lambda r: r[1].job.state if r[1] and r[1].job else None,
            label=lambda r: r[1].job.get_state_display() if r[1] and r[1].job else "",
        ),
    )  # fmt: skip
    context = {
        "title": "定时任务",
        "subtitle": "按北京时间执行；每个时点在所有服务器上只执行一次。",
        "tabs": _tabs("schedules"),
        "table": Table.plain(key="schedules", columns=columns, rows=selectors.schedules()),
    }
    return render(request, "jobs/list.html", context)
