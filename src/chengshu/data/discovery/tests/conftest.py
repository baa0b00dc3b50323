"""Fixtures of the discovery tests: an own data folder, the officer, a source that answers what the test says."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pytest_django import Settings

from chengshu.data.discovery import sourcing
from chengshu.data.ingest.facade import (
    DataSource,
    RowBatch,
    SourceColumn,
    SourceError,
    SourceObject,
    SourceStructure,
)
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    """An empty data folder with an empty lake."""
    settings.DATA_DIR = tmp_path
    settings.LAKE_ROOT = str(tmp_path / "lake")
    return tmp_path


@pytest.fixture
def officer(cast: Cast, actor_for: Callable[[Account], Actor]) -> Actor:
    """The data officer of department A."""
    return actor_for(cast.officer_a)


@pytest.fixture
def admin(cast: Cast, actor_for: Callable[[Account], Actor]) -> Actor:
    """The data administrator."""
    return actor_for(cast.admin)


class Answering:
    """A department's database as the test says it is now."""

    def __init__(self) -> None:
        self.columns: tuple[SourceColumn, ...] = ()
        self.rows: dict[str, list[str | None]] = {}
        self.failure: SourceError | None = None
        self.comment = ""

    def structure(self, source: DataSource, name: str) -> SourceStructure:
        del source
        if self.failure is not None:
            raise self.failure
        return SourceStructure(name, self.columns)

    def read(self, source: DataSource, name: str, mapping: dict[str, str]) -> Iterator[RowBatch]:
        del source, name
        yield RowBatch(pa.RecordBatch.from_pydict({c: self.rows[c] for c in mapping}))

    def objects(self, *, actor: Actor, source: DataSource) -> list[SourceObject]:
        del actor, source
        return [
            SourceObject(
                name="public.t_ry", kind="table", comment=self.comment, columns=self.columns
            )
        ]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Take the place of the network: what a source answers."""
    from chengshu.data.discovery.services import proposals
    from chengshu.data.discovery.views import requesting

    answering = Answering()
    monkeypatch.setattr(sourcing, "structure", answering.structure)
    monkeypatch.setattr(sourcing, "read", answering.read)
    monkeypatch.setattr(proposals, "objects", answering.objects)
    monkeypatch.setattr(requesting, "objects", answering.objects)
    return answering
