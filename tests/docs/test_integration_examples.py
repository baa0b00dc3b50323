"""The integrator's guide keeps its word: every example runs as printed, against a real gateway."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from chengshu.data.catalog.content import ItemContent, VersionContent
from chengshu.data.catalog.tests import cast as catalog_cast
from chengshu.data.sharing import exporting
from chengshu.data.sharing.samples import PLACEHOLDER, CallSample
from chengshu.data.sharing.services import applications, grants, interfaces
from chengshu.data.sharing.services.public_keys import register_public_key
from chengshu.data.sharing.tests.cast import build, dispatch_all
from chengshu_gateway.tests.sample_city import MASTER, served
from chengshu_lake import Lake
from chengshu_sm2 import Sm2PrivateKey
from tests.docs.examples import Example, examples_of

pytestmark = pytest.mark.service
needs_shell_tools = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="curl or openssl is missing"
)
ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "integration.md"
EXAMPLES = examples_of(GUIDE)
NAMES = ("code", "name", "street_code", "province_code", "city_code", "area_code")
GRANTED = ["code", "name", "street_code", "area_code"]
VILLAGES = (
    ("330383198001", "金钗河社区", "330383198", "33", "3303", "330383"),
    ("330383198002", "龙城社区", "330383198", "33", "3303", "330383"),
    ("330383198003", "朝西屋社区", "330383198", "33", "3303", "330383"),
)
CONTENT = VersionContent(
    title="全国村级行政区划代码", system="rs-sb", warehouse="dw-people",
    summary="全国村级统计用区划代码和名称，用于地址核对", sharing_type="unconditional",
    open_type="unconditional", update_cycle="yearly", formats=("table",),
    items=tuple(
        ItemContent(name=name, title=name, length=60, is_key=name == "code", nullable=False)
        for name in NAMES
    ),
)  # fmt: skip


@pytest.fixture
def identity(db, settings, tmp_path) -> Iterator[dict[str, str]]:
    """The demo's interface with the application of the guide, served; what the examples read from the environment."""
    settings.LAKE_ROOT = str(tmp_path / "lake")
    settings.GATEWAY_DIR = tmp_path / "gateway"
    settings.GATEWAY_SECRET = MASTER
    city = catalog_cast.assemble()
    resource = catalog_cast.published(city, name="national_village_division", content=CONTENT)
    columns = {name: [row[n] for row in VILLAGES] for n, name in enumerate(NAMES)}
    table = pa.table(columns)
    lake = Lake(settings.LAKE_ROOT)
    lake.create(resource.lake_table, table.schema, key=["code"])
    lake.merge(resource.lake_table, table)
    interface = interfaces.create_interface(
        actor=city.officer, resource_code=resource.code, code="villages-by-code",
        title="按代码查询村级区划", key_column="code",
    )  # fmt: skip
    build(interface)
    interfaces.set_query_columns(
        actor=city.officer, interface=interface, columns=["street_code", "code"]
    )
    build(interface)
    application = applications.register_application(
        actor=city.stranger,
        code="grid-app",
        name="网格移动端",
        owner=city.market,
        purpose="地址核对",
    )
    grants.grant(
        actor=city.officer, application=application, interface=interface, fields=GRANTED,
        per_day=1000, purpose="地址核对", minimum_group=3,
        kinds=["lookup", "batch", "verify", "query", "changes", "statistics", "export"],
    )  # fmt: skip
    key, secret = applications.issue_key(actor=city.stranger, application=application)
    private = Sm2PrivateKey.generate()
    (tmp_path / "sm2.pem").write_bytes(private.pem())
    registered = register_public_key(
        actor=city.stranger, application=application, scheme="sm2-sm3",
        public_key=private.public_key().pem().decode(),
    )  # fmt: skip
    dispatch_all()
    with served(tmp_path / "gateway") as server:
        yield {
            "CHENGSHU_GATEWAY": f"http://127.0.0.1:{server.port}",
            "CHENGSHU_APP": "grid-app",
            "CHENGSHU_KEY": key.key_id,
            "CHENGSHU_SECRET": secret,
            "CHENGSHU_SM2_KEY": registered.key_id,
            "CHENGSHU_SM2_PRIVATE": str(tmp_path / "sm2.pem"),
        }


def run(example: Example, identity: dict[str, str], folder: Path) -> str:
    program = {"python": [sys.executable], "curl": ["sh"]}[example.kind]
    script = folder / "example"
    script.write_text(example.code, "utf-8")
    with subprocess.Popen(
        [*program, str(script)], env={**os.environ, **identity, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
    ) as process:  # fmt: skip
        while True:
            try:
                printed, complained = process.communicate(timeout=0.5)
            except subprocess.TimeoutExpired:
                # As the worker would meanwhile: an example may wait for a file.
                exporting.answer_all()
            else:
                break
    assert process.returncode == 0, f"{GUIDE.name}:{example.line}\n{complained}"
    return printed.strip()


def check(examples: list[Example], identity: dict[str, str], folder: Path) -> None:
    for example in examples:
        printed = run(example, identity, folder)
        assert example.output, f"{GUIDE.name}:{example.line} promises no output"
        if example.form == "json":
            answered, promised = json.loads(printed), json.loads(example.output)
            assert answered.keys() == promised.keys()
            assert answered["data"] == promised["data"]
        else:
            assert printed == example.output, f"{GUIDE.name}:{example.line}"


def test_every_python_example_of_the_guide_prints_what_it_promises(identity, tmp_path):
    check([e for e in EXAMPLES if e.kind == "python"], identity, tmp_path)


@needs_shell_tools
def test_the_curl_example_of_the_guide_prints_what_it_promises(identity, tmp_path):
    check([e for e in EXAMPLES if e.kind == "curl"], identity, tmp_path)


def test_the_guide_holds_examples_for_curl_and_python_and_none_escapes_the_test():
    text = GUIDE.read_text("utf-8")
    assert {e.kind for e in EXAMPLES} == {"curl", "python"}
    assert len(EXAMPLES) == text.count("<!-- run:") >= 7
    # One needs a proxy that ends TLS: the gateway's own tests start one and run it there.
    elsewhere = re.findall(r"<!-- run over TLS: (\S+) -->\n```python", text)
    assert all("INTEGRATION.read_text" in (ROOT / path).read_text("utf-8") for path in elsewhere)
    assert text.count("```python") == len(elsewhere) + sum(e.kind == "python" for e in EXAMPLES)


def offered(identity: dict[str, str], settings: Any) -> CallSample:
    settings.GATEWAY_URL = identity["CHENGSHU_GATEWAY"]
    return CallSample(
        "villages-by-code", "330383198001", identity["CHENGSHU_APP"], identity["CHENGSHU_KEY"]
    )


def pasted(kind: str, code: str, identity: dict[str, str]) -> Example:
    return Example(kind, code.replace(PLACEHOLDER, identity["CHENGSHU_SECRET"]), "", "", 0)


def test_the_python_call_the_console_offers_works_with_the_secret_pasted(
    identity, tmp_path, settings
):
    code = offered(identity, settings).python
    assert "金钗河社区" in run(pasted("python", code, identity), identity, tmp_path)


@needs_shell_tools
def test_the_curl_call_the_console_offers_works_with_the_secret_pasted(
    identity, tmp_path, settings
):
    code = offered(identity, settings).shell
    assert "金钗河社区" in run(pasted("curl", code, identity), identity, tmp_path)
