"""Where other packages add to the page of an entry: own tabs, and panels on the built-in ones.

Register from the package's ``apps.py`` (``ready``), through :mod:`chengshu.data.catalog.facade`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chengshu.data.catalog.models import Resource, Warehouse
from chengshu.kernel.access.actor import Actor

# Draws the panel's inside, as safe HTML; "" leaves the panel out.
PanelContent = Callable[[Actor, Resource], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTab:
    """A tab: ``url_name`` takes the entry's id; its page extends ``catalog/resource/base.html``."""

    key: str
    title: str
    url_name: str
    permission: str
    order: int = 100
    icon: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePanel:
    """A panel on the tab ``tab`` of an entry."""

    key: str
    title: str
    content: PanelContent
    permission: str
    tab: str = "usage"
    order: int = 100


# The same for the page of a 数据仓.
WarehouseContent = Callable[[Actor, Warehouse], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehousePanel:
    """A panel on the page of a 数据仓."""

    key: str
    title: str
    content: WarehouseContent
    permission: str
    order: int = 100


TABS: dict[str, ResourceTab] = {}
PANELS: dict[str, ResourcePanel] = {}
WAREHOUSE_PANELS: dict[str, WarehousePanel] = {}


def register_tab(
    *, key: str, title: str, url_name: str, permission: str, order: int = 100, icon: str = ""
) -> None:
    """Add a tab to the page of every published entry; the same key replaces the earlier one."""
    TABS[key] = ResourceTab(
        key=key, title=title, url_name=url_name, permission=permission, order=order, icon=icon
    )


def register_panel(
    *,
    key: str,
    title: str,
    content: PanelContent,
    permission: str,
    tab: str = "usage",
    order: int = 100,
) -> None:
    """Add a panel to a built-in tab: ``items``, ``basics``, ``versions`` or ``usage`` (接口与开放)."""
    PANELS[key] = ResourcePanel(
        key=key, title=title, content=content, permission=permission, tab=tab, order=order
    )


def register_warehouse_panel(
    *, key: str, title: str, content: WarehouseContent, permission: str, order: int = 100
) -> None:
    """Add a panel to the page of every 数据仓, such as the sources that fill it."""
    WAREHOUSE_PANELS[key] = WarehousePanel(
        key=key, title=title, content=content, permission=permission, order=order
    )
