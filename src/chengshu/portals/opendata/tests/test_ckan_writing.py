"""Writing by the CKAN action API: a token of a person, drafts only, the console's own rules, CKAN's own refusals."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chengshu.data.ingest.models import Batch
from chengshu.data.opening.models import Approval, OpenDataset
from chengshu.data.opening.tests.cast import BASIS, CONTENT, MASKED_FIELDS, MASKS, OPEN, Scene
from chengshu.kernel.access.actor import Actor
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.jobs.services import run_job
from chengshu.kernel.notices.models import Notice
from chengshu.kernel.tokens import services as tokens
from chengshu.portals.opendata.ckan import uploading

Ask = Callable[..., Any]
ALL = ["opening.draft", "opening.upload"]


def key_of(actor: Actor, *scopes: str) -> str:
    """A token of somebody."""
    return tokens.issue(actor=actor, name="脚本", scopes=scopes or ALL, days=30)[1]


@pytest.fixture
def call(client: Client) -> Ask:
    """Call an action with a key; the answer's body, its status checked."""

    def ask(action: str, key: str, status: int = 200, **given: Any) -> Any:
        multipart = any(isinstance(value, SimpleUploadedFile) for value in given.values())
        how = {} if multipart else {"content_type": "application/json"}
        headers = {"X-CKAN-API-Key": key, "Authorization": key}
        response = client.post(f"/api/action/{action}", given, headers=headers, **how)
        assert response.status_code == status, response.text
        body = response.json()
        return body["result"] if body["success"] else body["error"]

    return ask


def new(scene: Scene, **more: Any) -> dict[str, Any]:
    """What a client sends for a dataset of the scene."""
    extras = more.pop("extras", {})
    return {
        "name": "public-facility", "title": "便民设施", "notes": CONTENT.summary, "license_id": "CC0-1.0",
        "groups": [{"name": "living"}], "tags": [{"name": "公厕"}, {"name": "位置"}],
        "owner_org": "330383-RS", "maintainer": "综合执法局 0577-12345",
        "extras": [
            {"key": key, "value": value}
            for key, value in ({"catalogue_code": scene.resource.code} | extras).items()
        ],
    } | more  # fmt: skip


def test_a_created_dataset_is_a_draft_that_waits_for_those_who_publish(
    scene: Scene, call: Ask, client: Client
) -> None:
    key = key_of(scene.officer)
    made = call("package_create", key, **new(scene))
    assert (made["state"], made["private"], made["resources"]) == ("draft", True, [])
    item = OpenDataset.objects.get()
    assert (item.fields, item.licence, item.keywords, item.contact) == (
        OPEN, "CC0-1.0", ["公厕", "位置"], "综合执法局 0577-12345",
    )  # fmt: skip
    assert Notice.objects.filter(title="待发布：“便民设施”").count() == 1
    assert "令牌" in AuditRecord.objects.get(action="opening.dataset_created").actor_name
    assert client.get("/api/3/action/package_show?id=public-facility").status_code == 404
    assert call("package_show", key, id=made["id"]) == made
    assert call("package_show", key_of(scene.city.stranger), 404, id=made["id"])
    assert call("package_list", key) == []
    shown = client.get(
        "/api/3/action/package_show?id=public-facility", headers={"X-CKAN-API-Key": key}
    )
    assert shown.headers["Cache-Control"] == "no-store"


def test_masked_fields_with_a_basis_go_to_the_second_person_by_themselves(
    sensitive: Scene, call: Ask
) -> None:
    extras = {"fields": MASKED_FIELDS, "masks": json.dumps(MASKS), "access": "restricted"}
    key = key_of(sensitive.officer)
    made = call("package_create", key, **new(sensitive, extras=extras))
    told = {extra["key"]: extra["value"] for extra in made["extras"]}
    assert "legal_basis" in told["review"]
    assert not Approval.objects.exists()
    patched = call(
        "package_patch", key, id=made["id"], extras=[{"key": "legal_basis", "value": BASIS}]
    )
    assert {"key": "review", "value": "等待另一人审批"} in patched["extras"]
    item = OpenDataset.objects.get()
    assert (item.masks, item.restricted, item.basis) == (MASKS, True, BASIS)
    assert (patched["isopen"], patched["license_id"]) == (False, "other-closed")


