"""Applications, keys, interfaces, grants and the statistics of calls."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from chengshu.data.sharing.choices import (
    ApplicationState,
    ExportState,
    GrantState,
    InterfaceState,
    KeyScheme,
    KeyState,
    lookup_only,
)
from chengshu.kernel.access.protocol import AccessRule
from chengshu.kernel.identity.models import Account, Organization
from chengshu_gateway.bundle import DEFAULT_MINIMUM_GROUP, DEFAULT_MISSES, DEFAULT_TRIES


class Application(models.Model):
    """A connected application (接入应用): who calls, and who answers for it."""

    ACCESS: ClassVar = AccessRule(organization="owner__path")

    code = models.CharField("应用编号", max_length=60, unique=True)
    name = models.CharField("应用名称", max_length=80)
    owner = models.ForeignKey(
        Organization, models.PROTECT, related_name="applications", verbose_name="使用单位"
    )
    purpose = models.TextField("用途")
    contact = models.CharField("联系人", max_length=60, blank=True)
    state = models.CharField(
        "状态", max_length=12, choices=ApplicationState, default=ApplicationState.ACTIVE
    )
    state_reason = models.CharField("停用原因", max_length=300, blank=True)
    created_at = models.DateTimeField("登记时间", default=timezone.now)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "接入应用"

    def __str__(self) -> str:
        return self.name


class ApplicationKey(models.Model):
    """A signing key; the secret is sealed at rest and shown to people exactly once.

    Of a registered public key (`scheme` other than HMAC) there is no secret: the holder keeps the private half.
    """

    ACCESS: ClassVar = AccessRule(organization="application__owner__path")

    application = models.ForeignKey(Application, models.CASCADE, related_name="keys")
    key_id = models.CharField("密钥编号", max_length=40, unique=True)
    secret_sealed = models.TextField(blank=True)
    scheme = models.CharField("签名方式", max_length=20, choices=KeyScheme, default=KeyScheme.HMAC)
    public_key = models.TextField("公钥", blank=True)
    state = models.CharField("状态", max_length=10, choices=KeyState, default=KeyState.ACTIVE)
    created_at = models.DateTimeField("签发时间", default=timezone.now)
    expires_at = models.DateTimeField("有效期至", null=True, blank=True)
    revoked_at = models.DateTimeField("吊销时间", null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = "应用密钥"
        constraints: ClassVar = [
            # Two applications with one key pair could sign for each other.
            models.UniqueConstraint(
                fields=["public_key"], condition=~Q(public_key=""), name="sharing_public_key_once"
            )
        ]

    def __str__(self) -> str:
        return self.key_id


class ShareInterface(models.Model):
    """A published resource that can be looked up by one column, and queried by those it declares."""

    ACCESS: ClassVar = AccessRule(organization="resource__provider__path")

    code = models.CharField("接口编号", max_length=60, unique=True)
    title = models.CharField("接口名称", max_length=120)
    resource = models.ForeignKey(
        "catalog.Resource", models.PROTECT, related_name="share_interfaces", verbose_name="数据资源"
    )
    key_column = models.CharField("查询字段", max_length=63)
    query_columns = models.JSONField("查询条件字段", default=list, blank=True)
    state = models.CharField(
        "状态", max_length=10, choices=InterfaceState, default=InterfaceState.BUILDING
    )
    columns = models.JSONField("字段", default=list)
    snapshot = models.CharField("快照版本", max_length=60, blank=True)
    lake_version = models.BigIntegerField("入库版本", null=True)
    rows = models.BigIntegerField("记录数", default=0)
    published_at = models.DateTimeField("发布时间", null=True)
    job_id = models.UUIDField("发布任务", null=True, editable=False)
    state_reason = models.CharField("下线原因", max_length=300, blank=True)
    error = models.TextField("错误", blank=True)
    created_by = models.ForeignKey(Account, models.SET_NULL, null=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = "共享接口"

    def __str__(self) -> str:
        return self.title


class ProxySource(models.Model):
    """A department's own HTTP interface behind a proxied interface (代理接口); credentials sealed at rest."""

    ACCESS: ClassVar = AccessRule(organization="interface__resource__provider__path")

    interface = models.OneToOneField(ShareInterface, models.CASCADE, related_name="source")
    url = models.CharField("来源地址", max_length=500)
    method = models.CharField("请求方法", max_length=4, default="GET")
    parameters = models.JSONField("请求参数", default=list, blank=True)
    mapping = models.JSONField("返回字段", default=dict)
    rows_at = models.CharField("记录的位置", max_length=200, blank=True)
    success_at = models.CharField("成功标志的位置", max_length=200, blank=True)
    success_is = models.JSONField("表示成功的值", default=list, blank=True)
    headers_sealed = models.TextField(blank=True)
    timeout_ms = models.PositiveIntegerField("时限（毫秒）", default=5000)
    attempts = models.PositiveSmallIntegerField("最多尝试", default=1)
    idempotent = models.BooleanField("可以重复调用", default=True)
    cache_seconds = models.PositiveIntegerField("缓存（秒）", default=0)
    most = models.PositiveIntegerField("一次最多返回", default=100)
    absent_404 = models.BooleanField("404 表示没有记录", default=False)

    class Meta:
        verbose_name = "部门接口"

    def __str__(self) -> str:
        return str(self.interface)


