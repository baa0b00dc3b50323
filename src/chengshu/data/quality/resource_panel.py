"""The grade on an entry's first page, with the two most rewarding fixes."""

from django.template.loader import render_to_string

from chengshu.data.catalog.facade import Resource
from chengshu.data.quality import selectors
from chengshu.data.quality.presentation import fix_lines, grade_tag
from chengshu.kernel.access.actor import Actor

FIXES = 2


def content(actor: Actor, resource: Resource) -> str:
    """The panel; empty before the first evaluation."""
    evaluation = selectors.latest(actor, resource.pk)
    if evaluation is None:
        return ""
    context = {
        "evaluation": evaluation, "grade": grade_tag(evaluation.grade),
        "fixes": fix_lines(evaluation)[:FIXES],
    }  # fmt: skip
    return render_to_string("quality/panel.html", context)
