"""What looks like an attack or a broken client in the calls of the last day, for people to look into."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet, Sum
from django.utils import timezone

from chengshu.data.sharing.models import Application, CallStatistic, ShareInterface
from chengshu_gateway import problems

HOURS = 24
# Below these a careless client is more likely than an attacker.
_MANY_MISSES = 100
_MISS = problems.NO_RECORD.code


@dataclass(frozen=True, slots=True)
class Rule:
    """An outcome that is worth a look from ``least`` calls a day on, and what to do about it."""

    title: str
    least: int
    advice: str


_UNPROVEN = Rule(
    "多次证明不了身份",
    20,
    "应用编号只是对方自称。请使用单位核对密钥；不是他们的，查明细里的来源地址。",
)
RULES: dict[str, Rule] = {
    problems.SCANNING.code: Rule(
        "逐个试主键，已被暂缓", 1, "请使用单位说明主键从哪里来；说不清的，暂停授权。"
    ),
    problems.GUESS_LIMIT.code: Rule(
        "对同一条记录反复核验不符", 1, "请使用单位核对材料来源；像是试值的，暂停授权。"
    ),
    problems.LOCKED.code: Rule(
        "连续猜测密钥，来源已被锁定",
        1,
        "查明细里的来源地址；是自己的服务器，换密钥时先在一台上试通。",
    ),
    problems.REPLAYED.code: Rule(
        "重复发送同一个请求", 5, "多为重试没有换随机数；不是的，请求可能被截获，请更换密钥。"
    ),
    problems.NETWORK_REFUSED.code: Rule(
        "从未登记的网络调用", 5, "密钥可能落到别处，请使用单位核对来源地址，必要时更换密钥。"
    ),
    problems.BAD_SIGNATURE.code: _UNPROVEN,
    problems.BAD_CLIENT.code: _UNPROVEN,
    problems.BAD_TOKEN.code: _UNPROVEN,
    problems.BAD_CERTIFICATE.code: Rule(
        "客户端证书不对",
        5,
        "令牌可能被他人拿走试用，或有人冒充代理。请使用单位核对，必要时吊销登记的证书。",
    ),
    problems.BAD_PROOF.code: Rule(
        "令牌的证明不对", 5, "令牌可能被他人拿走试用，请使用单位核对，必要时吊销换它的密钥。"
    ),
}
_MISSING = Rule("查无记录的超过一半", _MANY_MISSES, "请使用单位核对主键来源；可能在慢慢试主键。")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One finding: who, on what, what happened, how often within the last day, what to do."""

    application: str
    interface: str
    title: str
    outcome: str
    calls: int
    advice: str


def recent(rows: QuerySet[CallStatistic]) -> list[Anomaly]:
    """Findings among calls of the last ``HOURS`` hours the caller may see, the most frequent first."""
    since = timezone.now() - timedelta(hours=HOURS)
    sums = (
        rows.filter(hour__gte=since)
        .order_by()
        .values("application", "interface", "outcome")
        .annotate(total=Sum("calls"))
    )
    counted = {(r["application"], r["interface"], r["outcome"]): int(r["total"]) for r in sums}
    found = []
    for (application, interface, outcome), calls in counted.items():
        rule = RULES.get(outcome)
        if outcome == _MISS and calls > counted.get((application, interface, "ok"), 0):
            rule = _MISSING
        if rule is not None and calls >= rule.least:
            found.append(Anomaly(application, interface, rule.title, outcome, calls, rule.advice))
    return _named(sorted(found, key=lambda item: -item.calls))


def _named(found: list[Anomaly]) -> list[Anomaly]:
    if not found:
        return found
    names = dict(Application.objects.values_list("code", "name"))
    titles = dict(ShareInterface.objects.values_list("code", "title"))
    return [
        Anomaly(
            names.get(a.application, a.application or "不明"),
            titles.get(a.interface, a.interface or "—"), a.title, a.outcome, a.calls, a.advice,
        )
        for a in found
    ]  # fmt: skip
