"""The cart, the form that was sent, one request per interface with its clock, its time line, and the terms in force."""

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from chengshu.data.catalog.facade import SharingType
from chengshu.data.sharing.choices import lookup_only
from chengshu.data.sharing.models import Application, Grant, ShareInterface
from chengshu.data.sharing.requests.choices import Frequency, Refusal, State
from chengshu.data.sharing.requests.flow import OPEN
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account, Organization

LONGEST_TERM = 60
_DAYS = (MinValueValidator(1), MaxValueValidator(LONGEST_TERM))


class CartItem(models.Model):
    """An interface somebody means to apply for."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    interface = models.ForeignKey(ShareInterface, models.CASCADE, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "interface"], name="requests_cart_once")
        ]

    def __str__(self) -> str:
        return str(self.interface)


class RequestForm(models.Model):
    """One form (申请单) over several interfaces; each of them is answered for itself."""

    ACCESS: ClassVar = AccessRule(organization="application__owner__path")

    number = models.CharField("申请单", max_length=20, unique=True, null=True, editable=False)
    application = models.ForeignKey(Application, models.PROTECT, related_name="+")
    applicant = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    sent_at = models.DateTimeField("提交时间", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return self.number or "新申请单"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Number a new form after its key: SQ2026-000123."""
        super().save(*args, **kwargs)
        if self.number is None:
            self.number = f"SQ{timezone.localtime(self.sent_at).year}-{self.pk:06d}"
            type(self).objects.filter(pk=self.pk).update(number=self.number)


class AccessRequest(models.Model):
    """One application asks for some fields and rows of one interface (共享申请).

    ``sharing_type`` is what the catalogue said when it was sent. ``due_at`` is the first moment that is too late for
    whoever holds it; ``stops`` are the times the clock of the state ``returned_from`` stood still for a correction, as
    pairs of ISO times. ``correction`` names the fields to correct, each with a remark. ``amends`` is the grant in force
    that it asks to change or to prolong: its values are what the grant shall be afterwards, whole; ``base`` is what the
    grant allowed when that was asked.
    """

    ACCESS: ClassVar = AccessRule(organization="application__owner__path")

    number = models.CharField("编号", max_length=24, unique=True)
    form = models.ForeignKey(RequestForm, models.PROTECT, related_name="requests")
    application = models.ForeignKey(
        Application, models.PROTECT, related_name="requests", verbose_name="应用"
    )
    interface = models.ForeignKey(
        ShareInterface, models.PROTECT, related_name="requests", verbose_name="接口"
    )
    provider = models.ForeignKey(
        Organization, models.PROTECT, related_name="+", verbose_name="提供单位"
    )
    applicant = models.ForeignKey(
        Account, models.SET_NULL, null=True, related_name="+", verbose_name="申请人"
    )
    sharing_type = models.CharField("共享类型", max_length=14, choices=SharingType)

    purpose = models.TextField("用途")
    legal_basis = models.CharField("法律依据", max_length=300)
    business_item = models.CharField("业务事项", max_length=120)
    fields = models.JSONField("字段")
    row_filter = models.JSONField("行范围", null=True, blank=True)
    kinds = models.JSONField("调用方式", default=lookup_only)
    frequency = models.CharField("使用频率", max_length=8, choices=Frequency)
    per_day = models.PositiveIntegerField("每天最多", null=True, blank=True)
    networks = models.JSONField("来源网段", default=list)
    valid_until = models.DateTimeField("使用期限")
    amends = models.ForeignKey(
        Grant, models.PROTECT, null=True, related_name="amendments", verbose_name="原授权"
    )
    base = models.JSONField("提出时的授权", null=True, editable=False)

    state = models.CharField("状态", max_length=12, choices=State, default=State.REVIEW)
    returned_from = models.CharField(max_length=12, choices=State, blank=True)
    correction = models.JSONField("补正要求", default=dict)
    refusal = models.CharField("谁不同意", max_length=12, choices=Refusal, blank=True)
    negotiated = models.BooleanField("协商过", default=False)
    reviewed_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    refused_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    grant = models.ForeignKey(
        Grant, models.PROTECT, null=True, related_name="requests", verbose_name="授权"
    )
    term_days = models.PositiveSmallIntegerField("期限（工作日）", default=0)
    clock_started_at = models.DateTimeField("计时起点", default=timezone.now)
    stops = models.JSONField("计时暂停", default=list)
    due_at = models.DateTimeField("到期", null=True)
    sent_at = models.DateTimeField("提交时间", default=timezone.now)
    closed_at = models.DateTimeField("办结时间", null=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "共享申请"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "interface"], condition=Q(state__in=OPEN),
                name="requests_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, due_at__isnull=False, closed_at=None)
                | ~Q(state__in=OPEN) & Q(due_at=None, closed_at__isnull=False),
                name="requests_open_has_clock",
            ),
            models.CheckConstraint(
                condition=Q(state="granted", grant__isnull=False)
                | ~Q(state="granted") & Q(grant=None),
                name="requests_granted_has_grant",
            ),
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(refusal=""), name="requests_refused_by_somebody"
            ),
            models.CheckConstraint(
                condition=Q(state="correction") & ~Q(returned_from="")
                | ~Q(state="correction") & Q(returned_from=""),
                name="requests_correction_leads_back",
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["state", "due_at"], name="requests_clock"),
            models.Index(fields=["provider", "state"], name="requests_provider"),
            models.Index(fields=["application", "state"], name="requests_application"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.application} → {self.interface}"

    def get_absolute_url(self) -> str:
        """Where the request's page is."""
        return reverse("sharing_requests:request", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in OPEN


class RequestEvent(models.Model):
    """One line of a request's time line; never changed.

    ``worked_days`` and ``late`` tell how long the state that was left had taken its holder, in working days.
    """

    request = models.ForeignKey(AccessRequest, models.CASCADE, related_name="history")
    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=20)
    actor = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=60)
    organization_name = models.CharField(max_length=60, blank=True)
    before = models.CharField(max_length=12, choices=State, blank=True)
    after = models.CharField(max_length=12, choices=State)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    files = models.ManyToManyField(StoredFile, related_name="+")
    worked_days = models.PositiveIntegerField(null=True)
    late = models.BooleanField(null=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(fields=["before", "late"], name="requests_stage")]

    def __str__(self) -> str:
        return f"{self.request_id} {self.action}"


class RequestPolicy(models.Model):
    """The terms in force (one row), in working days. It belongs to no department: only the city's root changes it."""

    review_days = models.PositiveSmallIntegerField("合规审核", default=2, validators=_DAYS)
    answer_days = models.PositiveSmallIntegerField("提供单位答复", default=10, validators=_DAYS)
    delivery_days = models.PositiveSmallIntegerField("同意后开通", default=20, validators=_DAYS)
    correction_days = models.PositiveSmallIntegerField("申请人补正", default=5, validators=_DAYS)
    negotiation_days = models.PositiveSmallIntegerField("协商", default=10, validators=_DAYS)
    dispute_days = models.PositiveSmallIntegerField("争议裁决", default=10, validators=_DAYS)
    remind_days = models.PositiveSmallIntegerField(
        "到期前几个工作日提醒", default=1, validators=[MaxValueValidator(LONGEST_TERM)]
    )
    renew_days = models.PositiveSmallIntegerField(
        "授权到期前几天提醒续期", default=30, validators=_DAYS
    )
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = "共享申请时限"

    def __str__(self) -> str:
        return "共享申请时限"
