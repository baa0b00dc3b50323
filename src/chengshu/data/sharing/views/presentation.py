"""How sharing's objects read on pages: states, tables and charts that several pages show."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from chengshu.data.sharing import usage
from chengshu.data.sharing.models import Application, Export, Grant, ShareInterface
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.oversight.presentation import action_name
from chengshu.kernel.ui.components import (
    Chart,
    Column,
    EmptyState,
    Series,
    Stat,
    Table,
    TimelineEntry,
)

# Our states → the design system's tags.
TAGS = {
    "wanted": "pending",
    "building": "running", "online": "active", "offline": "inactive", "failed": "failed",
    "ready": "active", "refused": "failed", "expired": "inactive",
    "active": "active", "suspended": "suspended", "revoked": "cancelled",
}  # fmt: skip


def tag_of(row: Any) -> str:
    """The tag of a row's state."""
    return TAGS[row.state]


def interface_url(item: ShareInterface, name: str = "interface") -> str:
    """Where an interface's page is."""
    return reverse(f"sharing:{name}", args=[item.code])


def application_url(item: Application, name: str = "application") -> str:
    """Where an application's page is."""
    return reverse(f"sharing:{name}", args=[item.code])


def grant_url(item: Grant, name: str = "grant") -> str:
    """Where a grant's page is."""
    return reverse(f"sharing:{name}", args=[item.pk])


def limits(item: Grant) -> str:
    """The quota in words."""
    parts = []
    if item.per_minute:
        parts.append(f"每分钟 {item.per_minute:,} 条")
    if item.per_day:
        parts.append(f"每天 {item.per_day:,} 条")
    return "，".join(parts) or "不限"


def grants_table(rows: Sequence[Grant], *, by: str, empty: EmptyState) -> Table:
    """Grants of an interface (``by="application"``) or of an application (``by="interface"``)."""
    first = (
        Column(
            key="application", title="应用", kind="main", value="application.name", url=grant_url
        )
        if by == "application"
        else Column(
            key="interface", title="接口", kind="main", value="interface.title", url=grant_url
        )
    )
    whose = (
        Column(key="owner", title="使用单位", value="application.owner.short")
        if by == "application"
        else Column(key="provider", title="提供单位", value="interface.resource.provider.short")
    )
    columns = (
        first, whose,
        Column(key="state", title="状态", kind="status", value=tag_of, label="get_state_display"),
        Column(key="fields", title="字段", kind="number", value=lambda g: len(g.fields)),
        Column(key="masks", title="脱敏", kind="number", value=lambda g: len(g.masks)),
        Column(key="limits", title="限额", value=limits),
        Column(key="until", title="有效期至", kind="date", value="valid_until"),
    )  # fmt: skip
    return Table.plain(key="grants", columns=columns, rows=rows, caption="授权", empty=empty)


def exports_table(rows: Sequence[Export]) -> Table:
    """Files an application asked for."""
    columns = (
        Column(key="interface", title="接口", kind="main", value="grant.interface.title"),
        Column(key="state", title="状态", kind="status", value=tag_of, label="get_state_display"),
        Column(key="asked", title="申请时间", kind="datetime", value="asked_at"),
        Column(key="rows", title="条数", kind="number"),
        Column(key="size", title="大小", kind="size"),
        Column(key="format", title="格式"),
        Column(key="expires", title="过期时间", kind="datetime", value="expires_at"),
        Column(key="digest", title="摘要（SHA-256）", kind="code", value=lambda e: e.sha256[:16]),
        Column(key="problem", title="原因"),
    )
    empty = EmptyState(
        title="还没有批量导出", icon="download",
        text="授权含“批量导出”的应用用签名调用申请，文件一般一两分钟内做好。",
    )  # fmt: skip
    return Table.plain(key="exports", columns=columns, rows=rows, caption="批量导出", empty=empty)


def reasons_table(rows: Sequence[usage.Reason]) -> Table:
    """Refusals with what to do about them."""
    columns = (
        Column(key="title", title="原因", kind="main"),
        Column(key="outcome", title="错误码", kind="code"),
        Column(key="status", title="状态码", kind="number"),
        Column(key="calls", title="次数", kind="number"),
        Column(key="advice", title="怎么办"),
    )
    empty = EmptyState(title="没有被拒绝的调用", icon="circle-check")
    return Table.plain(key="reasons", columns=columns, rows=rows, caption="拒绝原因", empty=empty)


def usage_stats(totals: usage.Totals, period: str) -> list[Stat]:
    """The tiles of a period."""
    rate = totals.answered * 100 / totals.calls if totals.calls else None
    return [
        Stat(label="调用", value=totals.calls, unit="次", note=period, compact=True),
        Stat(label="成功率", value=round(rate, 2) if rate is not None else None, unit="%",
             note="查无记录也算成功"),
        Stat(label="被拒绝", value=totals.refused, unit="次"),
        Stat(label="平均耗时", value=round(totals.mean_ms, 2) if totals.mean_ms is not None else None,
             unit="毫秒", note="网关处理时间"),
    ]  # fmt: skip


def day_chart(days: Sequence[usage.Day]) -> Chart:
    """Calls by day."""
    return Chart(
        key="days", title=f"近 {len(days)} 天每日调用", kind="bar", unit="次", stacked=True,
        categories=[f"{d.day:%m-%d}" for d in days],
        series=[
            Series("成功", [d.answered for d in days]), Series("被拒绝", [d.refused for d in days]),
        ],
    )  # fmt: skip


def share_chart(key: str, title: str, shares: Sequence[usage.Share], url: str) -> Chart:
    """The busiest first; a click opens the object."""
    return Chart(
        key=key, title=title, kind="hbar", unit="次", categories=[s.title for s in shares],
        series=[Series("调用", [s.calls for s in shares])],
        urls=[f"{url}?{key}={s.code}" for s in shares],
    )  # fmt: skip


def trail(records: Sequence[AuditRecord]) -> list[TimelineEntry]:
    """What happened, as people read it."""
    return [
        TimelineEntry(title=action_name(r.action), at=r.at, who=r.actor_name, text=r.reason)
        for r in records
    ]
