"""What every page of one entry shares: head, state, next actions, tabs, panels, history."""

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.safestring import mark_safe

from chengshu.data.catalog import selectors, standards
from chengshu.data.catalog.choices import EDITABLE_STATES, ResourceState, VersionState
from chengshu.data.catalog.models import Resource, ResourceVersion
from chengshu.data.catalog.tabs import PANELS, TABS
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import allows, holds
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.ui.components import Action, Crumb, Tab, TimelineEntry, Tone

# Action key of the audit trail → what people read, tone, icon.
_ACTS: dict[str, tuple[str, Tone, str]] = {
    "catalog.resource.created": ("建立目录", "grey", "plus"),
    "catalog.resource.edited": ("修改草稿", "grey", "pencil"),
    "catalog.resource.change_started": ("发起变更", "blue", "versions"),
    "catalog.resource.discarded": ("放弃草稿", "grey", "trash"),
    "catalog.resource.submitted": ("提交审核", "blue", "send"),
    "catalog.resource.withdrawn": ("撤回", "grey", "arrow-back-up"),
    "catalog.resource.returned": ("退回", "amber", "rotate-2"),
    "catalog.resource.published": ("通过并发布", "teal", "circle-check"),
    "catalog.resource.suspended": ("暂停", "amber", "player-pause"),
    "catalog.resource.resumed": ("恢复", "teal", "player-play"),
    "catalog.resource.retired": ("撤销", "red", "circle-x"),
    "catalog.resource.retirement_planned": ("安排撤销", "amber", "calendar-due"),
    "catalog.resource.retirement_cancelled": ("取消撤销安排", "grey", "arrow-back-up"),
}
# Panels with a lower order stand above the tab's own content.
FIRST_BELOW = 10
_BUILT_IN = (
    ("items", "数据项", "catalog:resource"),
    ("basics", "基本信息", "catalog:resource-basics"),
    ("versions", "版本与差异", "catalog:resource-versions"),
    ("usage", "接口与开放", "catalog:resource-usage"),
)


def resource_page(*, actor: Actor, resource_id: int, active: str) -> dict[str, Any]:
    """Template context of a tab of an entry's page; ``active`` is the tab's key.

    For pages of other packages that extend ``catalog/resource/base.html``.

    Raises:
        NotFound: no such entry, or not the actor's to see.
    """
    entry = selectors.resource(actor=actor, resource_id=resource_id)
    return {
        "title": entry.shown.title if entry.shown else entry.title,
        "subtitle": f"{entry.provider.name} · 资源代码 {entry.code}",
        "resource": entry,
        "version": entry.shown,
        "working": entry.working if selectors.can_write(actor, entry) else None,
        "crumbs": [Crumb("数据资源", reverse("catalog:resources")), Crumb(entry.title)],
        "actions": resource_actions(actor, entry),
        "tabs": _tabs(actor, entry, active),
        "warnings": _panels(actor, entry, active, above=True),
        "panels": _panels(actor, entry, active),
        "due": standards.lateness(entry),
        "trail": timeline(selectors.history(entry)) if selectors.can_write(actor, entry) else [],
    }


def _tabs(actor: Actor, entry: Resource, active: str) -> list[Tab]:
    shown = entry.shown
    counts = {"items": shown.item_count if shown else None}
    tabs = [
        Tab(title, reverse(name, args=[entry.pk]), key == active, counts.get(key))
        for key, title, name in _BUILT_IN
    ]
    for tab in sorted(TABS.values(), key=lambda t: t.order):
        if not holds(actor, tab.permission):
            continue
        try:
            url = reverse(tab.url_name, args=[entry.pk])
        except NoReverseMatch as error:
            raise LookupError(f"tab {tab.key!r} points to unknown page {tab.url_name!r}") from error
        tabs.append(Tab(tab.title, url, tab.key == active, icon=tab.icon))
    return tabs


