"""A few plans of the demo city that really ran."""

from typing import Any


def load(context: Any) -> None:
    """Filled in below."""
    del context
