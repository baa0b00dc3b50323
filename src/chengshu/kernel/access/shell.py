"""Template context of every page: navigation as the manifests declare it, narrowed to what the actor may use."""

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from chengshu.kernel.access.actor import ANONYMOUS, Actor
from chengshu.kernel.access.rules import holds
from chengshu.kernel.registry import registry
from chengshu.kernel.registry.manifest import LAYERS, Menu, Portal

ICONS = {
    "home": "home", "data": "database", "support": "puzzle", "apps": "apps",
    "infra": "server", "assurance": "shield", "system": "settings",
}  # fmt: skip


ROOMY = 12
"""A layer of so many entries is shown unfolded as a whole."""


@dataclass(slots=True)
class MenuItem:
    """One entry as the navigation draws it."""

    title: str
    url: str
    icon: str
    active: bool = False
    badge: int = 0
    section: str = ""
    also: tuple[str, ...] = ()

    def reach(self, path: str) -> int:
        """How much of a page's address is this entry's own, or of a page that belongs to it; 0 for none of it."""
        return max((len(url) for url in (self.url, *self.also) if path.startswith(url)), default=0)


@dataclass(slots=True)
class MenuSection:
    """Entries of a long layer that belong together; without a title they stand by themselves."""

    title: str
    items: list[MenuItem] = field(default_factory=list)
    roomy: bool = False

    @property
    def active(self) -> bool:
        return any(item.active for item in self.items)

    @property
    def open(self) -> bool:
        """Whether it begins unfolded: where one is, and where there is room for all."""
        return self.roomy or self.active

    @property
    def badge(self) -> int:
        """What waits in it, told while it is folded."""
        return sum(item.badge for item in self.items)


@dataclass(slots=True)
class MenuGroup:
    """One layer of 图1 in the navigation."""

    key: str
    title: str
    icon: str
    items: list[MenuItem] = field(default_factory=list)

    @property
    def active(self) -> bool:
        return any(item.active for item in self.items)

    @property
    def sections(self) -> list[MenuSection]:
        """The items by section, those without one first; sections in the order of their first items."""
        found = {"": MenuSection("")}
        for item in self.items:
            found.setdefault(item.section, MenuSection(item.section)).items.append(item)
        roomy = len(self.items) <= ROOMY
        for section in found.values():
            section.roomy = roomy
        return [section for section in found.values() if section.items]


@dataclass(slots=True)
class Shell:
    """What the portal shells need; see ``kernel/ui/templates/ui``."""

    portal: Portal
    actor: Actor
    menus: list[MenuGroup]
    search_url: str
    notices_url: str = ""

    @property
    def unread(self) -> int:
        """The actor's unread notices, from the menu that leads to them; the bell shows it."""
        items = (item for group in self.menus for item in group.items)
        return next((i.badge for i in items if i.url and i.url == self.notices_url), 0)


def portal_of(path: str) -> Portal:
    """The portal a path belongs to; unknown paths are the citizen's."""
    for prefix, portal in (
        ("/console/", "console"), ("/staff/", "staff"), ("/cockpit/", "cockpit"), ("/open/", "opendata"),
    ):  # fmt: skip
        if path.startswith(prefix):
            return portal  # type: ignore[return-value]
    return "citizen"


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``shell`` for the portal the request is in."""
    actor: Actor = getattr(request, "actor", ANONYMOUS)
    portal = portal_of(request.path)
    desk = portal == "console" and actor.is_signed_in
    return {
        "shell": Shell(
            portal=portal,
            actor=actor,
            menus=groups(portal, actor, request.path),
            search_url=_address("console:search") if desk else "",
            notices_url=_address("notices:inbox") if desk else "",
        )
    }


def _address(url_name: str) -> str:
    """The address of a page; empty when there is none, because error pages must never fail on navigation.

    The manifest check at start-up is what refuses a menu without a page.
    """
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def groups(portal: Portal, actor: Actor, path: str) -> list[MenuGroup]:
    """Navigation of ``portal`` for ``actor``; the entry with the longest matching URL is active."""
    found = {key: MenuGroup(key, title, ICONS[key]) for key, title in LAYERS.items()}
    best: MenuItem | None = None
    reached = 0
    for menu in registry.menus(portal):
        if menu.permission and not holds(actor, menu.permission):
            continue
        item = _item(menu, actor)
        if not item.url:
            continue
        if (reach := item.reach(path)) > reached:
            best, reached = item, reach
        found[menu.layer].items.append(item)
    if best:
        best.active = True
    return [group for group in found.values() if group.items]


def _item(menu: Menu, actor: Actor) -> MenuItem:
    badge = import_string(menu.badge)(actor) if menu.badge else 0
    return MenuItem(
        menu.title, _address(menu.url_name), menu.icon, badge=badge, section=menu.section,
        also=tuple(_address(name) for name in menu.also),
    )  # fmt: skip
