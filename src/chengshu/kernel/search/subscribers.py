"""Keeps the index fresh: things are read again when an event tells of them."""

from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe
from chengshu.kernel.search import index


@subscribe("city.", name="search.refresh", title="更新检索索引")
def refresh(event: Event) -> None:
    """Index anew what the event is about."""
    index.follow(event)
