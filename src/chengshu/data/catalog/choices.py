"""Closed lists of the catalogue, with the words people read."""

from django.db.models import TextChoices


class ProtectionLevel(TextChoices):
    """等级保护 grade of a system (GB/T 22240)."""

    ONE = "1", "一级"
    TWO = "2", "二级"
    THREE = "3", "三级"
    FOUR = "4", "四级"


class SystemStatus(TextChoices):
    BUILDING = "building", "建设中"
    TRIAL = "trial", "试运行"
    RUNNING = "running", "运行"
    STOPPED = "stopped", "停用"


class ResourceState(TextChoices):
    """Life of a resource as a whole; single versions have their own state."""

    DRAFT = "draft", "未发布"
    PUBLISHED = "published", "已发布"
    SUSPENDED = "suspended", "已暂停"
    RETIRED = "retired", "已撤销"


class VersionState(TextChoices):
    DRAFT = "draft", "草稿"
    SUBMITTED = "submitted", "待审核"
    RETURNED = "returned", "已退回"
    PUBLISHED = "published", "已发布"
    SUPERSEDED = "superseded", "历史版本"


OPEN_STATES = (VersionState.DRAFT, VersionState.SUBMITTED, VersionState.RETURNED)
EDITABLE_STATES = (VersionState.DRAFT, VersionState.RETURNED)
FROZEN_STATES = (VersionState.PUBLISHED, VersionState.SUPERSEDED)


class SharingType(TextChoices):
    UNCONDITIONAL = "unconditional", "无条件共享"
    CONDITIONAL = "conditional", "有条件共享"
    NONE = "none", "不予共享"


class SharingMethod(TextChoices):
    INTERFACE = "interface", "接口调用"
    BATCH = "batch", "批量交换"
    FILE = "file", "文件下载"


class OpenType(TextChoices):
    """浙江省政府令 381."""

    UNCONDITIONAL = "unconditional", "无条件开放"
    RESTRICTED = "restricted", "受限开放"
    FORBIDDEN = "forbidden", "禁止开放"


class UpdateCycle(TextChoices):
    REALTIME = "realtime", "实时"
    DAILY = "daily", "每日"
    WEEKLY = "weekly", "每周"
    MONTHLY = "monthly", "每月"
    QUARTERLY = "quarterly", "每季度"
    YEARLY = "yearly", "每年"
    IRREGULAR = "irregular", "不定期"


class Level(TextChoices):
    """DB33/T 2351-2021. The values sort from harmless to most sensitive."""

    L1 = "L1", "L1 不敏感"
    L2 = "L2", "L2 低敏感"
    L3 = "L3", "L3 较敏感"
    L4 = "L4", "L4 敏感"


class NationalClass(TextChoices):
    """GB/T 43697-2024."""

    GENERAL = "general", "一般数据"
    IMPORTANT = "important", "重要数据"
    CORE = "core", "核心数据"


class DataFormat(TextChoices):
    TABLE = "table", "数据库表"
    SHEET = "sheet", "电子表格"
    FILE = "file", "文件"
    INTERFACE = "interface", "接口"
    STREAM = "stream", "数据流"


class ItemType(TextChoices):
    """The logical types of the load contract (a test keeps the two lists equal)."""

    TEXT = "text", "文本"
    INTEGER = "integer", "整数"
    DECIMAL = "decimal", "小数"
    DATE = "date", "日期"
    DATETIME = "datetime", "日期时间"
    BOOLEAN = "boolean", "是否"


class ItemFormat(TextChoices):
    """The value formats of the load contract (a test keeps the two lists equal)."""

    ID_NUMBER = "id_number", "居民身份证号"
    USCC = "uscc", "统一社会信用代码"
    REGION12 = "region12", "12 位区划代码"
    REGION6 = "region6", "6 位区划代码"
    MOBILE = "mobile", "手机号"
    PHONE = "phone", "电话号码"
    PLATE = "plate", "机动车号牌"
    BANK_CARD = "bank_card", "银行卡号"
    POSTCODE = "postcode", "邮政编码"
    EMAIL = "email", "电子邮箱"
