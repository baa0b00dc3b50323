"""Tells the people of the organisations that use an entry what happened to it; once per organisation."""

from collections.abc import Iterable

from django.urls import reverse

from chengshu.data.catalog.change.consumers import Consumer
from chengshu.data.catalog.change.impact import Impact
from chengshu.data.catalog.models import Resource
from chengshu.kernel.identity.models import Account, Organization
from chengshu.kernel.notices.services import notify

# Who looks after a department's data is told of what happens to data it uses.
ADDRESSEE = "catalog.resource.edit"


def tell_users(
    *, resource: Resource, consumers: Iterable[Consumer], title: str, body: str, key: str
) -> int:
    """Tell every organisation that uses an entry; returns how many people were told."""
    told = 0
    for organization, uses in _by_organization(consumers):
        lines = "\n".join(f"· {use.kind_name}：{use.name}" for use in uses)
        told += notify(
            organization=organization, permission=ADDRESSEE, title=title,
            body=f"{body}\n贵单位在用：\n{lines}",
            url=reverse("catalog:resource", args=[resource.pk]), key=f"{key}:{organization.pk}",
        )  # fmt: skip
    return told


def tell_hit(*, resource: Resource, impact: Impact, number: int, statement: str) -> int:
    """Tell those whom a published change hits, each with what it will feel."""
    told = 0
    effects = {hit.consumer: hit.effects for hit in impact.hits}
    for organization, uses in _by_organization(effects):
        lines = [
            f"· {use.kind_name}“{use.name}”：" + "；".join(e.text for e in effects[use])
            for use in uses
        ]
        told += notify(
            organization=organization, permission=ADDRESSEE,
            title=f"您在用的“{resource.title}”有影响使用的变更（v{number}）",
            body="\n".join([*lines, f"提供单位的处理：{statement or '未说明'}"]),
            url=reverse("catalog:version", args=[resource.pk, number]),
            key=f"catalog.hit:{resource.pk}:{number}:{organization.pk}",
        )  # fmt: skip
    return told


def tell_person(
    *, account: Account | None, resource: Resource, title: str, body: str, key: str
) -> None:
    """Tell one person; nothing when nobody is known."""
    if account is not None:
        url = reverse("catalog:resource", args=[resource.pk])
        notify(account=account, title=title, body=body, url=url, key=key)


def tell_provider(*, resource: Resource, title: str, body: str, key: str) -> None:
    """Tell the data officers of the providing department."""
    notify(
        organization=resource.provider, permission=ADDRESSEE, title=title, body=body,
        url=reverse("catalog:resource", args=[resource.pk]), key=f"{key}:provider",
    )  # fmt: skip


def _by_organization(
    consumers: Iterable[Consumer],
) -> list[tuple[Organization, list[Consumer]]]:
    found: dict[int, tuple[Organization, list[Consumer]]] = {}
    for consumer in consumers:
        if consumer.organization is not None:
            group = found.setdefault(consumer.organization.pk, (consumer.organization, []))
            group[1].append(consumer)
    return list(found.values())