def test_what_was_read_can_be_changed_and_sent_back_but_not_over_somebody_elses_change(
    public: Scene, call: Ask
) -> None:
    key = key_of(public.officer)
    shown = call("package_show", key, id="public-facility")
    assert call("package_update", key, **shown)["title"] == shown["title"]
    stale = call("package_update", key, 409, **shown | {"title": "改过的名称"})
    assert "revision" in stale
    fresh = call("package_show", key, id="public-facility") | {"title": "改过的名称", "tags": []}
    changed = call("package_update", key, **fresh)
    item = OpenDataset.objects.get()
    assert (item.title, item.keywords, item.fields) == ("改过的名称", [], OPEN)
    assert changed["state"] == "active"
    call("package_patch", key, id="public-facility", notes="公厕、直饮水等便民设施的位置")
    item.refresh_from_db()
    assert (item.title, item.summary) == ("改过的名称", "公厕、直饮水等便民设施的位置")
    assert call("package_delete", key, 409, id="public-facility")["id"]


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"private": False}, "private"), ({"state": "active"}, "state"), ({"name": "New Name"}, "name"),
    ({"title": "坏\x00"}, "title"), ({"title": 7}, "title"), ({"title": "\ud800"}, "title"),
    ({"notes": "短"}, "notes"), ({"notes": "长" * 2_001}, "notes"), ({"groups": [{"name": "x"}]}, "groups"),
    ({"groups": []}, "groups"), ({"tags": "a"}, "tags"), ({"license_id": "gpl"}, "license_id"),
    ({"owner_org": "330383-SJ"}, "owner_org"), ({"resources": [{"url": "http://a"}]}, "resources"),
    ({"author": "别人"}, "author"), ({"__type": "x"}, "__type"), ({"extras": {"fields": "nothing"}}, "fields"),
    ({"extras": {"fields": "keeper"}}, "fields"), ({"extras": {"masks": "{"}}, "masks"),
    ({"extras": {"catalogue_code": "nowhere"}}, "catalogue_code"), ({"extras": {"spatial": "{}"}}, "extras"),
    ({"extras": {"access": "all"}}, "access"), ({"maintainer": "13800000000"}, "maintainer"),
)  # fmt: skip


def test_what_has_no_place_or_breaks_a_rule_is_refused_by_its_name(scene: Scene, call: Ask) -> None:
    key = key_of(scene.officer)
    for given, field in REFUSED:
        error = call("package_create", key, 409, **new(scene, **given))
        assert error["__type"] == "Validation Error", given
        assert field in error, (given, error)
    assert not OpenDataset.objects.exists()
    made = call("package_create", key, **new(scene, title="<script>alert(1)</script>"))
    assert made["title"] == "<script>alert(1)</script>"
    call("package_delete", key, id=made["id"])
    assert AuditRecord.objects.filter(action="opening.dataset_discarded").count() == 1
    assert not OpenDataset.objects.exists()


def test_without_the_right_nothing_is_written(public: Scene, call: Ask, client: Client) -> None:
    officer, stranger = key_of(public.officer), key_of(public.city.stranger)
    upload_only = key_of(public.officer, "opening.upload")
    for key in ("", "a-key", officer[:-1], upload_only, stranger):
        error = call("package_patch", key, 403, id="public-facility", title="别人的")
        assert error["__type"] == "Authorization Error", key
    call("package_create", stranger, 403, **new(public, name="mine", owner_org="330383-RS"))
    tokens.revoke(actor=public.officer, token=tokens.own(public.officer, officer.split("-")[1]))
    call("package_patch", officer, 403, id="public-facility", title="旧令牌")
    assert call("package_show", officer, id="public-facility")["private"] is False
    assert OpenDataset.objects.get().title == public.resource.title
    headers = {"Authorization": key_of(public.officer)}
    response = client.get("/api/action/package_patch?id=public-facility&title=a", headers=headers)
    assert response.status_code == 400
    assert "POST" in response.json()
    assert (
        client.post("/api/action/package_patch", {}, headers={"Cookie": "sessionid=a"}).status_code
        == 403
    )


