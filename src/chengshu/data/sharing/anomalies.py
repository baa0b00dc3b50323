"""What the gateway refused so often that it looks like an attack or a broken client, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import Sum

from chengshu.data.sharing.models import DayStatistic
from chengshu.data.sharing.statistics import UNKNOWN
from chengshu_gateway import problems

# Below this a careless client is more likely than an attacker.
_MANY_MISSES = 100
_MISS = problems.NO_RECORD.code


@dataclass(frozen=True, slots=True)
class Rule:
    """An outcome that is worth a look from ``least`` calls a day on; ``kind`` names what it is a sign of."""

    kind: str
    least: int


SLOWED, GUESSED, LOCKED, REPLAYED = "scanning", "guess", "locked", "replayed"
NETWORK, UNPROVEN, TOKEN, MISSING = "network", "unproven", "token", "missing"
_UNPROVEN = Rule(UNPROVEN, 20)
RULES: dict[str, Rule] = {
    problems.SCANNING.code: Rule(SLOWED, 1),
    problems.GUESS_LIMIT.code: Rule(GUESSED, 1),
    problems.LOCKED.code: Rule(LOCKED, 1),
    problems.REPLAYED.code: Rule(REPLAYED, 5),
    problems.NETWORK_REFUSED.code: Rule(NETWORK, 5),
    problems.BAD_SIGNATURE.code: _UNPROVEN,
    problems.BAD_CLIENT.code: _UNPROVEN,
    problems.BAD_TOKEN.code: _UNPROVEN,
    problems.BAD_CERTIFICATE.code: Rule(TOKEN, 5),
    problems.BAD_PROOF.code: Rule(TOKEN, 5),
}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One finding of a day: who (as claimed), on what, which outcome how often, and of how many calls."""

    application: str
    interface: str
    kind: str
    outcome: str
    calls: int
    of: int


def of_day(day: date) -> list[Anomaly]:
    """Findings among the calls of one day of the city's time, the most frequent first (one query)."""
    sums = (
        DayStatistic.objects.filter(day=day)
        .order_by()
        .values("application", "interface", "outcome")
        .annotate(total=Sum("calls"))
    )
    pairs: dict[tuple[str, str], dict[str, int]] = {}
    for row in sums:
        who, what = (
            "" if row[name] == UNKNOWN else row[name] for name in ("application", "interface")
        )
        own = pairs.setdefault((who, what), {})
        own[row["outcome"]] = int(row["total"])
    found = [a for (who, what), own in pairs.items() for a in _of_pair(who, what, own)]
    return sorted(found, key=lambda item: -item.calls)


def _of_pair(application: str, interface: str, own: dict[str, int]) -> Iterator[Anomaly]:
    total = sum(own.values())
    for outcome, calls in own.items():
        rule = RULES.get(outcome)
        if rule is not None and calls >= rule.least:
            yield Anomaly(application, interface, rule.kind, outcome, calls, total)
    misses = own.get(_MISS, 0)
    # Whoever was slowed for it is told of already.
    slowed = problems.SCANNING.code in own
    if misses >= _MANY_MISSES and misses > own.get("ok", 0) and not slowed:
        yield Anomaly(application, interface, MISSING, _MISS, misses, total)
