"""What the seal process calls."""

from typing import Any

from chengshu.kernel.process.work import ServiceCall


def register(call: ServiceCall) -> dict[str, Any]:
    """Give the use of the seal its number."""
    return {"register_number": f"用印-{call.case.pk}"}
