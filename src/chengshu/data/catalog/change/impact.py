"""What breaks, and whom it hits: the effects of a change set against the fields each consumer uses."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chengshu.data.catalog.change.consumers import (
    DATASET,
    GRANT,
    INTERFACE,
    Consumer,
    consumers_of,
)
from chengshu.data.catalog.content import ItemContent, VersionContent, display, version_content
from chengshu.data.catalog.models import ResourceVersion

_SHARING = ("unconditional", "conditional", "none")
_OPENING = ("unconditional", "restricted", "forbidden")
EVERYTHING = ""
"""The field of an effect that hits whoever uses any field."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that may hurt: on a column, or on everything; ``kinds`` empty: every kind of consumer."""

    column: str
    text: str
    kinds: frozenset[str] = frozenset()

    def hits(self, consumer: Consumer) -> bool:
        """Whether a consumer feels it."""
        if self.kinds and consumer.kind not in self.kinds:
            return False
        return self.column == EVERYTHING or not consumer.fields or self.column in consumer.fields


@dataclass(frozen=True, slots=True)
class Hit:
    """A consumer and what it will feel."""

    consumer: Consumer
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """All effects of a change, who uses the entry, and which of them are hit."""

    effects: tuple[Effect, ...]
    consumers: tuple[Consumer, ...]
    hits: tuple[Hit, ...]

    @property
    def breaking(self) -> bool:
        """Whether somebody is hit."""
        return bool(self.hits)

    def as_list(self) -> list[dict[str, object]]:
        """JSON-ready list of who is hit, kept with the version."""
        return [
            {
                "kind": hit.consumer.kind_name, "name": hit.consumer.name,
                "owner": hit.consumer.owner_name, "url": hit.consumer.url,
                "effects": [effect.text for effect in hit.effects],
            }
            for hit in self.hits
        ]  # fmt: skip


NO_IMPACT = Impact((), (), ())


def impact_of(version: ResourceVersion) -> Impact:
    """What publishing an open version would do to those who use the published one; nothing for a first version."""
    published = version.resource.published
    if published is None or published.pk == version.pk:
        return NO_IMPACT
    effects = effects_between(version_content(published), version_content(version))
    return weigh(effects, consumers_of(version.resource_id))


def weigh(effects: Sequence[Effect], consumers: Iterable[Consumer]) -> Impact:
    """Set effects against consumers."""
    everyone = tuple(consumers)
    hits = [
        Hit(consumer, felt)
        for consumer in everyone
        if (felt := tuple(effect for effect in effects if effect.hits(consumer)))
    ]
    return Impact(tuple(effects), everyone, tuple(hits))


def effects_between(old: VersionContent, new: VersionContent) -> tuple[Effect, ...]:
    """Everything of a change that may hurt those who use the old version."""
    before = {item.name: item for item in old.items if item.name}
    after = {item.name: item for item in new.items if item.name}
    added = {i.title: i.name for name, i in after.items() if name not in before}
    found: list[Effect] = []
    for name, item in before.items():
        if name in after:
            found += (Effect(name, text) for text in _narrowed(item, after[name]))
        elif item.title in added:
            found.append(Effect(name, f"“{item.title}”的字段名由 {name} 改为 {added[item.title]}"))
        else:
            found.append(Effect(name, f"删除数据项“{item.title}”（{name}）"))
    return (*found, *_whole(old, new))


def _narrowed(was: ItemContent, now: ItemContent) -> Iterator[str]:
    name = f"“{now.title or was.title}”（{was.name}）"
    if was.type != now.type:
        yield f"{name}的类型由{display('type', was.type)}改为{display('type', now.type)}"
    for attribute, word in (("length", "长度"), ("precision", "总位数"), ("scale", "小数位")):
        old, new = getattr(was, attribute), getattr(now, attribute)
        if new is not None and (old is None or new < old):
            yield f"{name}的{word}由 {'不限' if old is None else old} 缩小为 {new}"
    if now.code_table != was.code_table and (was.code_table or now.code_table):
        yield f"{name}的代码表由 {was.code_table or '不限'} 改为 {now.code_table or '不限'}"
    if was.unit and was.unit != now.unit:
        yield f"{name}的计量单位由“{was.unit}”改为“{now.unit or '未注明'}”"
    if was.is_key and not now.is_key:
        yield f"{name}不再是主键"
    if now.sensitivity > was.sensitivity:
        yield f"{name}的敏感级别由 {was.sensitivity} 提高到 {now.sensitivity}"


def _whole(old: VersionContent, new: VersionContent) -> Iterator[Effect]:
    if old.kind != new.kind:
        yield Effect(
            EVERYTHING, f"资源类型由{display('kind', old.kind)}改为{display('kind', new.kind)}"
        )
    if _stricter(_SHARING, old.sharing_type, new.sharing_type):
        yield Effect(
            EVERYTHING, f"共享类型收紧为“{display('sharing_type', new.sharing_type)}”",
            frozenset({GRANT, INTERFACE}),
        )  # fmt: skip
    if _stricter(_OPENING, old.open_type, new.open_type):
        yield Effect(
            EVERYTHING, f"开放类型收紧为“{display('open_type', new.open_type)}”",
            frozenset({DATASET}),
        )  # fmt: skip


def _stricter(order: tuple[str, ...], old: str, new: str) -> bool:
    return old in order and new in order and order.index(new) > order.index(old)
