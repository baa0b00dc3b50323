"""A grant's documents say what was granted, all of it and nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from chengshu_gateway.bundle import CALL_KINDS, Column
from chengshu_gateway.description import contract, openapi
from chengshu_gateway.description.examples import examples
from chengshu_gateway.policy import CompiledGrant
from chengshu_gateway.tests.sample_city import GRANT, INTERFACE, calls, local, publish, signed

STANDARD = Path(__file__).parent / "odcs" / "odcs-json-schema-v3.2.0.json"
COLUMNS = (
    *INTERFACE.columns[:-2],
    Column("age", "integer", "年龄", required=True),
    Column("alive", "text", "状态", codes={"1": "在世", "0": "去世"}),
)


def compiled(**changes) -> CompiledGrant:
    grant = {"fields": ("code", "name", "alive"), "kinds": CALL_KINDS, "per_day": 500, **changes}
    interface = replace(INTERFACE, columns=COLUMNS, queryable=("code", "name", "area"))
    return CompiledGrant(replace(GRANT, **grant), interface, b"k" * 32)


def test_the_openapi_document_is_valid_and_shows_only_what_was_granted():
    grant = compiled(kinds=("lookup", "query"), networks=("10.1.0.0/16",), valid_until=1795418400.0)
    told = openapi.document(grant, server="https://gateway.example")
    OPENAPI_31_VALIDATOR.validate(told)
    root = "/share/v1/residents"
    assert set(told["paths"]) == {root, f"{root}/{{key}}", f"{root}/query"}
    record = told["components"]["schemas"]["Record"]
    assert list(record["properties"]) == ["code", "name", "alive"]
    assert not record["additionalProperties"]
    assert record["properties"]["name"]["x-mask"] == "name"
    assert record["properties"]["alive"]["x-code-list"][0] == {"code": "1", "name": "在世"}
    body = told["paths"][f"{root}/query"]["post"]["requestBody"]["content"]["application/json"]
    # The name is masked and the area was not granted: neither can be asked for.
    assert list(body["schema"]["properties"]["where"]["properties"]) == ["code"]
    assert told["x-grant"]["quota"] == {
        "per_minute": None, "per_day": 500, "misses_per_minute": 300, "tries_per_day": 5,
    }  # fmt: skip
    assert told["x-grant"]["networks"] == ["10.1.0.0/16"]
    assert told["x-grant"]["valid_until"] == "2026-11-23T07:20:00+00:00"
    assert "id_number" not in json.dumps({**told, "x-grant": None})


def test_the_contract_keeps_to_the_published_standard():
    parties = contract.Parties(
        provider="人社局", consumer="市监局", application="网格移动端", purpose="走访核对",
        contact="李工", cycle="daily", levels=(("name", "L3"),),
    )  # fmt: skip
    made = contract.document(compiled(), parties, server="https://gateway.example")
    jsonschema_rs.validate(json.loads(STANDARD.read_text()), made)
    properties = {each["name"]: each for each in made["schema"][0]["properties"]}
    assert list(properties) == ["code", "name", "alive"]
    assert properties["code"]["primaryKey"]
    assert (properties["name"]["classification"], properties["name"]["transformLogic"]) == (
        "L3", "name",
    )  # fmt: skip
    assert properties["alive"]["enum"][1] == {"value": "0", "label": "去世"}
    assert {"property": "frequency", "value": 1, "unit": "d"} in made["slaProperties"]
    assert {"property": "quotaPerDay", "value": 500} in made["customProperties"]


def test_a_change_of_the_grant_changes_the_version_of_both_documents():
    for build in (openapi.document, contract.document):
        versions = {
            json.dumps(build(each).get("info", {}).get("version") or build(each)["version"])
            for each in (compiled(), compiled(), compiled(per_day=501), compiled(fields=("code",)))
        }
        assert len(versions) == 3


def test_every_way_of_calling_that_can_be_granted_has_its_description_and_example():
    told = openapi.document(compiled())
    described = {
        operation["operationId"] for path in told["paths"].values() for operation in path.values()
    }
    assert described == {*CALL_KINDS, "describe", "export-state", "export-part"}
    assert [each.kind for each in examples(compiled())] == list(CALL_KINDS)


@pytest.mark.parametrize("form", ["openapi", "odcs"])
def test_the_caller_gets_its_own_documents_from_the_gateway_signed_and_recorded(tmp_path, form):
    data = publish(tmp_path)
    with local(data) as gateway:
        reply = gateway.ask("/share/v1/residents", f"format={form}")
        assert reply.json.get("openapi", reply.json.get("apiVersion"))[0] in "3v"
        assert reply.headers["x-cs-record"]
        assert gateway.ask("/share/v1/residents", "format=raml").json["code"] == "bad_query"
        other = gateway.ask("/share/v1/secret-list", f"format={form}")
        assert other.json["code"] == "not_granted"
        stolen = signed("/share/v1/residents", "")
        refused = gateway.ask("/share/v1/residents", f"format={form}", headers=stolen)
        assert refused.json["code"] == "bad_signature"
    assert next((call.outcome, call.counted) for call in calls(data)) == ("ok", False)
