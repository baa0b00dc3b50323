"""Looks at the last two weeks of the demo city's calls, as the hourly job would have, and judges the oldest case."""

from datetime import timedelta
from typing import Any

from chengshu.data.sharing.demo import loaded_on
from chengshu.data.sharing.hints import services
from chengshu.data.sharing.hints.models import CallHint, HintKind, HintState
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import RoleAssignment

DAYS = 14
REASON = "政务服务中心集中办理医保参保登记，已与使用单位核实"


def load(context: Any) -> None:
    """Find what is unusual, once: what people have judged since stays as it is."""
    if not CallHint.objects.exists():
        for back in range(DAYS, 0, -1):
            day = loaded_on() - timedelta(days=back)
            services.look(day)
            services.look_at_refusals(day)
        _judge_the_rush()
    context.say(f"  异常线索 {CallHint.objects.count()} 条")


def _judge_the_rush() -> None:
    rush = CallHint.objects.filter(kind=HintKind.VOLUME).order_by("pk").first()
    judge = RoleAssignment.objects.filter(role="data_admin").select_related("account").first()
    if rush is not None and judge is not None:
        actor = Actor(account=judge.account, name=judge.account.display_name)
        services.judge(actor=actor, hint=rush, state=HintState.DISMISSED, reason=REASON)
