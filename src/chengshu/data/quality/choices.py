"""Closed lists of the quality package."""

from django.db.models import TextChoices


class Dimension(TextChoices):
    """The six dimensions of GB/T 36344-2018."""

    CONFORMITY = "conformity", "规范性"
    COMPLETENESS = "completeness", "完整性"
    ACCURACY = "accuracy", "准确性"
    CONSISTENCY = "consistency", "一致性"
    TIMELINESS = "timeliness", "时效性"
    ACCESSIBILITY = "accessibility", "可访问性"


class Severity(TextChoices):
    """How much of a record's worth a failure takes; the shares are in the policy."""

    SEVERE = "severe", "严重"
    NORMAL = "normal", "一般"
    SLIGHT = "slight", "轻微"


class Grade(TextChoices):
    """Five grades; the thresholds are in the policy."""

    EXCELLENT = "excellent", "优"
    GOOD = "good", "良"
    FAIR = "fair", "中"
    WEAK = "weak", "较差"
    POOR = "poor", "差"


class RuleOrigin(TextChoices):
    """Where a rule comes from."""

    CATALOGUE = "catalogue", "目录"
    TEMPLATE = "template", "模板"
    FOUND = "found", "从数据发现"
    OFFICER = "officer", "自建"
    EXPERT = "expert", "SQL"