class Grant(models.Model):
    """What one application may see of one interface: fields, masks, rows, quota, networks, term."""

    ACCESS: ClassVar = AccessRule(organization="interface__resource__provider__path")

    application = models.ForeignKey(Application, models.PROTECT, related_name="grants")
    interface = models.ForeignKey(ShareInterface, models.PROTECT, related_name="grants")
    fields = models.JSONField("字段")
    masks = models.JSONField("脱敏", default=dict)
    kinds = models.JSONField("调用方式", default=lookup_only)
    row_filter = models.JSONField("行范围", null=True, blank=True)
    per_minute = models.PositiveIntegerField("每分钟上限", null=True, blank=True)
    per_day = models.PositiveIntegerField("每日上限", null=True, blank=True)
    networks = models.JSONField("网段", default=list, blank=True)
    purpose = models.TextField("用途")
    valid_from = models.DateTimeField("生效时间", default=timezone.now)
    valid_until = models.DateTimeField("有效期至", null=True, blank=True)
    state = models.CharField("状态", max_length=10, choices=GrantState, default=GrantState.ACTIVE)
    granted_by = models.ForeignKey(Account, models.SET_NULL, null=True)
    granted_at = models.DateTimeField("授权时间", default=timezone.now)
    closed_reason = models.CharField("变更原因", max_length=300, blank=True)
    unmasked_reason = models.CharField("不脱敏的理由", max_length=300, blank=True)
    problem = models.CharField("待处理的问题", max_length=500, blank=True)
    minimum_group = models.PositiveSmallIntegerField("统计最小组", default=DEFAULT_MINIMUM_GROUP)
    misses_per_minute = models.PositiveIntegerField("每分钟查无记录", default=DEFAULT_MISSES)
    tries_per_day = models.PositiveSmallIntegerField("每天核验不符", default=DEFAULT_TRIES)
    privacy = models.JSONField("差分隐私", null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-granted_at"]
        verbose_name = "共享授权"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "interface"],
                condition=~Q(state="revoked"),
                name="sharing_one_open_grant",
            )
        ]

    def __str__(self) -> str:
        return f"{self.application} → {self.interface}"


