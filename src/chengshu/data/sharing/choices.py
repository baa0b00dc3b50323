"""Closed lists of the sharing package."""

from collections.abc import Iterable

from django.db.models import TextChoices


class ApplicationState(TextChoices):
    ACTIVE = "active", "启用"
    SUSPENDED = "suspended", "停用"


class KeyState(TextChoices):
    ACTIVE = "active", "有效"
    REVOKED = "revoked", "已吊销"


class KeyScheme(TextChoices):
    """How a key proves its holder; the values are the gateway's own (`bundle.SCHEME_*`)."""

    HMAC = "hmac-sha256", "共享密钥（HMAC-SHA256）"
    SM2 = "sm2-sm3", "国密公钥（SM2 加 SM3）"
    JWT = "private-key-jwt", "OAuth 公钥（ES256 或 Ed25519）"
    TLS_SELF = "tls-self-signed", "客户端证书（登记证书本身）"
    TLS_CA = "tls-ca", "客户端证书（登记主体，由认可的机构签发）"


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
    CHANGES = "changes", "增量变更，分页取上次以来新增、变化和移除的记录"
    EXPORT = "export", "批量导出，授权范围内的记录做成一个加密文件"
    STATISTICS = "statistics", "统计查询，只给分组的条数、合计和平均"
    PROXY = "proxy", "代理，平台转给提供部门自己的接口"


def kind_words(kinds: Iterable[str]) -> str:
    """Ways of calling in words."""
    names = dict(CallKind.choices)
    return "；".join(names.get(kind, kind) for kind in kinds)


def lookup_only() -> list[str]:
    """What a grant allows when nothing else was said: as little as possible."""
    return [CallKind.LOOKUP.value]


class ExportState(TextChoices):
    READY = "ready", "可下载"
    REFUSED = "refused", "没有生成"
    EXPIRED = "expired", "已删除"


class GrantState(TextChoices):
    ACTIVE = "active", "有效"
    SUSPENDED = "suspended", "暂停"
    REVOKED = "revoked", "已收回"
