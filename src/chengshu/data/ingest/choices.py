"""Closed lists of the collection package."""

from django.db.models import TextChoices


class Origin(TextChoices):
    FILE = "file", "上传文件"
    TABLE = "table", "数据源"
    PUSH = "push", "接口推送"
    REPLAY = "replay", "隔离区回放"
    DEMO = "demo", "演示数据"


class BatchState(TextChoices):
    DRAFT = "draft", "待确认"
    QUEUED = "queued", "排队中"
    RUNNING = "running", "归集中"
    LOADED = "loaded", "已入库"
    FAILED = "failed", "失败，未入库"
    CANCELLED = "cancelled", "已取消"


class DecisionKind(TextChoices):
    CORRECTED = "corrected", "已更正待回放"
    REPLAYED = "replayed", "已回放"
    RETURNED = "returned", "已退回数源部门"
    GIVEN_UP = "given_up", "已放弃"


class PushState(TextChoices):
    OPEN = "open", "正在接收"
    COMMITTED = "committed", "已提交"
    ABANDONED = "abandoned", "已放弃"
