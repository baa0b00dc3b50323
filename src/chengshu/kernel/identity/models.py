"""Organisations, regions, people, accounts and role assignments.

Organisations form a tree kept as a materialised path of codes (``/330383/330383-SJ/``), because every scope question
("what may this officer see?") is then one indexed prefix comparison on either database.
"""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.kernel.belonging import AccessRule
from chengshu.kernel.identity.choices import AccountKind, Gender, OrganizationKind, RegionLevel


class Region(models.Model):
    """A division by its statistical code: 12 digits for the city and communities, longer for grids."""

    code = models.CharField("区划代码", max_length=18, primary_key=True)
    name = models.CharField("名称", max_length=60)
    level = models.CharField("层级", max_length=12, choices=RegionLevel)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级"
    )
    # Centre in degrees, CGCS2000 (EPSG:4490); None where nobody has surveyed or generated one.
    longitude = models.FloatField("经度", null=True, blank=True)
    latitude = models.FloatField("纬度", null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "行政区域"

    def __str__(self) -> str:
        return self.name


class Organization(models.Model):
    """A unit of the city: department, community, grid, institution or enterprise."""

    ACCESS: ClassVar = AccessRule(organization="path")

    code = models.CharField("机构代码", max_length=40, unique=True)
    name = models.CharField("全称", max_length=120)
    short = models.CharField("简称", max_length=40)
    kind = models.CharField("类别", max_length=12, choices=OrganizationKind)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级"
    )
    path = models.CharField("路径", max_length=255, unique=True, editable=False)
    region = models.ForeignKey(
        Region, models.PROTECT, null=True, blank=True, related_name="organizations"
    )
    active = models.BooleanField("在用", default=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "组织机构"

    def __str__(self) -> str:
        return self.short or self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep ``path`` true; moving a branch is a service, not a save."""
        self.path = f"{self.parent.path if self.parent else '/'}{self.code}/"
        super().save(*args, **kwargs)


class Person(models.Model):
    """A natural person. Identity number and mobile are sealed (SM4-GCM); search goes through keyed hashes."""

    name = models.CharField("姓名", max_length=60)
    gender = models.CharField("性别", max_length=1, choices=Gender, default=Gender.UNKNOWN)
    id_number_sealed = models.TextField("身份证号（密文）", blank=True)
    id_number_hash = models.CharField(max_length=120, blank=True, db_index=True)
    mobile_sealed = models.TextField("手机号（密文）", blank=True)
    mobile_hash = models.CharField(max_length=120, blank=True, db_index=True)

    class Meta:
        verbose_name = "自然人"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["id_number_hash"],
                condition=~Q(id_number_hash=""),
                name="identity_person_one_per_id_number",
            )
        ]

    def __str__(self) -> str:
        return self.name


class AccountManager(BaseUserManager["Account"]):
    """Creates accounts; the services decide who may."""

    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(username=username)


class Account(AbstractBaseUser):
    """What somebody signs in with."""

    ACCESS: ClassVar = AccessRule(organization="organization__path")

    username = models.CharField(
        "账号", max_length=60, unique=True, error_messages={"unique": "这个账号名已有人使用"}
    )
    display_name = models.CharField("姓名", max_length=60)
    kind = models.CharField("类别", max_length=12, choices=AccountKind, default=AccountKind.STAFF)
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    person = models.ForeignKey(
        Person, models.SET_NULL, null=True, blank=True, related_name="accounts"
    )
    post = models.CharField("职务", max_length=60, blank=True)
    is_active = models.BooleanField("启用", default=True)
    must_change_password = models.BooleanField("下次登录须改密码", default=False)
    password_changed_at = models.DateTimeField("密码修改时间", null=True, blank=True)
    failed_sign_ins = models.PositiveSmallIntegerField("连续失败次数", default=0)
    locked_until = models.DateTimeField("锁定至", null=True, blank=True)
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects: ClassVar[AccountManager] = AccountManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name"]

    class Meta:
        ordering: ClassVar = ["username"]
        verbose_name = "账号"

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def is_locked(self) -> bool:
        """Whether sign-in is refused at this moment."""
        return self.locked_until is not None and self.locked_until > timezone.now()


class RoleAssignment(models.Model):
    """A role at an organisation (and everything below it), optionally narrowed to a region."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="assignments")
    role = models.CharField("角色", max_length=60)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="assignments")
    region = models.ForeignKey(Region, models.CASCADE, null=True, blank=True)
    granted_by = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="granted_assignments"
    )
    granted_at = models.DateTimeField(default=timezone.now, editable=False)
    valid_until = models.DateTimeField("有效期至", null=True, blank=True)

    class Meta:
        verbose_name = "角色授予"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "role", "organization", "region"],
                name="identity_assignment_once",
            ),
            # NULLs are distinct in unique constraints, so city-wide assignments need their own.
            models.UniqueConstraint(
                fields=["account", "role", "organization"],
                condition=Q(region=None),
                name="identity_assignment_once_without_region",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} · {self.role} · {self.organization}"


class SignInFailure(models.Model):
    """One failed sign-in, for slowing down an address that guesses many accounts."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    username = models.CharField(max_length=60)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["address", "at"])]

    def __str__(self) -> str:
        return f"{self.username} {self.address}"
