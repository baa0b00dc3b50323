"""Closed lists of opening, with the words people read."""

from django.db.models import TextChoices


class DatasetState(TextChoices):
    DRAFT = "draft", "草稿"
    PUBLISHING = "publishing", "发布中"
    PUBLISHED = "published", "已开放"
    WITHDRAWN = "withdrawn", "已撤回"


class InterfaceState(TextChoices):
    PUBLISHING = "publishing", "发布中"
    ONLINE = "online", "已上线"
    OFFLINE = "offline", "已下线"


class ApprovalState(TextChoices):
    """Of a request to open what is not harmless as it is."""

    WAITING = "waiting", "待审批"
    APPROVED = "approved", "已通过"
    RETURNED = "returned", "已退回"
    REPLACED = "replaced", "已被新的申请取代"


class Licence(TextChoices):
    """Public licences; the addresses are in :data:`LICENCE_URLS`."""

    CC_BY = "CC-BY-4.0", "知识共享 署名 4.0（CC BY 4.0）"
    CC0 = "CC0-1.0", "知识共享 公共领域（CC0 1.0）"


LICENCE_URLS: dict[str, str] = {
    Licence.CC_BY: "https://creativecommons.org/licenses/by/4.0/deed.zh-hans",
    Licence.CC0: "https://creativecommons.org/publicdomain/zero/1.0/deed.zh-hans",
}


class Theme(TextChoices):
    """What a dataset is about, as citizens would look for it. A list of the platform, open to change."""

    LIVING = "living", "生活服务"
    TRANSPORT = "transport", "交通运输"
    HEALTH = "health", "医疗卫生"
    EDUCATION = "education", "教育文化"
    WELFARE = "welfare", "社保就业"
    HOUSING = "housing", "城建住房"
    ENVIRONMENT = "environment", "生态环境"
    ENERGY = "energy", "资源能源"
    MARKET = "market", "市场监管"
    BUSINESS = "business", "商贸农工"
    SAFETY = "safety", "公共安全"
    GEOGRAPHY = "geography", "地理空间"
    GOVERNMENT = "government", "政务服务"
    CREDIT = "credit", "信用服务"


THEME_ICONS: dict[str, str] = {
    Theme.LIVING: "home", Theme.TRANSPORT: "bus", Theme.HEALTH: "heartbeat",
    Theme.EDUCATION: "school", Theme.WELFARE: "users", Theme.HOUSING: "building",
    Theme.ENVIRONMENT: "leaf", Theme.ENERGY: "bolt", Theme.MARKET: "building-store",
    Theme.BUSINESS: "briefcase", Theme.SAFETY: "shield", Theme.GEOGRAPHY: "map-pin",
    Theme.GOVERNMENT: "building-bank", Theme.CREDIT: "certificate",
}  # fmt: skip


class FileFormat(TextChoices):
    """The files of a release."""

    CSV = "csv", "CSV"
    JSON = "json", "JSON"
    XLSX = "xlsx", "XLSX"
    PARQUET = "parquet", "Parquet"
    GEOJSON = "geojson", "GeoJSON"


CONTENT_TYPES: dict[str, str] = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.JSON: "application/json",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
    FileFormat.GEOJSON: "application/geo+json",
}
# What every release has; GeoJSON is for those with places.
TABULAR = (FileFormat.CSV, FileFormat.JSON, FileFormat.XLSX, FileFormat.PARQUET)
