"""What packages above offer to do with a registered source: buttons on its page.

Register from the package's ``apps.py`` (``ready``), through :mod:`chengshu.data.ingest.facade`.
"""

from dataclasses import dataclass

from django.urls import reverse

from chengshu.data.ingest.models import DataSource
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import holds
from chengshu.kernel.ui.components import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAction:
    """A button; ``url_name`` takes the source's id. The first of all by order is the next step."""

    key: str
    title: str
    url_name: str
    permission: str
    icon: str = ""
    order: int = 100


ACTIONS: dict[str, SourceAction] = {}


def register_source_action(
    *, key: str, title: str, url_name: str, permission: str, icon: str = "", order: int = 100
) -> None:
    """Add a button to the page of every source; the same key replaces the earlier one."""
    ACTIONS[key] = SourceAction(
        key=key, title=title, url_name=url_name, permission=permission, icon=icon, order=order
    )


def source_actions(actor: Actor, source: DataSource) -> list[Action]:
    """The buttons the actor may use, the next step first."""
    allowed = [
        item
        for item in sorted(ACTIONS.values(), key=lambda a: a.order)
        if holds(actor, item.permission)
    ]
    return [
        Action(
            title=item.title, url=reverse(item.url_name, args=[source.pk]), icon=item.icon,
            primary=item is allowed[0],
        )
        for item in allowed
    ]  # fmt: skip
