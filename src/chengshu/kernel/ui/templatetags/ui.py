"""The ``ui`` template library: one tag per component, filters for numbers and times.

A component tag takes its dataclass (``{% stat tile %}``) or the dataclass's arguments
(``{% stat label="数据项" value=11315 unit="项" %}``).
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from django import template
from django.forms import BaseForm, BoundField
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chengshu.kernel.ui import assets, components, formatting, preferences
from chengshu.kernel.ui.components.forms import lay_out
from chengshu.kernel.ui.components.table import Cell

register = template.Library()
C = TypeVar("C")
NOTHING = "—"


# ---- page frame


@register.simple_tag(takes_context=True)
def page_attributes(context: template.Context, theme: str = "") -> SafeString:
    """Attributes of ``<html>``: theme, type size and folded navigation as the person chose them.

    ``theme`` fixes the theme of a page, whatever was chosen.
    """
    chosen = preferences.read(context.get("request"))
    return format_html(
        'data-bs-theme="{}" data-theme-choice="{}" data-type="{}" data-nav="{}"',
        theme or ("dark" if chosen.theme == "dark" else "light"),
        "fixed" if theme else chosen.theme,
        chosen.type,
        chosen.nav,
    )


@register.simple_tag
def vendor(name: str) -> str:
    """Address of a vendored file, e.g. ``{% vendor "htmx/htmx.min.js" %}``."""
    return static(assets.vendor_files()[name])


@register.simple_tag
def mark(size: int) -> SafeString:
    """Draw the mark of 城枢, decorative, in the colours of the theme."""
    return format_html_join(
        "",
        '<img class="{}" src="{}" width="{}" height="{}" alt="">',
        (
            ("cs-only-light", static("ui/img/mark.svg"), size, size),
            ("cs-only-dark", static("ui/img/mark-dark.svg"), size, size),
        ),
    )


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """Draw an icon of the sprite; decorative unless it gets a ``label``."""
    known = name if name in assets.icon_names() else assets.FALLBACK_ICON
    spoken = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else SafeString('aria-hidden="true"')
    )
    return format_html(
        '<svg class="cs-icon {}" {}><use href="{}#{}"></use></svg>',
        css,
        spoken,
        vendor(assets.SPRITE),
        known,
    )


@register.simple_block_tag
def panel(
    content: str, title: str = "", note: str = "", flush: bool = False, fit: bool = False
) -> str:
    """Frame content: ``{% panel title="…" %}…{% endpanel %}``.

    ``flush`` lets tables and lists touch the frame; ``fit`` keeps a cockpit panel from growing.
    """
    context = {"content": content, "title": title, "note": note, "flush": flush, "fit": fit}
    return render_to_string("ui/components/panel.html", context)


@register.simple_block_tag
def note(content: str, tone: str = "blue", icon_name: str = "info-circle") -> str:
    """Draw a remark beside the matter: ``{% note tone="amber" %}…{% endnote %}``."""
    context = {"content": content, "tone": tone, "icon_name": icon_name}
    return render_to_string("ui/components/note.html", context)


# ---- components


def _component(name: str, kind: Callable[..., C]) -> None:
    """Register a tag ``name`` that draws one dataclass with its own template."""

    def draw(context: template.Context, item: C | None = None, **arguments: Any) -> dict[str, Any]:
        # Inclusion tags start from an empty context; posts need the CSRF token.
        return {
            "item": kind(**arguments) if item is None else item,
            "csrf_token": context.get("csrf_token"),
        }

    draw.__doc__ = f"Draw a {name}."
    register.inclusion_tag(f"ui/components/{name}.html", takes_context=True, name=name)(draw)


_component("stat", components.Stat)
_component("empty_state", components.EmptyState)
_component("action", components.Action)
_component("progress", components.Progress)
_component("balance", components.Balance)
_component("chart", components.Chart)
_component("diff", components.DiffTable)


def _sequence(name: str) -> None:
    """Register a tag ``name`` that draws a sequence of dataclasses."""

    def draw(items: Sequence[Any], **options: Any) -> dict[str, Any]:
        return {"items": items, **options}

    draw.__doc__ = f"Draw {name}."
    register.inclusion_tag(f"ui/components/{name}.html", name=name)(draw)


for _name in ("stats", "facts", "tabs", "steps", "timeline", "crumbs"):
    _sequence(_name)


@register.simple_tag
def status(state: Any, label: str = "") -> str:
    """Draw the tag of a state: ``{% status entry.state entry.get_state_display %}``."""
    return _tag(components.status_tag(str(state), label))


@register.simple_tag
def tag(text: str, tone: components.Tone = "grey", icon_name: str = "circle-dot") -> str:
    """Draw a tag of one's own word."""
    return _tag(components.StatusTag(text, tone, icon_name))


@register.simple_tag
def status_tag(item: components.StatusTag) -> str:
    """Draw a ready-made tag."""
    return _tag(item)


