"""Outbox events, their deliveries and web hooks (CloudEvents 1.0 attribute names)."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone


class Event(models.Model):
    """One fact that happened. ``idempotency_key`` lets a retried service emit it once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=120, db_index=True)
    source = models.CharField(max_length=120)
    subject = models.CharField(max_length=200, blank=True)
    time = models.DateTimeField(default=timezone.now)
    data = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=160, unique=True)
    fanned_out = models.BooleanField(default=False, db_index=True)

    class Meta:
        ordering: ClassVar = ["time"]
        verbose_name = "事件"

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"

    def cloud_event(self) -> dict[str, Any]:
        """The structured-mode JSON of CloudEvents 1.0."""
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "data": self.data,
        }


class WebHook(models.Model):
    """An outside receiver; each delivery is signed with HMAC-SHA256 over the body."""

    name = models.CharField(max_length=80)
    url = models.URLField()
    secret_sealed = models.TextField()
    types = models.JSONField(default=list, help_text="事件类型前缀列表")
    active = models.BooleanField(default=True)

    class Meta:
        verbose_name = "外部回调"

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    PENDING = "pending", "待投递"
    DELIVERED = "delivered", "已投递"
    DEAD = "dead", "多次失败"


class Delivery(models.Model):
    """One event for one subscriber, with its own retries: a failing subscriber cannot stop another."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    subscriber = models.CharField(max_length=160)
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "事件投递"
        indexes: ClassVar = [models.Index(fields=["state", "next_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "subscriber"], name="events_delivery_once")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} {self.state}"
