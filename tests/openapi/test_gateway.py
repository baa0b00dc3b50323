"""The document of a grant says what the gateway does, whatever is asked."""

import contextlib
import hashlib
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from schemathesis import Case, Response

from chengshu_gateway.bundle import CALL_KINDS, PROXY, Bundle, Interface
from chengshu_gateway.bundle_store import publish_bundle
from chengshu_gateway.signing import canonical_text, signature
from chengshu_gateway.snapshot_build import publish_snapshot
from chengshu_gateway.tests.department_source import PERSON, department, people
from chengshu_gateway.tests.sample_city import (
    APP,
    GRANT,
    INTERFACE,
    KEYS,
    RESIDENTS,
    SECRET,
    served,
)
from chengshu_gateway.tests.test_relay_service import COLUMNS, NAME, SOURCE
from chengshu_gateway.tests.test_relay_service import GRANT as PROXIED
from tests.openapi.conformance import fuzz

pytestmark = pytest.mark.service
TABLE_KINDS = tuple(kind for kind in CALL_KINDS if kind != PROXY)
QUERYABLE = ("code", "age", "alive", "area")


class Signature(requests.auth.AuthBase):
    """Signs a request exactly as it will be sent, whatever purpose it carries."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts, body = urlsplit(request.url or ""), request.body or b""
        body = body.encode() if isinstance(body, str) else body
        stamp, nonce = str(time.time_ns() // 1_000_000), secrets.token_urlsafe(16)
        purpose = request.headers.get("X-Cs-Purpose", "")
        text = canonical_text(
            method=(request.method or "").encode(), path=parts.path.encode(),
            query=parts.query.encode(), timestamp=stamp.encode(), nonce=nonce.encode(),
            body_digest=hashlib.sha256(body).hexdigest().encode(),
            purpose=purpose if isinstance(purpose, bytes) else purpose.encode("latin-1"),
        )  # fmt: skip
        request.headers.update(
            {
                "X-Cs-App": "app-1", "X-Cs-Key": "k1", "X-Cs-Timestamp": stamp,
                "X-Cs-Nonce": nonce, "X-Cs-Signature": signature(SECRET.encode(), text).decode(),
            }
        )  # fmt: skip
        return request


def publish(data: Path, department: str) -> None:
    publish_snapshot(
        data / "snapshots" / "residents", RESIDENTS.schema, RESIDENTS.to_batches(),
        key_column="code", queryable=QUERYABLE,
    )  # fmt: skip
    interface = replace(INTERFACE, queryable=QUERYABLE)
    fields = tuple(column.name for column in INTERFACE.columns)
    grant = replace(GRANT, kinds=TABLE_KINDS, fields=fields)
    source = replace(SOURCE, url=f"{department}/people")
    proxied = Interface(NAME, "1/01/0002", "人员", "", "id_number", COLUMNS, source=source)
    bundle = Bundle((APP,), (interface, proxied), (grant, PROXIED))
    publish_bundle(data / "bundles", bundle, KEYS.bundle)


def test_whatever_is_asked_the_gateway_answers_as_the_grants_document_says(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(department(people(PERSON)))
        publish(tmp_path, source.url)
        server = stack.enter_context(served(tmp_path))
        address = f"http://127.0.0.1:{server.port}"
        session = requests.Session()
        session.trust_env = False

        def send(case: Case) -> Response:
            return case.call(base_url=address, session=session, auth=Signature())

        known: dict[str, Any] = {"key": ["R1", "R2", "R4", "没有"], "keys": [["R1", "R9"]]}
        for name, operations in (("residents", 10), (NAME, 2)):
            told = session.get(f"{address}/share/v1/{name}?format=openapi", auth=Signature())
            schema = schemathesis.openapi.from_dict(told.json())
            schema.config.generation.with_security_parameters = False
            found = fuzz(schema, send, examples=6, known=known)
            assert not found.problems, "\n".join(found.problems)
            # No job makes files here: there is none to ask for.
            statuses = {o: s for o, s in found.statuses.items() if "export-" not in o}
            assert all(200 in each for each in statuses.values()), found.statuses
            assert found.operations == operations
