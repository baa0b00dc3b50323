"""What other data packages use of quality: grades, and where to tell how well a resource can be reached."""

from collections.abc import Collection

from chengshu.data.quality.choices import Dimension, Grade
from chengshu.data.quality.models import Evaluation
from chengshu.data.quality.presentation import grade_tag
from chengshu.data.quality.services.evaluation import evaluate
from chengshu.data.quality.sources import register_access_measure


def grades(resource_ids: Collection[int]) -> dict[int, Evaluation]:
    """The latest evaluation of each resource that has one (one query)."""
    found = Evaluation.objects.filter(latest=True, resource__in=resource_ids)
    return {item.resource_id: item for item in found}


__all__ = [
    "Dimension",
    "Evaluation",
    "Grade",
    "evaluate",
    "grade_tag",
    "grades",
    "register_access_measure",
]
