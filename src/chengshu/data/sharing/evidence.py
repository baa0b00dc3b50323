"""The gateway's trail of calls as the kernel anchors and exports it."""

from collections.abc import Iterable

from chengshu.data.sharing.models import Application
from chengshu.data.sharing.publishing import gateway_dir
from chengshu_evidence.export import Period, Source, gateway_heads, gateway_sources


def heads() -> dict[str, tuple[int, str]]:
    """Where each worker's chain ends now; empty before the gateway ever ran."""
    folder = gateway_dir() / "audit"
    return gateway_heads(folder) if folder.is_dir() else {}


def applications() -> list[tuple[str, str]]:
    """Code and name of the applications that call."""
    return list(Application.objects.order_by("code").values_list("code", "name"))


def sources(period: Period) -> Iterable[Source]:
    """The segments of a period."""
    folder = gateway_dir() / "audit"
    return gateway_sources(folder, period) if folder.is_dir() else ()
