"""Closed lists of the identity package."""

from django.db.models import TextChoices


class OrganizationKind(TextChoices):
    MUNICIPAL = "municipal", "市级"
    DEPARTMENT = "department", "部门"
    COMMUNITY = "community", "社区"
    GRID = "grid", "网格"
    INSTITUTION = "institution", "事业单位"
    ENTERPRISE = "enterprise", "企业"


class RegionLevel(TextChoices):
    COUNTY = "county", "县级市"
    COMMUNITY = "community", "社区"
    GRID = "grid", "网格"


class AccountKind(TextChoices):
    STAFF = "staff", "工作人员"
    CITIZEN = "citizen", "群众"
    ENTERPRISE = "enterprise", "企业"
    SERVICE = "service", "系统账号"


class Gender(TextChoices):
    """GB/T 2261.1."""

    UNKNOWN = "0", "未知的性别"
    MALE = "1", "男性"
    FEMALE = "2", "女性"
    UNSPECIFIED = "9", "未说明的性别"
