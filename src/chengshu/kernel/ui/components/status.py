"""Status tags: every state of the platform has a word, an icon and a tone.

Tones: ``grey`` not begun or set aside, ``blue`` under way, ``teal`` well, ``amber`` a clock or a
person is waiting, ``red`` overdue, failed or at risk.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["grey", "blue", "teal", "amber", "red"]


@dataclass(frozen=True, slots=True)
class StatusTag:
    """A word with an icon; the colour only repeats what the word says."""

    text: str
    tone: Tone = "grey"
    icon: str = "circle-dashed"


STATUSES: dict[str, StatusTag] = {
    "draft": StatusTag("草稿", "grey", "pencil"),
    "submitted": StatusTag("待审核", "amber", "hourglass-empty"),
    "pending": StatusTag("待处理", "amber", "hourglass-empty"),
    "returned": StatusTag("已退回", "amber", "arrow-back-up"),
    "approved": StatusTag("已通过", "teal", "circle-check"),
    "granted": StatusTag("已授权", "teal", "circle-check"),
    "refused": StatusTag("不同意", "red", "circle-x"),
    "rejected": StatusTag("不同意", "red", "circle-x"),
    "published": StatusTag("已发布", "teal", "circle-check"),
    "changed": StatusTag("有变更", "blue", "versions"),
    "suspended": StatusTag("已暂停", "grey", "circle-minus"),
    "retired": StatusTag("已停用", "grey", "circle-minus"),
    "active": StatusTag("正常", "teal", "circle-check"),
    "inactive": StatusTag("已停用", "grey", "circle-minus"),
    "locked": StatusTag("已锁定", "red", "lock"),
    "queued": StatusTag("排队中", "grey", "clock"),
    "running": StatusTag("进行中", "blue", "loader-2"),
    "loaded": StatusTag("已入库", "teal", "circle-check"),
    "online": StatusTag("已上线", "teal", "circle-check"),
    "offline": StatusTag("已下线", "grey", "circle-minus"),
    "building": StatusTag("发布中", "blue", "loader-2"),
    "revoked": StatusTag("已收回", "grey", "circle-minus"),
    "succeeded": StatusTag("已完成", "teal", "circle-check"),
    "failed": StatusTag("失败", "red", "circle-x"),
    "dead": StatusTag("多次失败", "red", "alert-triangle"),
    "cancelled": StatusTag("已取消", "grey", "circle-minus"),
    "open": StatusTag("未办结", "blue", "circle-dot"),
    "closed": StatusTag("已办结", "teal", "circle-check"),
    "overdue": StatusTag("已超期", "red", "alarm"),
    "unread": StatusTag("未读", "blue", "mail"),
    "read": StatusTag("已读", "grey", "mail-opened"),
    "on_time": StatusTag("按时", "teal", "circle-check"),
    "never": StatusTag("从未归集", "grey", "circle-dashed"),
    "free": StatusTag("不定期", "grey", "calendar"),
    "due_soon": StatusTag("即将到期", "amber", "alarm"),
}


def status_tag(state: str, label: str = "") -> StatusTag:
    """Return the tag of a state; ``label`` replaces the word, an unknown state shows as itself."""
    known = STATUSES.get(state)
    if known is None:
        return StatusTag(label or state)
    return StatusTag(label or known.text, known.tone, known.icon)
