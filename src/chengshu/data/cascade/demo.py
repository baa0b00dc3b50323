"""One upper platform with a batch that differs and a delivery with its receipt."""

from typing import Any


def load(context: Any) -> None:
    """Nothing yet."""
    context.say("  级联")
