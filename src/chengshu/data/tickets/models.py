"""Tickets, what happened to them, wishes for more time, and the terms in force."""

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from chengshu.data.tickets.choices import (
    Escalation,
    ExtensionState,
    Resolution,
    Severity,
    State,
)
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account, Organization

# GB/T 36344's failures become tickets; the terms are defaults that the data bureau may change.
PROBLEM_DAYS, OBJECTION_DAYS, DISPATCH_DAYS = 5, 10, 2
LONGEST_TERM = 60
_DAYS = (MinValueValidator(1), MaxValueValidator(LONGEST_TERM))


class Ticket(models.Model):
    """One problem of one resource, with one department and one running clock.

    ``kind`` and ``key`` name the problem: at most one open ticket has them. ``due_at`` is the first moment that
    is too late for whoever holds the ticket now; ``stops`` are the times the department's clock stood still, as
    pairs of ISO times (the end is None while it does).
    """

    ACCESS: ClassVar = AccessRule(organization="department__path")

    number = models.CharField("编号", max_length=20, unique=True, null=True, editable=False)
    kind = models.CharField("来源", max_length=40)
    key = models.CharField(max_length=200)
    source_ref = models.CharField("出处", max_length=200, blank=True)
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="tickets", verbose_name="数据资源"
    )
    department = models.ForeignKey(
        Organization, models.PROTECT, related_name="tickets", verbose_name="责任单位"
    )
    title = models.CharField("问题", max_length=160)
    rule = models.CharField("规则", max_length=120, blank=True)
    rule_name = models.CharField("规则名称", max_length=120, blank=True)
    column = models.CharField("字段", max_length=63, blank=True)
    severity = models.CharField("程度", max_length=6, choices=Severity, default=Severity.NORMAL)
    first_rows = models.BigIntegerField("发现时的行数", default=0)
    affected_rows = models.BigIntegerField("仍有问题的行数", default=0)
    evidence = models.JSONField("证据", default=dict)
    state = models.CharField("状态", max_length=10, choices=State, default=State.PENDING)
    resolution = models.CharField("结果", max_length=10, choices=Resolution, blank=True)
    owner = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="owned_tickets",
        verbose_name="经办人",
    )  # fmt: skip
    supervised = models.BooleanField("督办", default=False)
    escalation = models.CharField("升级", max_length=8, choices=Escalation, default=Escalation.NONE)
    reopened = models.PositiveIntegerField("重新打开次数", default=0)
    opened_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    opened_at = models.DateTimeField("开出时间", default=timezone.now)
    term_days = models.PositiveSmallIntegerField("期限（工作日）", default=PROBLEM_DAYS)
    clock_started_at = models.DateTimeField("计时起点", default=timezone.now)
    stops = models.JSONField("计时暂停", default=list)
    due_at = models.DateTimeField("到期", null=True)
    waiting_for = models.CharField("等待", max_length=300, blank=True)
    checked_at = models.DateTimeField("最近复检", null=True)
    check_note = models.CharField("复检说明", max_length=300, blank=True)
    closed_at = models.DateTimeField("关闭时间", null=True)
    on_time = models.BooleanField("按时办结", null=True)
    worked_days = models.PositiveIntegerField("用时（工作日）", null=True)
    updated_at = models.DateTimeField("更新时间", default=timezone.now)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = "问题工单"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=~Q(state="closed"), name="tickets_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state="closed") | ~Q(due_at=None), name="tickets_open_has_clock"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["working", "checking", "suspended"]) | ~Q(owner=None),
                name="tickets_work_has_owner",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) & ~Q(resolution="")
                | ~Q(state="closed") & Q(closed_at=None, resolution=""),
                name="tickets_closed_has_result",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "due_at"], name="tickets_clock"),
            models.Index(fields=["department", "state"], name="tickets_queue"),
            models.Index(fields=["resource", "state"], name="tickets_resource"),
            models.Index(fields=["kind", "key"], name="tickets_key"),
            models.Index(fields=["owner", "state"], name="tickets_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.number or '新工单'} {self.title}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Number a new ticket after its key: WT2026-000123."""
        super().save(*args, **kwargs)
        if self.number is None:
            self.number = f"WT{timezone.localtime(self.opened_at).year}-{self.pk:06d}"
            type(self).objects.filter(pk=self.pk).update(number=self.number)

    def get_absolute_url(self) -> str:
        """Where the ticket's page is."""
        return reverse("tickets:ticket", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state != State.CLOSED


class TicketEvent(models.Model):
    """One line of a ticket's time line; never changed."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="history")
    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=30)
    actor = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=60)
    organization_name = models.CharField(max_length=60, blank=True)
    before = models.CharField(max_length=10, choices=State, blank=True)
    after = models.CharField(max_length=10, choices=State)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    files = models.ManyToManyField(StoredFile, related_name="+")

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.action}"


class Extension(models.Model):
    """A department asks for more working days; the data bureau decides."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="extensions")
    days = models.PositiveSmallIntegerField("延长（工作日）", validators=_DAYS)
    reason = models.CharField("理由", max_length=300)
    state = models.CharField(max_length=10, choices=ExtensionState, default=ExtensionState.PENDING)
    asked_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField("意见", max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["ticket"], condition=Q(state="pending"), name="tickets_one_wish"
            )
        ]

    def __str__(self) -> str:
        return f"{self.ticket} +{self.days}"


class Policy(models.Model):
    """The terms in force (one row): working days, reminders, and what they rest on."""

    problem_days = models.PositiveSmallIntegerField(
        "问题数据整改（工作日）", default=PROBLEM_DAYS, validators=_DAYS
    )
    objection_days = models.PositiveSmallIntegerField(
        "异议裁定（工作日）", default=OBJECTION_DAYS, validators=_DAYS
    )
    dispatch_days = models.PositiveSmallIntegerField(
        "退回后重新分派（工作日）", default=DISPATCH_DAYS, validators=_DAYS
    )
    remind_days = models.PositiveSmallIntegerField(
        "到期前几个工作日提醒", default=1, validators=[MaxValueValidator(LONGEST_TERM)]
    )
    bureau_after = models.PositiveSmallIntegerField(
        "超期几个工作日报智慧城市建设中心", default=2, validators=_DAYS
    )
    leaders_after = models.PositiveSmallIntegerField(
        "超期几个工作日列入市领导清单", default=3, validators=_DAYS
    )
    longest_suspension = models.PositiveSmallIntegerField(
        "最长挂起（工作日）", default=20, validators=_DAYS
    )
    reopen_days = models.PositiveSmallIntegerField(
        "关闭后多少天内再犯算重新打开", default=30, validators=[MaxValueValidator(365)]
    )
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = "工单时限"

    def __str__(self) -> str:
        return "工单时限"
