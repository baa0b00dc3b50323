"""What flows through opening: data item → field of an open dataset."""

from collections.abc import Collection, Iterator

from django.urls import reverse

from chengshu.data.lineage.facade import Edge, Node, NodeKind, column, lake_node
from chengshu.data.opening.models import PUBLIC_STATES, OpenDataset


def opened_edges(resources: Collection[int] | None) -> Iterator[Edge]:
    """Edges of what the public sees now; one query."""
    datasets = OpenDataset.objects.filter(state__in=PUBLIC_STATES, current__isnull=False)
    if resources is not None:
        datasets = datasets.filter(resource__in=resources)
    for item in datasets.select_related("resource__provider", "current"):
        source = lake_node(item.resource)
        target = Node(
            f"dataset:{item.slug}", NodeKind.DATASET, item.title, name=item.slug,
            owner=item.resource.provider.name, url=reverse("opening:dataset", args=[item.slug]),
        )  # fmt: skip
        yield Edge(source, target)
        assert item.current is not None
        for field in item.current.columns:
            mask = field.get("mask_name", "")
            yield Edge(
                column(source, field["name"], field["title"]),
                column(target, field["name"], field["title"], "" if mask else "L1"),
                f"脱敏：{mask}" if mask else "",
            )


def masks_in_force() -> list[str]:
    """Declarations of all masks in what the public sees, one per field."""
    datasets = OpenDataset.objects.filter(state__in=PUBLIC_STATES, current__isnull=False)
    held = datasets.values_list("current__columns", flat=True)
    return [field["mask"] for columns in held for field in columns if field.get("mask")]
