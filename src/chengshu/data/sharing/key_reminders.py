"""The daily round over keys and certificates near their end: told a month before, and once in the last week.

Of each kind alike: to the gateway a key whose term is over is no key, whoever holds its secret.
"""

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing.choices import ApplicationState, KeyScheme, KeyState
from chengshu.data.sharing.models import ApplicationKey
from chengshu.kernel.calendar.working_days import local_date
from chengshu.kernel.notices.services import notify

SOON = timedelta(days=30)
_LAST_WEEK = 7
_ADVICE = {
    KeyScheme.HMAC: "请先签发新密钥，换到系统里用上，再吊销旧的。",
    KeyScheme.TLS_SELF: "请先登记新证书，换到系统里用上，再吊销旧的。",
}
_ELSE = "请先登记新公钥，换到系统里用上，再吊销旧的。"


def run(now: datetime | None = None) -> int:
    """One round, safe to repeat; returns how many people were told."""
    moment = now or timezone.now()
    rows = ApplicationKey.objects.filter(
        state=KeyState.ACTIVE, expires_at__gt=moment, expires_at__lte=moment + SOON,
        application__state=ApplicationState.ACTIVE,
    ).select_related("application__owner")  # fmt: skip
    return sum(_tell(key, moment) for key in rows)


def _tell(key: ApplicationKey, moment: datetime) -> int:
    assert key.expires_at is not None
    last = local_date(key.expires_at)
    days = (last - local_date(moment)).days
    what = "证书" if key.scheme == KeyScheme.TLS_SELF else "密钥"
    return notify(
        organization=key.application.owner, permission="sharing.key.manage",
        title=f"{key.application}的{what} {key.key_id} 还有 {days} 天到期",
        body=f"{last} 之后用它的调用会被拒绝。{_ADVICE.get(KeyScheme(key.scheme), _ELSE)}",
        url=reverse("sharing:application", args=[key.application.code]),
        key=f"key-term:{key.pk}:{last}:{'week' if days <= _LAST_WEEK else 'soon'}",
    )  # fmt: skip
