"""The demo really runs, through an exchange folder: one batch back that is short, one delivery with its receipt."""

from types import SimpleNamespace

import pytest

from chengshu.data.cascade import demo
from chengshu.data.cascade.choices import EntryState
from chengshu.data.cascade.models import Entry, Incoming, Outgoing
from chengshu.data.cascade.tests import cast
from chengshu.data.cascade.tests.cast import Scene
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.kernel.access.actor import platform

pytestmark = pytest.mark.service


def test_the_demo_is_loaded_once_and_its_books_balance(scene: Scene):
    for name, title in ((demo.RETURNED, "公交线路"), (demo.DELIVERED, "养老机构")):
        made = catalog_cast.published(
            scene.city, name=name, content=cast.content(title, cast.UPPER_ITEMS)
        )
        cast.put(made, cast.rows(60))
    said: list[str] = []
    for _again in range(2):
        demo.load(SimpleNamespace(scale="small", actor=platform(), say=said.append))
    batch, sent = Incoming.objects.get(), Outgoing.objects.get()
    assert (batch.state, batch.rows, batch.accepted, batch.refused) == ("partly", 40, 38, 2)
    assert [d["code"] for d in batch.differences] == ["missing_rows"]
    assert (sent.state, sent.rows, sent.accepted) == ("accepted", 60, 60)
    assert sent.plan.approved_by != sent.plan.planned_by
    assert Entry.objects.filter(state=EntryState.SENT).count() <= 1
    root = demo.allowed_roots()[0] / demo.FOLDER
    assert (root / "up" / "returns" / "bus_line" / "1" / "receipt.json").is_file()
    assert said[0] == said[1]