class Export(models.Model):
    """A file that an application asked for: what is in it, until when it can be fetched, or why there is none."""

    ACCESS: ClassVar = AccessRule(organization="grant__application__owner__path")

    code = models.CharField("导出编号", max_length=32, unique=True)
    grant = models.ForeignKey(Grant, models.PROTECT, related_name="exports", verbose_name="授权")
    key = models.ForeignKey(ApplicationKey, models.SET_NULL, null=True, verbose_name="密钥")
    format = models.CharField("格式", max_length=8)
    state = models.CharField("状态", max_length=8, choices=ExportState)
    purpose = models.CharField("用途", max_length=200, blank=True)
    asked_at = models.DateTimeField("申请时间")
    made_at = models.DateTimeField("办理时间", default=timezone.now)
    expires_at = models.DateTimeField("过期时间", null=True)
    rows = models.BigIntegerField("条数", default=0)
    size = models.BigIntegerField("大小", default=0)
    sha256 = models.CharField("摘要", max_length=64, blank=True)
    version = models.CharField("数据版本", max_length=60, blank=True)
    problem = models.CharField("原因", max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-asked_at", "-pk"]
        verbose_name = "批量导出"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(expires_at__isnull=False) & ~Q(sha256=""),
                name="sharing_ready_export_has_a_file",
            )
        ]

    def __str__(self) -> str:
        return f"{self.grant} {self.code[:8]}"


class BundlePublication(models.Model):
    """One publication of the rules to the gateway."""

    at = models.DateTimeField("时间", default=timezone.now)
    version = models.PositiveBigIntegerField("版本")
    applications = models.PositiveIntegerField("应用")
    interfaces = models.PositiveIntegerField("接口")
    grants = models.PositiveIntegerField("授权")
    problems = models.JSONField("没有发布的规则", default=list)

    class Meta:
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return f"v{self.version}"


class CallSums(models.Model):
    """Calls by application, interface and outcome, counted from the audited calls.

    ``charged`` is what they took from the quota: a batch is one call and takes as much as it has keys.
    """

    application = models.CharField("应用编号", max_length=64)
    interface = models.CharField("接口编号", max_length=64)
    outcome = models.CharField("结果", max_length=40)
    calls = models.BigIntegerField("调用次数", default=0)
    micros = models.BigIntegerField("总耗时（微秒）", default=0)
    charged = models.BigIntegerField("占用限额", default=0)

    class Meta:
        abstract = True


class CallStatistic(CallSums):
    """The calls of one hour."""

    hour = models.DateTimeField("小时")

    class Meta:
        verbose_name = "调用统计"
        indexes: ClassVar = [
            models.Index(fields=["application", "hour"]),
            models.Index(fields=["interface", "hour"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["hour", "application", "interface", "outcome"],
                name="sharing_statistic_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%F %H} {self.application}"


class DayStatistic(CallSums):
    """The hourly sums once more by day of the city's time, so that a year reads as quickly as a month."""

    day = models.DateField("日期")

    class Meta:
        verbose_name = "每日调用统计"
        indexes: ClassVar = [
            models.Index(fields=["application", "day"]),
            models.Index(fields=["interface", "day"]),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "application", "interface", "outcome"],
                name="sharing_day_statistic_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.application}"


class CallCursor(models.Model):
    """How far a stream of calls was taken over; moved in the same transaction as the counts.

    ``pending`` names the end of the stretch that is being taken over (``{"position": …, "last": {worker: seq}}``).
    It is written before the lake is, so that a run after a crash repeats exactly that stretch, however many
    calls came in since.
    """

    name = models.CharField(max_length=40, primary_key=True)
    position = models.TextField(default="")
    pending = models.JSONField(null=True)
    batch = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class GatewayCheckpoint(models.Model):
    """A signed checkpoint of the gateway's trail, kept away from the trail: a cut tail shows against it."""

    worker = models.PositiveIntegerField("进程")
    segment = models.PositiveIntegerField("段")
    seq = models.PositiveBigIntegerField("序号")
    head = models.CharField(max_length=64)
    time = models.CharField("时间", max_length=40)
    signer = models.CharField(max_length=40)
    signature = models.TextField()

    class Meta:
        verbose_name = "网关检查点"
        ordering: ClassVar = ["worker", "seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["worker", "seq", "head"], name="sharing_checkpoint_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.worker}/{self.seq}"
