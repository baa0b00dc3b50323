"""Closed lists of the scan."""

from django.db import models

from chengshu.data.protection.facade import Kind


class FindingState(models.TextChoices):
    """What became of a finding."""

    OPEN = "open", "待确认"
    ACCEPTED = "accepted", "已采纳"
    DISMISSED = "dismissed", "误报"
    GONE = "gone", "已消失"


class Gap(models.TextChoices):
    """What the catalogue says too little about."""

    LEVEL = "level", "级别偏低"
    FORMAT = "format", "格式未登记"


KINDS = [(kind.value, kind.label) for kind in Kind]
