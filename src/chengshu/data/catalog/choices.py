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


class ResourceKind(TextChoices):
    """What an entry describes; :mod:`chengshu.data.catalog.kinds` says what each can do."""

    TABLE = "table", "库表"
    INTERFACE = "interface", "接口"
    FILE = "file", "文件"
    STREAM = "stream", "数据流"


class Theme(TextChoices):
    """Field of life an entry belongs to (领域主题), as national and provincial open-data portals sort it."""

    CREDIT = "credit", "信用服务"
    HEALTH = "health", "医疗卫生"
    EMPLOYMENT = "employment", "社保就业"
    SAFETY = "safety", "公共安全"
    HOUSING = "housing", "城建住房"
    TRANSPORT = "transport", "交通运输"
    EDUCATION = "education", "教育文化"
    SCIENCE = "science", "科技创新"
    ENERGY = "energy", "资源能源"
    ENVIRONMENT = "environment", "生态环境"
    INDUSTRY = "industry", "工业农业"
    TRADE = "trade", "商贸流通"
    FINANCE = "finance", "财税金融"
    WORK_SAFETY = "work_safety", "安全生产"
    MARKET = "market", "市场监管"
    ASSISTANCE = "assistance", "社会救助"
    LAW = "law", "法律服务"
    LIVING = "living", "生活服务"
    WEATHER = "weather", "气象服务"
    GEOSPATIAL = "geospatial", "地理空间"
    INSTITUTIONS = "institutions", "机构团体"


class StandardState(TextChoices):
    """Life of a data element or a code table as a whole (DB33/T 2426-2022: 草案, 发布, 废止)."""

    DRAFT = "draft", "草案"
    PUBLISHED = "published", "已发布"
    RETIRED = "retired", "已废止"


class StandardVersionState(TextChoices):
    """Life of one version of a standard."""

    DRAFT = "draft", "草案"
    SUBMITTED = "submitted", "待发布"
    RETURNED = "returned", "已退回"
    PUBLISHED = "published", "现行"
    SUPERSEDED = "superseded", "历史版本"


OPEN_STANDARD_STATES = (
    StandardVersionState.DRAFT,
    StandardVersionState.SUBMITTED,
    StandardVersionState.RETURNED,
)
FIXED_STANDARD_STATES = (StandardVersionState.PUBLISHED, StandardVersionState.SUPERSEDED)


class BusinessKind(TextChoices):
    """Kinds of 事项: the ten administrative powers and public service."""

    PERMIT = "permit", "行政许可"
    CONFIRMATION = "confirmation", "行政确认"
    PAYMENT = "payment", "行政给付"
    REWARD = "reward", "行政奖励"
    RULING = "ruling", "行政裁决"
    LEVY = "levy", "行政征收"
    PENALTY = "penalty", "行政处罚"
    COMPULSION = "compulsion", "行政强制"
    INSPECTION = "inspection", "行政检查"
    OTHER_POWER = "other_power", "其他行政权力"
    SERVICE = "service", "公共服务"
    INTERNAL = "internal", "内部管理"


class BusinessStatus(TextChoices):
    ACTIVE = "active", "在用"
    PAUSED = "paused", "暂停"
    CANCELLED = "cancelled", "已取消"


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
