"""How forms are laid out: one column, in sections."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.forms import BaseForm, BoundField


@dataclass(frozen=True, slots=True)
class FormSection:
    """A group of fields. A form lists its own in ``sections``; fields left out follow at the end."""

    title: str
    fields: Sequence[str]
    help: str = ""


@dataclass(frozen=True, slots=True)
class LaidOutSection:
    """A section with its bound fields, ready to draw."""

    title: str
    help: str
    fields: list[BoundField]


def lay_out(form: BaseForm) -> list[LaidOutSection]:
    """Split a form's visible fields into its sections; nothing is ever left out."""
    wanted: Sequence[FormSection] = getattr(form, "sections", ())
    listed = {name for section in wanted for name in section.fields}
    laid_out = [
        LaidOutSection(section.title, section.help, [form[name] for name in section.fields])
        for section in wanted
    ]
    rest = [bound for bound in form.visible_fields() if bound.name not in listed]
    if rest:
        laid_out.append(LaidOutSection("其他" if laid_out else "", "", rest))
    return laid_out
