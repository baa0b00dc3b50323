"""Who uses an entry. Packages above the catalogue answer; the catalogue only asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chengshu.kernel.identity.models import Organization

GRANT, INTERFACE, DATASET, PLAN, MODEL = "grant", "interface", "dataset", "plan", "model"
KIND_NAMES = {
    GRANT: "共享授权", INTERFACE: "共享接口", DATASET: "开放数据集", PLAN: "归集计划", MODEL: "模型",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """One use of an entry.

    Attributes:
        kind: one of the constants of this module.
        name: what people call it.
        organization: whose people are told; None when nobody's (the public).
        url: page of the use.
        fields: columns it uses; empty: all of them.
        binding: whether the entry may not be retired while this use lasts, unless forced.
    """

    kind: str
    name: str
    organization: Organization | None
    url: str = ""
    fields: tuple[str, ...] = ()
    binding: bool = False

    @property
    def kind_name(self) -> str:
        """The word for the kind."""
        return KIND_NAMES.get(self.kind, self.kind)

    @property
    def owner_name(self) -> str:
        """The name of the organisation, for pages."""
        return self.organization.short if self.organization else "社会公众"


Provider = Callable[[int], Sequence[Consumer]]
PROVIDERS: dict[str, Provider] = {}


def register_consumers(key: str, provider: Provider) -> None:
    """Add a source of consumers: ``resource_id`` → what uses the entry. The same key replaces the earlier one."""
    PROVIDERS[key] = provider


def consumers_of(resource_id: int) -> list[Consumer]:
    """Everything that uses an entry, as the packages above tell, by kind and owner."""
    found = [c for provider in PROVIDERS.values() for c in provider(resource_id)]
    order = list(KIND_NAMES)
    return sorted(
        found,
        key=lambda c: (
            order.index(c.kind) if c.kind in order else len(order), c.owner_name, c.name
        ),
    )  # fmt: skip
