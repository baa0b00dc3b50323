"""The city's evaluation policy: defaults of the engine, changed by the data bureau."""

from typing import Any

from chengshu.data.quality.engine.scoring import Policy
from chengshu.data.quality.models import QualityPolicy

PARTS = ("weights", "loss", "penalty", "thresholds")


def policy() -> Policy:
    """The policy in force (one query)."""
    row = QualityPolicy.objects.filter(pk=1).first()
    return policy_of(row.content) if row else Policy()


def policy_of(content: dict[str, Any]) -> Policy:
    """A policy from stored content; what is missing keeps the default."""
    default = Policy()
    parts = {name: {**getattr(default, name), **content.get(name, {})} for name in PARTS}
    return Policy(**parts, floor=float(content.get("floor", default.floor)))
