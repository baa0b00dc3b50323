"""Words of cascading that are kept in the database."""

from django.db.models import TextChoices


class Role(TextChoices):
    """On which side of us a platform stands."""

    UPPER = "upper", "上级平台"
    LOWER = "lower", "下级平台"


class Rank(TextChoices):
    """Whose platform it is."""

    NATION = "nation", "国家"
    PROVINCE = "province", "省"
    CITY = "city", "市"
    COUNTY = "county", "县（市、区）"


class Way(TextChoices):
    """How we speak with an upper platform."""

    API = "api", "级联接口（HTTPS）"
    FOLDER = "folder", "交换文件夹"
    SFTP = "sftp", "文件服务器（SFTP）"


class Scheme(TextChoices):
    """How calls are signed; the gateway's two schemes (docs/gateway-protocol.md)."""

    HMAC = "hmac", "HMAC-SHA256（共同的密钥）"
    SM2 = "sm2", "SM2 签名"


class PlatformState(TextChoices):
    """Whether anything is exchanged."""

    ACTIVE = "active", "使用中"
    PAUSED = "suspended", "已暂停"


class IncomingState(TextChoices):
    """Where a batch that is handed to us stands."""

    MISSING = "missing", "缺这一批"
    NOTED = "noted", "已收交接单"
    LOADING = "running", "入库中"
    ACCEPTED = "accepted", "已收下"
    PARTLY = "partly", "部分收下"
    REFUSED = "refused", "没有收下"


class PlanState(TextChoices):
    """Where a plan of deliveries stands."""

    DRAFT = "draft", "草稿"
    SUBMITTED = "submitted", "待审批"
    ACTIVE = "active", "执行中"
    RETURNED = "returned", "已退回"
    PAUSED = "suspended", "已暂停"


class Mode(TextChoices):
    """How much a delivery holds."""

    FULL = "full", "全量"
    CHANGES = "changes", "最近一次全部收下以来新增和变化的"


class Cycle(TextChoices):
    """When deliveries are made."""

    MANUAL = "manual", "手动"
    DAILY = "daily", "每天"
    WEEKLY = "weekly", "每周"
    MONTHLY = "monthly", "每月"


class FileFormat(TextChoices):
    """In which form rows leave."""

    CSV = "csv", "CSV（UTF-8）"
    PARQUET = "parquet", "Parquet"


class OutgoingState(TextChoices):
    """Where a delivery stands."""

    BUILDING = "building", "准备中"
    SENDING = "running", "送出中"
    DELIVERED = "delivered", "等回执"
    ACCEPTED = "accepted", "对方已收下"
    PARTLY = "partly", "对方部分收下"
    REFUSED = "refused", "对方没有收下"
    DISPUTED = "disputed", "回执对不上"
    FAILED = "failed", "没有送出"


ANSWERED = (
    OutgoingState.ACCEPTED,
    OutgoingState.PARTLY,
    OutgoingState.REFUSED,
    OutgoingState.DISPUTED,
)
UNDER_WAY = (OutgoingState.BUILDING, OutgoingState.SENDING, OutgoingState.FAILED)


class EntryState(TextChoices):
    """Where a version of a catalogue entry stands between two platforms."""

    WAITING = "queued", "待上报"
    SENT = "sent", "等对方审核"
    ACCEPTED = "accepted", "对方已收下"
    RETURNED = "returned", "对方退回"
