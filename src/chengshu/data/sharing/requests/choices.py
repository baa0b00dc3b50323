"""Closed lists of access requests."""

from django.db.models import TextChoices


class State(TextChoices):
    """Where a request stands; :mod:`~chengshu.data.sharing.requests.flow` says what leads from one to the next."""

    REVIEW = "review", "待合规审核"
    CORRECTION = "correction", "待补正"
    ANSWER = "answer", "待提供单位答复"
    DELIVERY = "delivery", "已同意，待开通"
    NEGOTIATION = "negotiation", "协商中"
    DISPUTE = "dispute", "争议待裁决"
    GRANTED = "granted", "已开通"
    REFUSED = "refused", "不予共享"
    WITHDRAWN = "withdrawn", "已撤回"


class Refusal(TextChoices):
    """Who said no."""

    CONFORMITY = "conformity", "合规审核"
    PROVIDER = "provider", "提供单位"
    AUTHORITY = "authority", "数据主管部门裁决"


class Frequency(TextChoices):
    """How often the data are needed."""

    CASE = "case", "办一件查一次"
    DAILY = "daily", "每天"
    WEEKLY = "weekly", "每周"
    MONTHLY = "monthly", "每月"
    ONCE = "once", "只用一次"