CSV = "设施编号,设施名称,座位数\nBM90001,新公厕,4\nBM90002,坏座位,很多\nBM90003,新驿站,2\n"


@pytest.mark.usefixtures("collecting")
def test_an_uploaded_file_is_collected_with_its_quarantine_and_balance(
    scene: Scene, call: Ask
) -> None:
    key = key_of(scene.officer)
    made = call("package_create", key, **new(scene))
    file = SimpleUploadedFile("设施.csv", CSV.encode("utf-8-sig"))
    brought = call("resource_create", key, package_id=made["id"], upload=file)
    assert (brought["batch_state"], brought["state"]) == ("queued", "draft")
    batch = Batch.objects.get()
    assert batch.job is not None
    run_job.func(str(batch.job.pk))
    shown = call("resource_show", key, id=brought["id"])
    assert (shown["batch_state"], shown["state"]) == ("loaded", "active")
    assert [shown[f"rows_{name}"] for name in ("source", "accepted", "quarantined", "duplicate")] == [
        3, 2, 1, 0,
    ]  # fmt: skip
    assert call("resource_show", key_of(scene.city.stranger), 404, id=brought["id"])
    assert call("resource_delete", key, 409, id=brought["id"])


def test_what_cannot_be_collected_is_refused_and_leaves_no_batch_to_load(
    public: Scene, call: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, given = key_of(public.officer), {"package_id": "public-facility"}
    shown = call("package_show", key, id="public-facility")
    bad = SimpleUploadedFile("a.csv", "甲,乙\n1,2\n".encode())
    assert "对不上" in call("resource_create", key, 409, upload=bad, **given)["upload"][0]
    no_table = SimpleUploadedFile("a.xlsx", b"MZ\x90\x00 no workbook")
    assert call("resource_create", key, 409, upload=no_table, **given)["upload"]
    assert "upload" in call("resource_create", key, 409, url="http://example.com/a.csv", **given)
    assert call(
        "resource_create",
        key_of(public.officer, "opening.draft"),
        403,
        upload=SimpleUploadedFile("a.csv", CSV.encode()),
        **given,
    )
    assert call(
        "resource_create",
        key_of(public.city.stranger),
        403,
        upload=SimpleUploadedFile("a.csv", CSV.encode()),
        **given,
    )
    file = shown["resources"][0]
    assert "name" in call("resource_patch", key, 409, id=file["id"], name="别的名字")
    assert call("resource_patch", key, id=file["id"])["id"] == file["id"]
    assert call("resource_delete", key, 409, id=file["id"])["id"]
    monkeypatch.setattr(uploading, "MAX_UPLOAD", 100)
    large = SimpleUploadedFile("a.csv", CSV.encode())
    assert "没有保存" in call("resource_create", key, 409, upload=large, **given)["upload"][0]
    assert set(Batch.objects.values_list("state", flat=True)) == {"cancelled"}
    monkeypatch.undo()
    upload_only = key_of(public.officer, "opening.upload")
    good = SimpleUploadedFile("a.csv", CSV.encode("utf-8-sig"))
    assert call("resource_create", upload_only, upload=good, **given)["batch_state"] == "queued"


def test_a_caller_learns_its_units_and_takes_its_tokens_back(scene: Scene, call: Ask) -> None:
    key = key_of(scene.officer)
    assert [unit["name"] for unit in call("organization_list_for_user", key)] == ["330383-RS"]
    assert call("organization_list_for_user", "") == []
    [listed] = call("api_token_list", key, user_id="officer")
    assert listed["id"] == key.split("-")[1]
    call("api_token_create", key, 403, user="officer", name="a")
    call("api_token_revoke", key_of(scene.admin), 404, jti=listed["id"])
    call("api_token_revoke", key, jti=listed["id"])
    call("api_token_list", key, 403)
