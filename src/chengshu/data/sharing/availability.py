"""How well resources can be reached through their interfaces: what sharing tells the quality of data.

可访问性 (GB/T 36344-2018) asks whether data can be had when it is needed. An interface shows it in three ways: it
serves a snapshot, its last snapshot could be built, and its calls of the last days did not fail on our side. The
score of a resource is the mean over its interfaces, each the mean of what is known of it.
"""

from collections.abc import Collection, Mapping

from django.db.models import Sum

from chengshu.data.sharing.choices import InterfaceState
from chengshu.data.sharing.models import CallStatistic, ShareInterface
from chengshu.data.sharing.usage import ANSWERED, since
from chengshu_gateway.problems import KINDS

DAYS = 30
TITLE = f"共享接口可用（含近 {DAYS} 天调用）"
_SERVER_ERROR = 500
# Only what the platform failed in: a wrong signature or a used-up quota is the caller's.
FAILED = tuple(code for code, kind in KINDS.items() if kind.status >= _SERVER_ERROR)


def of_resources(resource_ids: Collection[int]) -> Mapping[int, float]:
    """Share of success (0–1) of each resource that has an interface in service (two queries).

    Interfaces taken down on purpose promise nothing and do not count; neither does one whose very first snapshot is
    still being built.
    """
    found: dict[int, list[float]] = {}
    interfaces = list(
        ShareInterface.objects.filter(resource__in=list(resource_ids))
        .exclude(state=InterfaceState.OFFLINE)
        .only("code", "resource_id", "state", "snapshot", "error")
    )
    calls = _answered([item.code for item in interfaces])
    for item in interfaces:
        signals = _signals(item, calls.get(item.code))
        if signals:
            found.setdefault(item.resource_id, []).append(sum(signals) / len(signals))
    return {key: sum(values) / len(values) for key, values in found.items()}


def _signals(item: ShareInterface, answered: float | None) -> list[float]:
    if not item.snapshot and not item.error:
        # A proxied interface has no snapshot: its department's answers are the only signal.
        return [] if answered is None else [answered]
    signals = [float(bool(item.snapshot)), float(not item.error)]
    return signals if answered is None else [*signals, answered]


def _answered(codes: Collection[str]) -> dict[str, float]:
    """Share of the calls that could be answered and were, per interface that was called in the last days."""
    rows = (
        CallStatistic.objects.filter(
            interface__in=codes, hour__gte=since(DAYS), outcome__in=(*ANSWERED, *FAILED)
        )
        .values_list("interface", "outcome")
        .order_by()
        .annotate(total=Sum("calls"))
    )
    good: dict[str, int] = {}
    every: dict[str, int] = {}
    for interface, outcome, total in rows:
        every[interface] = every.get(interface, 0) + total
        good[interface] = good.get(interface, 0) + (total if outcome in ANSWERED else 0)
    return {code: good[code] / total for code, total in every.items() if total}
