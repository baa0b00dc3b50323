"""The OpenAPI document says of the open interfaces what is true of them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import interfaces
from chengshu.data.opening.tests.cast import Scene
from chengshu.kernel.jobs.models import Job
from chengshu.kernel.jobs.services import run_job
from chengshu.portals.opendata.ckan.views import ACTIONS, WRITING

ADDRESS = "/open/api/v1/openapi.json"


@pytest.fixture
def told(db: None, client: Client) -> Any:
    return client.get(ADDRESS).json()


def followed(told: Any, part: Any) -> Any:
    while isinstance(part, dict) and "$ref" in part:
        found = told
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def references(part: Any) -> Iterator[dict[str, str]]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


TYPES = {
    "string": str, "integer": int, "boolean": bool, "object": dict, "array": list,
    "null": type(None),
}  # fmt: skip


def problems(told: Any, schema: Any, value: Any, at: str = "") -> list[str]:
    """Where a value is not as its schema says, as far as the document uses the language."""
    schema = followed(told, schema)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not isinstance(value, tuple(TYPES[kind] for kind in kinds)):
        return [f"{at}: {value!r} is no {kinds}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: {value!r} has another form")
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{at}: lacks {name}" for name in schema["required"] if name not in value]
        found += [f"{at}: {name} is not told" for name in value if name not in schema["properties"]]
        for name, inner in schema["properties"].items():
            if name in value:
                found += problems(told, inner, value[name], f"{at}/{name}")
    if isinstance(value, list) and "items" in schema:
        for number, inner in enumerate(value):
            found += problems(told, schema["items"], inner, f"{at}/{number}")
    return found


def test_every_route_of_the_open_interfaces_is_told_and_no_other(told: Any) -> None:
    routes = {
        "/" + re.sub(r"<[a-z]+:([a-z]+)>", r"{\1}", str(pattern.pattern))
        for resolver in get_resolver().url_patterns
        if getattr(resolver, "app_name", "") == "opendata"
        for pattern in resolver.url_patterns
    }
    ours = {route for route in routes if route.startswith("/open/api/")} - {ADDRESS}
    assert {path for path in told["paths"] if path.startswith("/open/")} == ours
    [action] = told["paths"]["/api/3/action/{action}"]["parameters"]
    assert action["schema"]["enum"] == sorted((*ACTIONS, *WRITING))


def test_it_is_whole(told: Any) -> None:
    assert told["openapi"] == "3.1.0"
    assert all(followed(told, reference) for reference in references(told))
    operations = [
        operation for path in told["paths"].values()
        for method, operation in path.items() if method in {"get", "post"}
    ]  # fmt: skip
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) == 7
    for operation in operations:
        assert {"200", "429"} <= set(operation["responses"])


def test_answers_are_as_it_says(public: Scene, client: Client) -> None:
    interfaces.create_interface(
        actor=public.admin, resource_code=public.resource.code, slug="facility", title="设施查询"
    )
    run_job.func(str(Job.objects.get(kind="opening.publish_interface").id))
    told = client.get(ADDRESS).json()
    slugs = {"datasets": "public-facility", "interfaces": "facility"}
    for path, operations in told["paths"].items():
        if not path.startswith("/open/"):
            continue
        address = path.replace("{slug}", slugs[path.split("/")[4]])
        schema = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert problems(told, schema, client.get(address).json()) == [], path


def test_refusals_are_as_it_says(public: Scene, client: Client, settings: Any) -> None:
    told = client.get(ADDRESS).json()
    OpenDataset.objects.create(
        slug="gone", title="撤回的", summary="无", resource=public.resource, state="withdrawn",
        theme="living", state_reason="坐标有误",
    )  # fmt: skip
    for slug, status, query in (
        ("nothing", 404, {}), ("gone", 410, {}), ("public-facility", 422, {"limit": "x"})
    ):  # fmt: skip
        response = client.get(f"/open/api/v1/datasets/{slug}/records", query)
        declared = told["paths"]["/open/api/v1/datasets/{slug}/records"]["get"]["responses"]
        shape = followed(told, declared[str(status)])
        [(media_type, content)] = shape["content"].items()
        assert response.status_code == status
        assert response.headers["Content-Type"].startswith(media_type)
        assert problems(told, content["schema"], response.json()) == []


def test_masked_fields_are_told_as_such(masked: Scene, client: Client) -> None:
    told = client.get(ADDRESS).json()
    one = client.get("/open/api/v1/datasets/facility-keepers").json()
    schema = told["components"]["schemas"]["Dataset"]
    assert problems(told, schema, one) == []
    assert {f["name"] for f in one["fields"] if "mask" in f} == {
        "keeper", "keeper_mobile", "opened_on", "cost",
    }  # fmt: skip
