"""Builds the city's references (ops zone of the lake) from all collected tables that name people or organisations."""

from collections.abc import Sequence

import pyarrow as pa

from chengshu.data.catalog.facade import PublishedResource
from chengshu.data.quality import sources
from chengshu.data.quality.engine import spelling
from chengshu.data.quality.engine.references import SUBJECTS, build, named_pairs, region_table
from chengshu.kernel.identity.models import Region
from chengshu_lake import Lake

REGION_DIGITS = 12


def build_references(resources: Sequence[PublishedResource] | None = None) -> dict[str, int]:
    """Build all references anew; returns their rows by lake table. Each is replaced in one commit.

    ``resources`` are all collected ones, where the caller has read them already.
    """
    lake = sources.lake()
    if resources is None:
        resources = sources.collected_resources()
    shapes = [sources.shape_of(resource) for resource in resources]
    stored = set(lake.tables("std"))
    pairs = [
        pair for shape in shapes if shape.lake_table in stored
        for pair in named_pairs(shape.only(frozenset(lake.schema(shape.lake_table).names)))
    ]  # fmt: skip
    places = {table: f"s{n}" for n, table in enumerate(sorted({pair.table for pair in pairs}))}
    built: dict[str, int] = {}
    with lake.session({name: table for table, name in places.items()}) as session:
        for subject in SUBJECTS.values():
            own = [(places[pair.table], pair) for pair in pairs if pair.subject == subject.key]
            built[subject.table] = _store(lake, subject.table, build(session, subject, own))
    built |= _build_spelling(lake)
    regions = Region.objects.values_list("code", "name")
    rows = [(code, name) for code, name in regions if len(code) == REGION_DIGITS]
    table = pa.table(
        {
            "code": pa.array([code for code, _ in rows], pa.string()),
            "name": pa.array([name for _, name in rows], pa.string()),
        }
    )
    return built | {region_table(): _store(lake, region_table(), table)}


def _build_spelling(lake: Lake) -> dict[str, int]:
    """The directories of names, out of the references just stored; how characters sound is stored once."""
    built = {}
    if not lake.exists(spelling.SOUNDS):
        built[spelling.SOUNDS] = _store(lake, spelling.SOUNDS, spelling.sounds())
    places = {
        SUBJECTS["organization"].table: "organizations", SUBJECTS["person"].table: "persons",
        spelling.SOUNDS: "sounds",
    }  # fmt: skip
    with lake.session({name: table for table, name in places.items()}) as session:
        for table, content in (
            (spelling.ORGANIZATIONS, spelling.organizations(session, "organizations")),
            (spelling.RESIDENTS, spelling.residents(session, "persons", "sounds")),
        ):
            built[table] = _store(lake, table, content)
    return built


def _store(lake: Lake, name: str, table: pa.Table) -> int:
    if not lake.exists(name):
        lake.create(name, table.schema, description="质量评价用的参照")
    lake.evolve(name, table.schema)
    lake.overwrite(name, table, source="质量参照")
    lake.vacuum(name, keep_hours=24)
    return len(table)
