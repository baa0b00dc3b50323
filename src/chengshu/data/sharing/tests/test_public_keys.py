"""Public keys: registered on the page and by the API, used at the gateway, never a secret in between."""

import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.urls import reverse

from chengshu.data.sharing.models import ApplicationKey
from chengshu.data.sharing.services.applications import revoke_key, set_application_state
from chengshu.data.sharing.services.public_keys import register_public_key
from chengshu.data.sharing.tests.cast import Caller, dispatch_all, gateway
from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu_sm2 import Sm2PrivateKey

PRIVATE = Sm2PrivateKey.generate()
PEM = PRIVATE.public_key().pem().decode()


def pem(private):
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode()


def page(name, *args):
    return reverse(f"sharing:{name}", args=args)


def test_a_registered_sm2_key_calls_and_is_revoked_and_no_secret_lies_anywhere(scene, client):
    grant = scene.grant()
    client.force_login(scene.asker.account)
    shown = client.get(page("key-register", "grid-app")).content.decode()
    assert "私钥留在贵单位" in shown
    fields = {"scheme": "sm2-sm3", "public_key": PEM, "expires_on": ""}
    assert client.post(page("key-register", "grid-app"), fields).status_code == 302
    key = ApplicationKey.objects.get()
    assert (key.secret_sealed, key.public_key) == ("", PRIVATE.public_key().point().hex())
    assert "SM2" in client.get(page("application", "grid-app")).content.decode()
    dispatch_all()
    bundle = next((scene.gateway / "bundles").glob("*.json")).read_text("utf-8")
    assert set(re.findall(r'"secret":"[^"]*"', bundle)) <= {'"secret":""'}
    caller = Caller(grant, key, PRIVATE)
    with gateway(scene) as running:
        assert caller.ask(running).status == 200
        revoke_key(actor=scene.asker, key=key, reason="换证")
        dispatch_all()
        assert caller.ask(running).json["code"] == "key_inactive"
    trace = AuditRecord.objects.get(action="sharing.key_registered")
    assert trace.after["public_key"] == key.public_key


def test_one_key_pair_belongs_to_one_application_for_good(scene):
    first, second = scene.application(), scene.application("second")
    values = {"actor": scene.asker, "scheme": "sm2-sm3", "public_key": PEM}
    key = register_public_key(application=first, **values)
    point = PRIVATE.public_key().point().hex()
    for text in (PEM, point, point.upper()):
        with pytest.raises(InvalidInput) as caught:
            register_public_key(application=second, **{**values, "public_key": text})
        assert "登记过" in caught.value.fields["public_key"]
    revoke_key(actor=scene.asker, key=key, reason="泄露")
    with pytest.raises(InvalidInput):
        register_public_key(application=first, **values)


PRIVATE_PEM = ed25519.Ed25519PrivateKey.generate().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)


NO_SUCH_KEYS = [
    ("sm2-sm3", PRIVATE_PEM.decode(), "这是私钥"),
    ("sm2-sm3", "", "请贴入"),
    ("sm2-sm3", "04" + "00" * 64, "不是 SM2"),
    ("sm2-sm3", pem(ec.generate_private_key(ec.SECP256R1())), "不是 SM2"),
    ("private-key-jwt", PEM, "P-256"),
    ("private-key-jwt", pem(rsa.generate_private_key(65537, 2048)), "P-256"),
    ("private-key-jwt", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "PEM"),
    ("hmac-sha256", PEM, "请选择"),
]


def test_what_is_no_such_public_key_is_refused_with_the_reason(scene):
    application = scene.application()
    for scheme, text, told in NO_SUCH_KEYS:
        with pytest.raises(InvalidInput) as caught:
            register_public_key(
                actor=scene.asker, application=application, scheme=scheme, public_key=text
            )
        assert told in caught.value.fields["public_key"]
    assert not ApplicationKey.objects.exists()


def test_only_who_manages_the_applications_keys_registers_and_not_while_it_is_suspended(scene):
    application = scene.application()
    values = {"application": application, "scheme": "sm2-sm3", "public_key": PEM}
    with pytest.raises(NotAllowed):
        register_public_key(actor=scene.officer, **values)
    set_application_state(
        actor=scene.asker, application=application, state="suspended", reason="检查"
    )
    with pytest.raises(Conflict):
        register_public_key(actor=scene.asker, **values)


def test_the_api_registers_a_key_for_tokens(scene, client):
    scene.application()
    client.force_login(scene.asker.account)
    body = {
        "scheme": "private-key-jwt",
        "public_key": pem(ec.generate_private_key(ec.SECP256R1())),
    }
    url = "/api/v1/sharing/applications/grid-app/public-keys"
    made = client.post(url, json.dumps(body), "application/json")
    assert made.status_code == 201
    assert made.json()["key_id"] == ApplicationKey.objects.get().key_id
    again = client.post(url, json.dumps(body), "application/json")
    assert again.status_code == 422