def _panels(
    actor: Actor, entry: Resource, active: str, *, above: bool = False
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for item in sorted(PANELS.values(), key=lambda p: p.order):
        if (item.order < FIRST_BELOW) is not above:
            continue
        if item.tab == active and holds(actor, item.permission):
            content = item.content(actor, entry)
            if content:
                # The contract of register_panel: the package hands over rendered, safe HTML.
                found.append((item.title, mark_safe(content)))  # noqa: S308
    return found


def resource_actions(actor: Actor, entry: Resource) -> list[Action]:
    """The buttons of an entry's page: the next step first."""
    found: list[Action] = []
    if entry.working is not None:
        found += version_actions(actor, entry, entry.working)
    elif (
        entry.state in (ResourceState.PUBLISHED, ResourceState.SUSPENDED)
        and allows(actor, "catalog.resource.edit", entry)
    ):  # fmt: skip
        found.append(
            Action(
                title="发起变更", url=reverse("catalog:change", args=[entry.pk]), icon="pencil",
                method="post", primary=True,
            )
        )  # fmt: skip
    if allows(actor, "catalog.resource.suspend", entry):
        found += _state_actions(entry)
    return found


def version_actions(actor: Actor, entry: Resource, version: ResourceVersion) -> list[Action]:
    """What the actor may do with an open version."""
    number, found = [entry.pk], []
    submitter = allows(actor, "catalog.resource.submit", entry)
    if version.state in EDITABLE_STATES and allows(actor, "catalog.resource.edit", entry):
        if submitter:
            found.append(
                Action(
                    title="提交审核", url=reverse("catalog:submit", args=number), icon="send",
                    method="post", primary=True,
                )
            )  # fmt: skip
        found += [
            Action(title="继续编辑", url=reverse("catalog:edit", args=number), icon="pencil"),
            Action(
                title="放弃草稿", url=reverse("catalog:discard", args=number), icon="trash",
                method="post", danger=True,
                confirm=f"放弃“{version.title}”的草稿 v{version.number}？放弃后不能恢复，已发布的版本不受影响。",
            ),
        ]  # fmt: skip
    elif version.state == VersionState.SUBMITTED:
        if allows(actor, "catalog.resource.review", entry):
            found.append(
                Action(
                    title="审核", url=reverse("catalog:review", args=number), icon="checkbox",
                    primary=True,
                )
            )  # fmt: skip
        if submitter:
            found.append(
                Action(
                    title="撤回", url=reverse("catalog:withdraw", args=number),
                    icon="arrow-back-up", method="post",
                    confirm="撤回后可以继续修改，审核人员不再看到它。",
                )
            )  # fmt: skip
    return found


def _state_actions(entry: Resource) -> list[Action]:
    verbs = {
        ResourceState.PUBLISHED: (
            ("suspend", "暂停", "player-pause"),
            ("retire", "撤销", "circle-x"),
        ),
        ResourceState.SUSPENDED: (
            ("resume", "恢复", "player-play"),
            ("retire", "撤销", "circle-x"),
        ),
    }
    return [
        Action(
            title=title, url=reverse("catalog_changing:life", args=[entry.pk, verb]), icon=icon,
            danger=verb == "retire",
        )
        for verb, title, icon in verbs.get(ResourceState(entry.state), ())
    ]  # fmt: skip


def timeline(trail: list[AuditRecord]) -> list[TimelineEntry]:
    """The audit trail of an entry as people read it."""
    found = []
    for act in trail:
        title, tone, icon = _ACTS.get(act.action, (act.action, "grey", "point"))
        after = act.after or {}
        version = f" v{after['version']}" if "version" in after else ""
        text = act.reason or after.get("summary", "")
        found.append(
            TimelineEntry(
                title=f"{title}{version}", at=act.at, who=act.actor_name, text=text, tone=tone,
                icon=icon,
            )
        )  # fmt: skip
    return found
