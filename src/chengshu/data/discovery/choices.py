"""Closed lists of discovery, with the words people read."""

from django.db.models import TextChoices


class Origin(TextChoices):
    SOURCE = "source", "数据库表"
    FILE = "file", "文件"


class ProposalState(TextChoices):
    """Life of a proposed entry: looked at by a job, confirmed by a person."""

    QUEUED = "queued", "排队中"
    RUNNING = "running", "分析中"
    READY = "pending", "待确认"
    DRAFTED = "drafted", "已生成草稿"
    FAILED = "failed", "没有读成"
    DISMISSED = "dismissed", "不登记"


OPEN_PROPOSALS = (ProposalState.QUEUED, ProposalState.RUNNING, ProposalState.READY)


class BindingState(TextChoices):
    SAME = "active", "一致"
    CHANGED = "changed", "有变动"
    UNREACHABLE = "failed", "查不到"


class FindingKind(TextChoices):
    STRUCTURE = "structure", "结构变动"
    VALUES = "values", "数据变动"


class FindingState(TextChoices):
    OPEN = "pending", "待处理"
    PROPOSED = "changed", "已生成变更"
    IGNORED = "closed", "已忽略"
    GONE = "cancelled", "已恢复"


class ClusterState(TextChoices):
    PROPOSED = "pending", "待确认"
    CONFIRMED = "approved", "已确认"
    REJECTED = "rejected", "不是同一数据"


class MemberRole(TextChoices):
    """What a holder of an item is to do once the lead source is designated (一数一源一标准)."""

    HOLDER = "holder", "未定"
    LEAD = "lead", "数源"
    REFERENCE = "reference", "改为共享调用"
    VERIFY = "verify", "保留作核验"
