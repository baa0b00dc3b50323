"""What an act of quality on a resource is recorded under: its own kind, so that the entry's history stays its own."""

from typing import TypedDict

from chengshu.data.catalog.facade import Resource


class About(TypedDict):
    """The object of an audit record."""

    object_type: str
    object_id: str
    object_name: str


def about(resource: Resource) -> About:
    """The quality of ``resource`` as the object of an audit record."""
    return About(
        object_type="quality.resource", object_id=str(resource.pk), object_name=resource.title
    )
