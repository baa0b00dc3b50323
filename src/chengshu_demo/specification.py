"""Reader of the specification files under ``data/catalogue``.

Format, one construct per line (blank lines and ``#`` comments are skipped)::

    == SS resident_pension 城乡居民基本养老保险参保信息 | 人口>社会保障>养老保险 | rs | 民生 | 152000 | p:16-59 | 月
    : summary, one sentence
    +block
    column 标题 generator [@L3] ...

A title that ends in ``*`` is required. ``key:`` generators, and the first ``p.id``,
``o.uscc`` or ``v.plate`` written with a trailing ``!``, are keys. ``== block name`` in
``blocks.txt`` defines a block of items that entries include with ``+name``.
"""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from chengshu_demo.model import Level
from chengshu_demo.places import package_text

LEVELS: tuple[Level, ...] = ("L1", "L2", "L3", "L4")


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """One line of an entry or block."""

    column: str
    title: str
    generator: str
    required: bool
    key: bool
    level: Level | None


@dataclass(slots=True)
class EntrySpec:
    """An entry as written; ``options`` are the words after the update cycle."""

    department: str
    slug: str
    title: str
    path: tuple[str, ...]
    system: str
    warehouse: str
    records: int
    subject: str
    cycle: str
    options: tuple[str, ...]
    summary: str = ""
    items: list[ItemSpec] = field(default_factory=list)


def parse_item(line: str) -> ItemSpec:
    """One item line; ValueError when it has fewer than three words."""
    words = line.split()
    if len(words) < 3:  # noqa: PLR2004 - column, title, generator
        raise ValueError(f"规格文件中的数据项写得不完整: {line}")
    column, title, generator = words[:3]
    level: Level | None = None
    for word in words[3:]:
        level = LEVELS[int(word.removeprefix("@L")) - 1]
    key = generator.startswith("key:") or generator.endswith("!")
    required = key or title.endswith("*")
    return ItemSpec(
        column, title.removesuffix("*"), generator.removesuffix("!"), required, key, level
    )


def _lines(text: str) -> list[str]:
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


@cache
def blocks() -> dict[str, tuple[ItemSpec, ...]]:
    """The shared item blocks by name."""
    found: dict[str, list[ItemSpec]] = {}
    current: list[ItemSpec] = []
    for line in _lines(package_text("catalogue", "blocks.txt")):
        if line.startswith("=="):
            current = found.setdefault(line.removeprefix("==").strip(), [])
        elif line.startswith("+"):
            current.extend(found[line.removeprefix("+")])
        else:
            current.append(parse_item(line))
    return {name: tuple(items) for name, items in found.items()}


def _header(line: str) -> EntrySpec:
    head, path, system, warehouse, records, subject, cycle = (
        part.strip() for part in line.removeprefix("==").split("|")
    )
    department, slug, title = head.split()
    cycle, *options = cycle.split()
    return EntrySpec(
        department=department,
        slug=slug,
        title=title,
        path=tuple(path.split(">")),
        system=system,
        warehouse=warehouse,
        records=int(records),
        subject=subject,
        cycle=cycle,
        options=tuple(options),
    )


@cache
def entry_specs() -> tuple[EntrySpec, ...]:
    """All entries, in file order (files by name)."""
    folder = files("chengshu_demo").joinpath("data", "catalogue")
    names = sorted(item.name for item in folder.iterdir() if item.name.startswith("entries_"))
    found: list[EntrySpec] = []
    for line in (line for name in names for line in _lines(package_text("catalogue", name))):
        if line.startswith("=="):
            found.append(_header(line))
        elif line.startswith(":"):
            found[-1].summary = line.removeprefix(":").strip()
        elif line.startswith("+"):
            found[-1].items.extend(blocks()[line.removeprefix("+")])
        else:
            found[-1].items.append(parse_item(line))
    return tuple(found)


@cache
def vocabularies() -> dict[str, tuple[str, ...]]:
    """Word and phrase lists by topic, for ``text:``, ``ref:`` and ``name:`` generators."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in _lines(package_text("vocabularies.txt")):
        if line.startswith("="):
            current = found.setdefault(line.removeprefix("=").strip(), [])
        else:
            current.append(line)
    return {topic: tuple(words) for topic, words in found.items()}
