"""Closed lists of the sharing package."""

from django.db.models import TextChoices


class ApplicationState(TextChoices):
    ACTIVE = "active", "启用"
    SUSPENDED = "suspended", "停用"


class KeyState(TextChoices):
    ACTIVE = "active", "有效"
    REVOKED = "revoked", "已吊销"


class InterfaceState(TextChoices):
    WANTED = "wanted", "待建"
    BUILDING = "building", "发布中"
    ONLINE = "online", "已上线"
    OFFLINE = "offline", "已下线"
    FAILED = "failed", "发布失败"


class CallKind(TextChoices):
    """Ways of calling the gateway; the values are the gateway's own (`bundle.CALL_KINDS`)."""

    LOOKUP = "lookup", "按主键查一条"
    BATCH = "batch", "批量查，一次最多 1,000 条"
    VERIFY = "verify", "核验，只答给出的值是否一致"
    QUERY = "query", "条件查询，按接口声明的字段分页查"


def lookup_only() -> list[str]:
    """What a grant allows when nothing else was said: as little as possible."""
    return [CallKind.LOOKUP.value]


class GrantState(TextChoices):
    ACTIVE = "active", "有效"
    SUSPENDED = "suspended", "暂停"
    REVOKED = "revoked", "已收回"
