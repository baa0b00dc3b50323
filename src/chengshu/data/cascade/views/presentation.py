"""How pages of cascading name states and count rows."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from chengshu.data.cascade.choices import IncomingState, OutgoingState
from chengshu.data.cascade.models import Incoming, Outgoing
from chengshu.kernel.ui.components import Balance, Column, EmptyState, StatusTag, Tab, Table
from chengshu.kernel.ui.components.status import Tone

HOME = "级联"
_TONES: dict[str, tuple[Tone, str]] = {
    "queued": ("grey", "clock"), "sent": ("amber", "hourglass-empty"),
    "accepted": ("teal", "circle-check"), "partly": ("amber", "alert-triangle"),
    "refused": ("red", "circle-x"), "returned": ("amber", "arrow-back-up"),
    "missing": ("red", "help-circle"), "noted": ("blue", "file-text"),
    "running": ("blue", "loader-2"), "building": ("blue", "loader-2"),
    "delivered": ("amber", "hourglass-empty"), "disputed": ("red", "scale"),
    "failed": ("red", "circle-x"), "draft": ("grey", "pencil"),
    "submitted": ("amber", "hourglass-empty"), "active": ("teal", "circle-check"),
    "suspended": ("grey", "circle-minus"),
}  # fmt: skip


def state_tag(item: Any) -> StatusTag:
    """A record's state with its own word."""
    tone, icon = _TONES[item.state]
    return StatusTag(item.get_state_display(), tone, icon)


def tabs(active: str) -> list[Tab]:
    """The lists of cascading, one beside the other."""
    names = (
        ("platforms", "平台"), ("incoming", "回流"), ("outgoing", "上报"), ("plans", "上报计划"),
        ("entries", "目录上报"), ("lower-entries", "下级目录"),
    )  # fmt: skip
    return [Tab(title, reverse(f"cascade:{name}"), active=name == active) for name, title in names]


def incoming_balance(item: Incoming) -> Balance | None:
    """The equation of a batch handed to us; None before it is settled."""
    if item.settled_at is None:
        return None
    return Balance(
        source=item.rows, accepted=item.accepted, quarantined=item.refused,
        duplicates=item.duplicates,
    )  # fmt: skip


def outgoing_balance(item: Outgoing) -> Balance | None:
    """The equation of a delivery; None before its receipt."""
    if item.answered_at is None:
        return None
    return Balance(
        source=item.rows, accepted=item.accepted, quarantined=item.refused,
        duplicates=item.duplicates,
    )  # fmt: skip


def counted(item: Incoming | Outgoing) -> str:
    """The equation in a cell of a list."""
    done = item.settled_at if isinstance(item, Incoming) else item.answered_at
    if done is None:
        return ""
    told = f"收下 {item.accepted:,} · 拒收 {item.refused:,} · 重复 {item.duplicates:,}"
    missing = item.unexplained if isinstance(item, Outgoing) else 0
    return f"{told} · 对不上 {missing:,}" if missing else told


def reasons_table(receipt: dict[str, Any]) -> Table:
    """Why rows were refused."""
    columns = (
        Column(key="name", title="原因", kind="main"), Column(key="column", title="数据项"),
        Column(key="rows", title="行数", kind="number"), Column(key="code", title="代码", kind="code"),
    )  # fmt: skip
    return _plain("reasons", columns, receipt.get("reasons", []), "没有拒收的行")


def differences_table(rows: Sequence[dict[str, str]]) -> Table:
    """How what came differs from the note."""
    columns = (
        Column(key="text", title="差异", kind="main"), Column(key="code", title="代码", kind="code"),
    )  # fmt: skip
    return _plain("differences", columns, rows, "与交接单一致")


def files_table(note: dict[str, Any], sent: dict[str, Any] | None = None) -> Table:
    """The files of a note; ``sent`` tells when each arrived."""
    columns: tuple[Column, ...] = (
        Column(key="name", title="文件", kind="main"), Column(key="rows", title="行数", kind="number"),
        Column(key="size", title="大小", kind="size"),
        Column(key="sha256", title="SHA-256", kind="code", value=lambda r: f"{r['sha256'][:16]}…"),
    )  # fmt: skip
    if sent is not None:
        columns += (
            Column(key="sent", title="送达", kind="datetime", value=lambda r: sent.get(r["name"])),
        )
    return _plain("files", columns, note.get("files", []), "没有文件")


def _plain(key: str, columns: Sequence[Column], rows: Sequence[Any], empty: str) -> Table:
    return Table.plain(
        key=key, columns=columns, rows=list(rows), caption=empty,
        empty=EmptyState(title=empty, icon="circle-check"),
    )  # fmt: skip


WAITING = (OutgoingState.BUILDING, OutgoingState.SENDING)
HANDLED = (IncomingState.NOTED, IncomingState.LOADING)
