"""The same collection for scripts: JSON API and command line."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from chengshu.data.catalog.models import Resource
from chengshu.data.ingest.management.commands import ingest as command
from chengshu.data.ingest.models import Batch
from chengshu.data.ingest.tests import factories
from chengshu.data.ingest.tests.factories import HEADERS, row, table
from chengshu.kernel.identity.models import Account
from chengshu.kernel.identity.tests.cast import Cast

pytestmark = pytest.mark.django_db
API = "/api/v1/ingest/batches"


@pytest.fixture
def client(client_for: Callable[[Account], Client], cast: Cast) -> Client:
    return client_for(cast.officer_a)


def post(client: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    return client.post(path, json.dumps(body or {}), content_type="application/json")


def test_a_script_uploads_confirms_and_follows(client: Client, resource: Resource) -> None:
    content = table([row(1), row(2, 性别="9")]).encode("gb18030")
    answer = client.post(
        API, {"resource": resource.code, "file": SimpleUploadedFile("人员.csv", content)}
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["look"]["encodings"][0]["encoding"] == "gb18030"
    assert body["look"]["mapping"]["姓名"] == "full_name"
    assert body["look"]["missing"] == []
    where = f"{API}/{body['batch']['id']}"
    assert post(client, f"{where}/confirm").status_code == 202
    second = post(client, f"{where}/confirm")
    assert second.status_code == 409
    assert "已经确认过" in second.json()["detail"]

    factories.run(Batch.objects.get())
    done = client.get(where).json()
    assert done["state"] == "loaded"
    assert done["balance"]["source"] == 2
    assert done["problems"] == [{"rule": "code", "name": "代码表", "column": "gender", "rows": 1}]
    page = client.get(API, {"resource": resource.code, "state": "loaded"}).json()
    assert [b["id"] for b in page["results"]] == [done["id"]]
    assert page["next"] == ""


def test_the_api_refuses_in_words(
    client: Client, client_for: Callable[[Account], Client], cast: Cast, resource: Resource
) -> None:
    empty = client.post(API, {"resource": resource.code, "file": SimpleUploadedFile("空.csv", b"")})
    assert empty.status_code == 422
    assert "空的" in empty.json()["detail"]
    unknown = client.post(API, {"resource": "9/9", "file": SimpleUploadedFile("a.csv", b"a\n1\n")})
    assert unknown.status_code == 404
    file = SimpleUploadedFile("人员.csv", table([row(1)]).encode())
    other = client_for(cast.officer_b).post(API, {"resource": resource.code, "file": file})
    assert other.status_code == 403
    assert Client().get(API).status_code == 401
    assert not Batch.objects.exists()


def test_pages_of_the_list_follow_each_other(client: Client, resource: Resource) -> None:
    made = [Batch.objects.create(resource=resource, origin="demo") for _ in range(5)]
    first = client.get(API, {"limit": 3}).json()
    rest = client.get(API, {"limit": 3, "cursor": first["next"]}).json()
    ids = [b["id"] for b in first["results"] + rest["results"]]
    assert ids == [str(b.pk) for b in reversed(made)]
    assert rest["next"] == ""


def test_an_unconfirmed_batch_is_dropped_by_a_script(client: Client, resource: Resource) -> None:
    file = SimpleUploadedFile("人员.csv", table([row(1)]).encode())
    made = client.post(API, {"resource": resource.code, "file": file}).json()["batch"]["id"]
    assert post(client, f"{API}/{made}/cancel").json()["state"] == "cancelled"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command does the work in its own thread of control, as a test's database is one connection's."""

    def wait(_self: Any, batch: Batch) -> None:
        factories.run(batch)

    monkeypatch.setattr(command.Command, "_wait", wait)


def test_the_command_loads_a_file_and_prints_the_balance(
    resource: Resource, here: None, tmp_path: Path
) -> None:
    path = tmp_path / "人员.csv"
    path.write_bytes(
        table([[*row(1), "x"], [*row(2, 性别="9"), "x"]], (*HEADERS, "备注")).encode("gb18030")
    )
    out = io.StringIO()
    call_command("ingest", "file", resource.code, str(path), "--as", "officer_a", stdout=out)
    assert "来源 2 = 入库 1 + 隔离 1 + 重复 0" in out.getvalue()
    assert "不归集的列：备注" in out.getvalue()
    assert "隔离 代码表 · 性别：1 行" in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--as", "nobody"], "没有启用的账号"),
        (["--as", "officer_b"], "没有“归集数据”的权限"),
        (["--as", "officer_a", "--encoding", "klingon"], "不支持编码"),
    ],
)
def test_the_command_refuses_in_words(
    resource: Resource, here: None, tmp_path: Path, arguments: list[str], words: str
) -> None:
    path = tmp_path / "人员.csv"
    path.write_text(table([row(1)]))
    with pytest.raises(CommandError, match=words):
        call_command("ingest", "file", resource.code, str(path), *arguments)
    assert not Batch.objects.exclude(state="cancelled").exists()
