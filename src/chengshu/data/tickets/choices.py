"""Closed lists of the ticket package."""

from django.db.models import TextChoices


class State(TextChoices):
    """Where a ticket stands; :mod:`~chengshu.data.tickets.flow` says what leads from one to the next."""

    PENDING = "pending", "待签收"
    WORKING = "working", "处理中"
    CHECKING = "checking", "待复核"
    RETURNED = "returned", "退回待分派"
    CONTESTED = "contested", "异议待裁定"
    SUSPENDED = "suspended", "挂起"
    CLOSED = "closed", "已关闭"


class Resolution(TextChoices):
    """How a ticket ended."""

    FIXED = "fixed", "已整改，复检通过"
    INVALID = "invalid", "异议成立，不是问题"
    WITHDRAWN = "withdrawn", "人工关闭"


class Severity(TextChoices):
    """How much it matters; the term is the same for all."""

    LOW = "low", "一般"
    NORMAL = "normal", "重要"
    HIGH = "high", "紧急"


class Escalation(TextChoices):
    """How far an overdue ticket has been carried up."""

    NONE = "none", "未升级"
    HEAD = "head", "部门负责人"
    BUREAU = "bureau", "智慧城市建设中心"
    LEADERS = "leaders", "市领导"


class ExtensionState(TextChoices):
    """What became of the wish for more time."""

    PENDING = "pending", "待审批"
    APPROVED = "approved", "已同意"
    REFUSED = "refused", "不同意"