def _tag(item: components.StatusTag) -> str:
    return format_html(
        '<span class="cs-tag cs-tag--{}">{}{}</span>', item.tone, icon(item.icon), item.text
    )


@register.inclusion_tag("ui/components/code.html")
def code(text: str, language: str = "", key: str = "") -> dict[str, Any]:
    """Draw code with a copy button."""
    return {"text": text, "language": language, "key": key}


@register.inclusion_tag("ui/table/table.html", takes_context=True)
def table(context: template.Context, item: components.Table) -> dict[str, Any]:
    """Draw a table with what it has: filter bar, bulk actions, pager."""
    # inclusion tags start from an empty context; the CSRF token is for bulk actions.
    return {"table": item, "csrf_token": context.get("csrf_token")}


@register.simple_tag
def table_cell(cell: Cell) -> str:
    """Draw a table cell's inside. In Python, because a page has hundreds of them."""
    write = _CELL_TEXT.get(cell.column.kind, display)
    text = write(cell.value) if cell.tag is None else _tag(cell.tag)
    return format_html('<a href="{}">{}</a>', cell.url, text) if cell.url else text


# ---- forms


@register.inclusion_tag("ui/form/form.html", takes_context=True)
def form(context: template.Context, item: BaseForm, **options: Any) -> dict[str, Any]:
    """Draw a whole form.

    Options: ``submit`` (a verb), ``cancel_url``, ``action``, ``plain`` (no frames), ``guard`` (warn before
    unsaved input is lost; default on), ``focus`` (go to the errors; default on), ``key`` (element id).
    """
    return {
        "form": item,
        "sections": lay_out(item),
        "guard": options.pop("guard", True),
        "focus": options.pop("focus", True),
        "submit": options.pop("submit", "保存"),
        "csrf_token": context.get("csrf_token"),
        **options,
    }


@register.inclusion_tag("ui/form/field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Draw one field: label, help, widget, error."""
    kind = getattr(bound.field.widget, "input_type", "")
    many = kind in {"radio", "checkbox"} and hasattr(bound.field.widget, "subwidgets")
    grouped = many and bool(getattr(bound.field.widget, "choices", None))
    described = []
    if bound.help_text:
        described.append(f"{bound.auto_id}_help")
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    attributes: dict[str, Any] = {"class": "cs-check" if kind == "checkbox" else "cs-input"}
    if described:
        attributes["aria-describedby"] = " ".join(described)
    return {
        "field": bound,
        "kind": "choices" if grouped else kind,
        "widget": "" if grouped else bound.as_widget(attrs=attributes),
        "input_type": kind,
        "described": " ".join(described),
    }


# ---- filters


def _missing(value: Any) -> bool:
    return value is None or value == ""


@register.filter
def thousands(value: Any, places: int | None = None) -> str:
    """``1738598`` → ``1,738,598``."""
    return NOTHING if _missing(value) else formatting.number(value, places)


@register.filter
def compact(value: Any) -> str:
    """``6322920`` → ``632.29 万``, with the exact figure on hover."""
    if _missing(value):
        return NOTHING
    figure, unit = formatting.compact(value)
    exact = formatting.number(value)
    return format_html('<span class="cs-num" title="{}">{} {}</span>', exact, figure, unit)


@register.filter
def size(value: Any) -> str:
    """Bytes with a unit."""
    return NOTHING if _missing(value) else formatting.file_size(int(value))


@register.filter
def moment(value: datetime | None) -> str:
    """``2026-11-23 14:05``."""
    if value is None:
        return NOTHING
    return _time(value, formatting.date_time(value))


@register.filter
def day(value: date | None) -> str:
    """``2026-11-23``."""
    return NOTHING if value is None else _time(value, formatting.iso_date(value))


@register.filter
def ago(value: datetime | None) -> str:
    """Relative time with the exact one on hover."""
    return NOTHING if value is None else _time(value, formatting.ago(value))


@register.filter
def duration(value: float | None) -> str:
    """Seconds as ``3 分 20 秒``."""
    return NOTHING if value is None else formatting.duration(value)


@register.filter
def share(part: Any, whole: Any) -> str:
    """A part of a whole as a percentage."""
    return formatting.percent(part, whole)


@register.filter
def display(value: Any) -> str:
    """Any plain value for reading: lists joined, booleans in words, nothing as ``—``."""
    if _missing(value):
        return NOTHING
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, (list, tuple)):
        return format_html_join("、", "{}", ((entry,) for entry in value))
    return str(value)


_CELL_TEXT: dict[str, Callable[[Any], str]] = {
    "number": thousands,
    "score": lambda value: thousands(value, 2),
    "size": size,
    "date": day,
    "datetime": moment,
    "ago": ago,
}


def _time(value: date, text: str) -> str:
    exact = (
        formatting.date_time(value) if isinstance(value, datetime) else formatting.iso_date(value)
    )
    return format_html(
        '<time class="cs-num" datetime="{}" title="{}">{}</time>', value.isoformat(), exact, text
    )
