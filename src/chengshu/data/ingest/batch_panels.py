"""Where packages above add to the page of a loaded batch, such as the quality grade after the load.

Register from the package's ``apps.py`` (``ready``), through :mod:`chengshu.data.ingest.facade`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.safestring import SafeString, mark_safe

from chengshu.data.ingest.choices import BatchState
from chengshu.data.ingest.models import Batch
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.access.rules import holds

# Draws the panel's inside, as safe HTML; "" leaves the panel out.
BatchContent = Callable[[Actor, Batch], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPanel:
    """A panel below the books of a loaded batch."""

    key: str
    title: str
    content: BatchContent
    permission: str
    order: int = 100


PANELS: dict[str, BatchPanel] = {}


def register_batch_panel(
    *, key: str, title: str, content: BatchContent, permission: str, order: int = 100
) -> None:
    """Add a panel to the page of every loaded batch; the same key replaces the earlier one."""
    PANELS[key] = BatchPanel(
        key=key, title=title, content=content, permission=permission, order=order
    )


def batch_panels(actor: Actor, batch: Batch) -> list[tuple[str, SafeString]]:
    """Title and drawn inside of every panel the actor may see; none before the batch is loaded."""
    if batch.state != BatchState.LOADED:
        return []
    # The contract of register_batch_panel: the package hands over rendered, safe HTML.
    return [
        (item.title, mark_safe(content))  # noqa: S308
        for item in sorted(PANELS.values(), key=lambda p: p.order)
        if holds(actor, item.permission) and (content := item.content(actor, batch))
    ]
