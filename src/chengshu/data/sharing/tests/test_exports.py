"""Bulk export from the request to the removal: made by the job, fetched through the gateway, gone in the end."""

import base64
from datetime import timedelta

import pyrage
import pytest
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing import exporting
from chengshu.data.sharing.choices import GrantState
from chengshu.data.sharing.models import ApplicationKey, Export
from chengshu.data.sharing.services import applications, grants
from chengshu.data.sharing.tests.cast import dispatch_all, gateway
from chengshu.kernel.audit.models import AuditRecord
from chengshu_gateway import export_keys, export_store

SCOPE = {"eq": ["community_code", "330383001000"]}


def ask(caller, running):
    return caller.post(running, "export", {"format": "csv"}).json["data"]["export"]


def state(caller, running, export):
    return caller.post(running, "export-state", {"export": export}).json["data"]


def test_a_file_is_made_recorded_fetched_and_removed(scene, client):
    caller = scene.shared(kinds=["export"], row_filter=SCOPE)
    with gateway(scene) as running:
        export = ask(caller, running)
        assert exporting.answer_all() == {"made": 1, "refused": 0, "removed": 0}
        assert exporting.answer_all() == {"made": 0, "refused": 0, "removed": 0}
        told = state(caller, running, export)
        item = Export.objects.get()
        assert (told["state"], told["rows"], item.rows) == ("ready", 20, 20)
        assert timedelta(days=6) < item.expires_at - timezone.now() <= exporting.KEPT
        part = caller.post(running, "export-part", {"export": export, "offset": 0}).json["data"]
        key = pyrage.x25519.Identity.from_str(export_keys.identity(caller.secret, export))
        lines = pyrage.decrypt(base64.b64decode(part["content"]), [key]).decode().splitlines()
        assert len(lines) == 21
        assert lines[1].startswith('"R0","王**","390383********0011","154****5678"')
        made = AuditRecord.objects.get(action="sharing.export_made")
        assert (made.after["rows"], made.after["sha256"]) == (20, told["sha256"])
        client.force_login(scene.asker.account)
        page = client.get(reverse("sharing:application", args=["grid-app"])).content.decode()
        assert told["sha256"][:16] in page
        Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert exporting.answer_all()["removed"] == 1
        assert not export_store.file_of(exporting.folder(), export).exists()
        assert state(caller, running, export)["state"] == "expired"
        gone = caller.post(running, "export-part", {"export": export, "offset": 0})
        assert gone.json["code"] == "no_export"
    assert AuditRecord.objects.filter(action="sharing.export_removed").count() == 1


def test_a_revoked_grant_takes_its_files_along(scene):
    caller = scene.shared(kinds=["export"])
    with gateway(scene) as running:
        export = ask(caller, running)
        exporting.answer_all()
        grants.set_state(
            actor=scene.officer, item=caller.grant, state=GrantState.REVOKED, reason="事项结束"
        )
        dispatch_all()
        refused = caller.post(running, "export-part", {"export": export, "offset": 0})
        assert refused.json["code"] == "not_granted"
        assert exporting.answer_all()["removed"] == 1
    assert not list(exporting.folder().glob("*.age"))


@pytest.mark.parametrize("case", ["quota", "number", "key", "public"])
def test_what_cannot_be_made_is_refused_with_a_reason(scene, monkeypatch, case):
    caller = scene.shared(kinds=["export"], per_day=30 if case == "quota" else None)
    if case == "number":
        monkeypatch.setattr(exporting, "MOST_A_DAY", 0)
    with gateway(scene) as running:
        export = ask(caller, running)
        if case == "key":
            applications.revoke_key(actor=scene.asker, key=caller.key, reason="换新")
        if case == "public":
            ApplicationKey.objects.update(secret_sealed="")
        assert exporting.answer_all() == {"made": 0, "refused": 1, "removed": 0}
        found = export_store.look(exporting.folder(), export)
        if case != "key":
            assert state(caller, running, export)["reason"] == found.reason
    told = {"quota": "30 条", "number": "24 小时", "key": "密钥", "public": "没有共享密码"}
    assert told[case] in found.reason
    item = Export.objects.get()
    assert (item.state, item.problem) == ("refused", found.reason)
    assert not list(exporting.folder().glob("*.age"))


def test_a_run_that_died_is_repeated_and_leaves_nothing_behind(scene):
    caller = scene.shared(kinds=["export"])
    with gateway(scene) as running:
        export = ask(caller, running)
        place = exporting.folder()
        (place / f"{export}.plain").write_bytes(b"half")
        (place / f"{'e' * 32}.age").write_bytes(b"of a run that died before it was recorded")
        assert exporting.answer_all()["made"] == 1
        assert [path.name for path in place.iterdir() if path.is_file()] == [
            path.name for path in place.glob(f"{export}.*")
        ]
        assert state(caller, running, export)["state"] == "ready"
