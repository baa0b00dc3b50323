import re
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu_gateway import problems, signing
from chengshu_gateway.client import sign

DOCUMENT = Path(__file__).parents[3] / "docs" / "gateway-protocol.md"


def vector():
    text = DOCUMENT.read_text("utf-8")
    block = text.split("<!-- test-vector -->")[1]
    rows = re.findall(r"^\| ([a-z-]+) +\| `(.*)` +\|$", block, re.MULTILINE)
    canonical = re.search(r"```text\n(.*?)\n```", block, re.DOTALL)
    assert canonical is not None
    return dict(rows), canonical[1]


def test_the_documented_test_vector_is_what_the_code_computes():
    values, canonical = vector()
    quoted = quote(values["purpose"], safe="")
    text = signing.canonical_text(
        method=b"GET",
        path=values["path"].encode(),
        query=values["query"].encode(),
        timestamp=values["timestamp"].encode(),
        nonce=values["nonce"].encode(),
        purpose=quoted.encode(),
    )
    assert text.decode() == canonical
    headers = sign(
        app=values["app"],
        key_id=values["key-id"],
        secret=values["secret"],
        path=values["path"],
        query=values["query"],
        purpose=values["purpose"],
        timestamp=int(values["timestamp"]),
        nonce=values["nonce"],
    )
    assert headers["X-Cs-Signature"] == values["signature"]


def test_every_refusal_is_documented_with_its_status():
    documented = dict(
        re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    )
    assert documented == {code: str(kind.status) for code, kind in problems.KINDS.items()}


@given(st.text(min_size=1), st.binary(), st.binary(min_size=1))
@settings(deadline=None)
def test_only_the_same_text_and_secret_match(secret, text, other):
    good = signing.signature(secret.encode("utf-8", "replace"), text)
    assert signing.matches(secret.encode("utf-8", "replace"), text, good)
    assert signing.matches(secret.encode("utf-8", "replace"), text, good + b"=")
    assert not signing.matches(secret.encode("utf-8", "replace"), text + other, good)
    assert not signing.matches(secret.encode("utf-8", "replace") + b"x", text, good)


@pytest.mark.parametrize(("first", "second"), [("b=2&a=1", "a=1&b=2"), ("x", "x"), ("", "")])
def test_the_order_of_query_parts_does_not_matter(first, second):
    assert signing.canonical_query(first.encode()) == signing.canonical_query(second.encode())
