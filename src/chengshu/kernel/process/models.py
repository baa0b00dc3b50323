"""Cases, tasks, trace and timers.

Two decisions carry the rest (ADR 0022). A case at rest is its marking, so a step costs the same at any age. And a
task is a row that lists read without asking any engine; a task may belong to any owner (``owner_kind``,
``owner_key``), so that a package with a state machine of its own shows in the same to-do list.
"""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.kernel.belonging import AccessRule
from chengshu.kernel.files.models import StoredFile
from chengshu.kernel.identity.models import Account, Organization, Region
from chengshu.kernel.process.choices import (
    CaseState,
    GroupKind,
    TaskKind,
    TaskState,
    TimerKind,
    TimerState,
    TraceAct,
)

PROCESS = "process"
"""``owner_kind`` of the tasks of BPMN cases."""
OPEN_STATES = (TaskState.OPEN, TaskState.WAITING)


class ProcessVersion(models.Model):
    """One text of a definition. Equal texts are one version, and a version is never changed."""

    key = models.CharField("流程", max_length=80)
    number = models.PositiveIntegerField("版本")
    name = models.CharField("名称", max_length=120)
    package = models.CharField("来自", max_length=120)
    digest = models.CharField(max_length=64)
    source = models.TextField("定义")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "流程版本"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "digest"], name="process_version_once"),
            models.UniqueConstraint(fields=["key", "number"], name="process_version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.name} 第 {self.number} 版"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write once."""
        if not self._state.adding:
            raise TypeError("a version is never changed: publish a new one")
        super().save(*args, **kwargs)


class CandidateGroup(models.Model):
    """Who may take a task, said once and shared by many tasks.

    A role or a permission at an organisation (and, where given, in a region), or named people. Lists ask for the few
    groups somebody is in and then for the tasks of those groups: an index answers whatever the number of tasks.
    """

    kind = models.CharField(max_length=12, choices=GroupKind)
    key = models.CharField(max_length=120)
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+"
    )
    region = models.ForeignKey(Region, models.PROTECT, null=True, blank=True, related_name="+")
    people: "models.ManyToManyField[Account, Any]" = models.ManyToManyField(
        Account, related_name="candidate_groups"
    )

    class Meta:
        verbose_name = "候选人范围"
        constraints: ClassVar = [
            # NULLs are distinct in unique constraints, so each shape has its own.
            models.UniqueConstraint(
                fields=["kind", "key", "organization", "region"], name="process_group_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "key", "organization"], condition=Q(region=None),
                name="process_group_once_everywhere",
            ),
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(organization=None, region=None),
                name="process_group_once_people",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.key} {self.organization or ''}"


class ProcessCase(models.Model):
    """One run of a process, on the version it began with.

    ``object_type`` and ``object_key`` name the business record (``seal.application``, its key); ``url`` opens it.
    ``marking`` is None once the case has ended; the trace stays.
    """

    ACCESS: ClassVar = AccessRule(organization="organization__path", region="region_id")

    version = models.ForeignKey(ProcessVersion, models.PROTECT, related_name="cases")
    key = models.CharField("流程", max_length=80)
    title = models.CharField("标题", max_length=200)
    state = models.CharField("状态", max_length=12, choices=CaseState, default=CaseState.RUNNING)
    marking = models.JSONField(null=True, blank=True)
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    object_type = models.CharField(max_length=60, blank=True)
    object_key = models.CharField(max_length=80, blank=True)
    url = models.CharField(max_length=300, blank=True)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="process_cases")
    region = models.ForeignKey(Region, models.PROTECT, null=True, blank=True, related_name="+")
    started_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="process_cases")
    started_at = models.DateTimeField("发起时间", default=timezone.now)
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)
    outcome = models.CharField("结果", max_length=80, blank=True)
    steps = models.PositiveIntegerField(default=0, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    # The clock of the whole case; pauses are [from, to] in ISO form, the last one open while it stands still.
    term_days = models.PositiveSmallIntegerField("期限（工作日）", null=True, blank=True)
    due_at = models.DateTimeField("到期", null=True, blank=True)
    pauses = models.JSONField(default=list)
    suspended_reason = models.CharField("暂停原因", max_length=300, blank=True)
    supervised_by = models.ForeignKey(
        Account, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    supervised_at = models.DateTimeField(null=True, blank=True)
    supervised_note = models.CharField("督办要求", max_length=300, blank=True)
    urged_at = models.DateTimeField(null=True, blank=True)
    urged = models.PositiveSmallIntegerField("催办次数", default=0)

    class Meta:
        verbose_name = "流程办件"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[CaseState.RUNNING, CaseState.SUSPENDED], marking__isnull=False
                )
                | Q(state__in=[CaseState.FINISHED, CaseState.CANCELLED], marking__isnull=True),
                name="process_case_ended_keeps_no_state",
            ),
            models.UniqueConstraint(
                fields=["object_type", "object_key"],
                condition=Q(ended_at=None) & ~Q(object_key=""),
                name="process_case_one_running_per_object",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["started_by", "-id"], name="process_case_mine"),
            models.Index(fields=["object_type", "object_key"], name="process_case_object"),
            models.Index(
                fields=["organization", "-supervised_at"],
                condition=Q(supervised_at__isnull=False),
                name="process_case_supervised",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def ended(self) -> bool:
        """Whether nothing can be done with it any more."""
        return self.state in {CaseState.FINISHED, CaseState.CANCELLED}

    @property
    def stops(self) -> list[tuple[datetime, datetime | None]]:
        """When the clock stood still."""
        return [
            (datetime.fromisoformat(begin), datetime.fromisoformat(end) if end else None)
            for begin, end in self.pauses
        ]


class HumanTask(models.Model):
    """One thing that waits for one person (or for one of a group), or that somebody has done.

    ``token`` is the number of the open step in its case, ``slot`` the place in a countersign: together they exist open
    at most once. Tasks of other packages leave ``case`` empty and say in ``url`` where they are done.
    """

    ACCESS: ClassVar = AccessRule(organization="organization__path")

    owner_kind = models.CharField(max_length=40, default=PROCESS)
    owner_key = models.CharField(max_length=80)
    case = models.ForeignKey(
        ProcessCase, models.CASCADE, null=True, blank=True, related_name="tasks"
    )
    kind = models.CharField("类别", max_length=12, choices=TaskKind, default=TaskKind.STEP)
    step = models.CharField(max_length=80)
    name = models.CharField("步骤", max_length=120)
    matter = models.CharField("事项", max_length=120)
    matter_key = models.CharField(max_length=80)
    title = models.CharField("标题", max_length=200)
    url = models.CharField(max_length=300, blank=True)
    token = models.PositiveIntegerField(default=0)
    slot = models.PositiveSmallIntegerField(default=0)
    state = models.CharField("状态", max_length=12, choices=TaskState, default=TaskState.OPEN)
    held = models.BooleanField("随办件暂停", default=False)
    group = models.ForeignKey(CandidateGroup, models.PROTECT, null=True, blank=True)
    assignee = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="tasks", verbose_name="办理人"
    )
    delegated_by = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="委托人"
    )
    added_to = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="added"
    )
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    opened_at = models.DateTimeField("到达时间", default=timezone.now)
    opened_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    begun_at = models.DateTimeField("签收时间", null=True, blank=True)
    finished_at = models.DateTimeField("办理时间", null=True, blank=True)
    finished_by = models.ForeignKey(
        Account, models.PROTECT, null=True, blank=True, related_name="done_tasks"
    )
    outcome = models.CharField("结果", max_length=40, blank=True)
    comment = models.TextField("意见", blank=True)
    batch = models.CharField("可批量的结果", max_length=40, blank=True)
    term_days = models.PositiveSmallIntegerField(null=True, blank=True)
    due_at = models.DateTimeField("到期", null=True, blank=True)
    urged = models.PositiveSmallIntegerField("催办次数", default=0)
    # After a return that comes straight back: the step to go to instead of the usual way.
    back_to = models.CharField(max_length=80, blank=True)
    # What completing this step changed in the marking, so that it can be taken back while nobody went on.
    undo = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = "待办任务"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner_kind", "owner_key", "step", "token", "slot"],
                condition=Q(state__in=OPEN_STATES),
                name="process_task_open_once",
            ),
            models.CheckConstraint(
                condition=~Q(state=TaskState.OPEN)
                | Q(group__isnull=False)
                | Q(assignee__isnull=False),
                name="process_task_waits_for_somebody",
            ),
        ]
        indexes: ClassVar = [
            # Each list has its own: open ones of a person, open ones of a group, what somebody did, those of a case.
            models.Index(
                fields=["assignee", "due_at", "id"], condition=Q(state=TaskState.OPEN),
                name="process_task_own",
            ),
            models.Index(
                fields=["group", "due_at", "id"],
                condition=Q(state=TaskState.OPEN, assignee=None),
                name="process_task_group",
            ),
            models.Index(
                fields=["finished_by", "-finished_at", "-id"],
                condition=Q(state__in=[TaskState.DONE, TaskState.RETURNED]),
                name="process_task_done",
            ),
            models.Index(fields=["owner_kind", "owner_key"], name="process_task_owner"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.title} · {self.name}"


class TraceEntry(models.Model):
    """One line of a case's history. Written once; the trace alone explains where a case stands."""

    case = models.ForeignKey(ProcessCase, models.CASCADE, related_name="trace")
    number = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    act = models.CharField(max_length=12, choices=TraceAct)
    step = models.CharField(max_length=80, blank=True)
    step_name = models.CharField(max_length=120, blank=True)
    token = models.PositiveIntegerField(default=0)
    task = models.ForeignKey(HumanTask, models.SET_NULL, null=True, related_name="+")
    actor = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=60, blank=True)
    outcome = models.CharField(max_length=80, blank=True)
    text = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name = "办理过程"
        ordering: ClassVar = ["case", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "number"], name="process_trace_number")
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.act}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write once."""
        if not self._state.adding:
            raise TypeError("the trace is only ever added to")
        super().save(*args, **kwargs)


class CaseTimer(models.Model):
    """A moment somebody waits for. The worker asks for those that are due, by index, and for nothing else.

    ``base_at`` is when a timer event began to wait, so that it can be set again after the case was suspended.
    """

    case = models.ForeignKey(ProcessCase, models.CASCADE, related_name="timers")
    task = models.ForeignKey(
        HumanTask, models.CASCADE, null=True, blank=True, related_name="timers"
    )
    kind = models.CharField(max_length=12, choices=TimerKind)
    token = models.PositiveIntegerField(default=0)
    step = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=12, choices=TimerState, default=TimerState.WAITING)
    base_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "定时"
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=Q(state=TimerState.WAITING), name="process_timer_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.due_at}"


class CaseFile(models.Model):
    """An attachment of a case."""

    case = models.ForeignKey(ProcessCase, models.CASCADE, related_name="files")
    task = models.ForeignKey(
        HumanTask, models.SET_NULL, null=True, blank=True, related_name="files"
    )
    file = models.ForeignKey(StoredFile, models.PROTECT, related_name="+")
    added_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "附件"

    def __str__(self) -> str:
        return self.file.name


class CaseCopy(models.Model):
    """One person's copy of a case, to read (抄送)."""

    case = models.ForeignKey(ProcessCase, models.CASCADE, related_name="copies")
    account = models.ForeignKey(Account, models.CASCADE, related_name="case_copies")
    sent_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField("抄送时间", default=timezone.now)
    read_at = models.DateTimeField("阅读时间", null=True, blank=True)

    class Meta:
        verbose_name = "抄送"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "account"], name="process_copy_once")
        ]
        indexes: ClassVar = [models.Index(fields=["account", "-id"], name="process_copy_mine")]

    def __str__(self) -> str:
        return f"{self.account} · {self.case}"


class QuickPhrase(models.Model):
    """A person's own ready words for opinions (常用语)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="quick_phrases")
    text = models.CharField("常用语", max_length=120)
    used = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "常用语"
        ordering: ClassVar = ["-used", "text"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "text"], name="process_phrase_once")
        ]

    def __str__(self) -> str:
        return self.text
