"""The manifest: a frozen description of what one package brings to the city.

Engines read manifests through :mod:`chengshu.kernel.registry.registry`; nobody reaches into a package. Adding an
application is adding a folder with a ``manifest.py`` that defines ``MANIFEST``.
"""

from dataclasses import dataclass, field
from typing import Literal

Portal = Literal["console", "staff", "citizen", "cockpit", "opendata"]
Area = Literal["party", "reform", "society", "governance", "economy", "environment"]

# The layers of 图1, as the console's navigation shows them, in this order.
LAYERS: dict[str, str] = {
    "home": "工作台",
    "data": "数据资源",
    "support": "应用支撑",
    "apps": "智慧应用",
    "infra": "基础设施",
    "assurance": "保障体系",
    "system": "系统管理",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """One entry of a portal's navigation.

    ``url_name`` is a Django URL name; ``permission`` hides the entry from those who lack it ("" = everybody
    who may enter the portal). ``badge`` is a dotted path to ``(actor) -> int``. ``section`` gathers entries of a long
    layer under a word of their own ("": the manifest's). ``also`` names pages that belong to this entry though their
    addresses do not begin with its own: they mark it as the place where one is.
    """

    portal: Portal
    title: str
    url_name: str
    layer: str = "data"
    icon: str = "circle"
    permission: str = ""
    order: int = 100
    badge: str = ""
    section: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A verb on a noun, e.g. ``catalog.entry.publish``; ``sensitive`` ones need a reason and are always audited."""

    key: str
    name: str
    description: str = ""
    sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleTemplate:
    """A role and the permissions this package gives it; packages may add permissions to another's role.

    The declaration that owns the role gives ``name``; additions leave it empty.
    """

    key: str
    permissions: tuple[str, ...]
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A CloudEvents type the package emits, e.g. ``city.catalog.entry.published``."""

    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An act as ``audit.services.record(action=…)`` writes it, with the name people read in the trace.

    An act that is named like a permission (``catalog.entry.publish``) takes that permission's name and needs no
    ``Action``. ``fields`` names keys of ``before``/``after`` that are not fields of the object's model.
    """

    key: str
    name: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A number of the city, computed from records by ``compute`` (dotted path to ``() -> int | float``).

    ``url_name`` leads to the list behind the number. ``unit`` is shown after it.
    """

    key: str
    name: str
    unit: str
    compute: str
    group: str = ""
    url_name: str = ""
    url_query: str = ""
    order: int = 100
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A job that runs by itself: five-field cron in Asia/Shanghai, job kind as registered with ``@job``."""

    key: str
    name: str
    cron: str
    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTemplate:
    """A text the package sends to people (delivered by the interaction centre)."""

    key: str
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A table the package produces; it becomes a catalogue entry and is collected like any department's."""

    key: str
    name: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoLoader:
    """Fills the demo city: ``load`` is a dotted path to ``(context) -> None``; lower ``order`` runs first.

    Loaders of one order need nothing of each other: they run side by side, in processes of their own.
    """

    load: str
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessService:
    """What a service task of a process may call: ``call`` is a dotted path to ``(ServiceCall) -> dict | None``.

    It runs inside the transaction of the step; what it returns is written into the case's data.
    """

    key: str
    name: str
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything one package brings. Unused fields stay empty; engines ignore what they do not need.

    ``search`` is a dotted path to ``() -> Iterable[SearchSource]``: what the package offers to the search box.
    ``section`` is the word under which its menus stand within their layer, unless a menu says another.
    ``processes`` are BPMN files, as paths below the package (``flows/seal.bpmn``).
    """

    key: str
    name: str
    description: str
    owner: str = "330383-ZHCS"
    area: Area | None = None
    menus: tuple[Menu, ...] = ()
    section: str = ""
    permissions: tuple[Permission, ...] = ()
    roles: tuple[RoleTemplate, ...] = ()
    processes: tuple[str, ...] = ()
    process_services: tuple[ProcessService, ...] = ()
    forms: tuple[str, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    needs: tuple[str, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    map_layers: tuple[str, ...] = ()
    events: tuple[EventType, ...] = ()
    actions: tuple[Action, ...] = ()
    messages: tuple[MessageTemplate, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    search: str = ""
    demo: DemoLoader | None = None
    package: str = field(default="", compare=False)


MANIFEST = Manifest(key="registry", name="清单登记", description="发现并校验每个包带来的内容")
