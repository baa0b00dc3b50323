"""Client certificates of an application: registered, shown with their end, reminded of, used at the gateway."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.urls import reverse
from django.utils import timezone

from chengshu.data.sharing import key_reminders
from chengshu.data.sharing.choices import KeyScheme
from chengshu.data.sharing.models import ApplicationKey
from chengshu.data.sharing.services.applications import revoke_key
from chengshu.data.sharing.services.public_keys import register_public_key
from chengshu.data.sharing.tests.cast import dispatch_all
from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.notices.models import Receipt
from chengshu_gateway.certificates import CertificateRules
from chengshu_gateway.tests.sample_city import local
from chengshu_gateway.tests.test_certificates import PROXY, ask, handed, made, thumbprint
from chengshu_gateway.tests.test_oauth import BASE

ENDS = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
OWN = made("CN=网格移动端,O=市场监管局", ends=ENDS)
OTHER = made("CN=other")


def pem(pair):
    return pair[0].public_bytes(Encoding.PEM).decode()


def test_a_certificate_registered_on_the_page_obtains_a_token_until_it_is_revoked(scene, client):
    grant = scene.grant()
    client.force_login(scene.asker.account)
    page = reverse("sharing:key-register", args=["grid-app"])
    fields = {"scheme": KeyScheme.TLS_SELF, "public_key": pem(OWN), "expires_on": ""}
    assert client.post(page, fields).status_code == 302
    key = ApplicationKey.objects.get()
    assert (key.expires_at, key.secret_sealed) == (ENDS, "")
    shown = client.get(reverse("sharing:application", args=["grid-app"])).content.decode()
    assert thumbprint(OWN) in shown
    assert "即将到期" in shown
    dispatch_all()
    settings = {"public_url": BASE, "trusted_proxies": [PROXY]}
    with local(scene.gateway, certificates=CertificateRules(taken=True), **settings) as gateway:
        token = ask(gateway, OWN, client_id="grid-app").json["access_token"]

        def call(pair):
            headers = {"authorization": f"Bearer {token}", "client-cert": handed(pair)}
            path = f"/share/v1/{grant.interface.code}/R0"
            return gateway.ask(path, headers=headers, ip=PROXY)

        assert call(OWN).json["data"]["resident_no"] == "R0"
        assert call(OTHER).json["code"] == "bad_certificate"
        revoke_key(actor=scene.asker, key=key, reason="换证")
        dispatch_all()
        gateway.refresh()
        assert call(OWN).json["code"] == "key_inactive"


def test_the_api_registers_a_name_in_its_normal_form_and_one_name_belongs_to_one_application(
    scene, client
):
    scene.application()
    client.force_login(scene.asker.account)
    url = "/api/v1/sharing/applications/grid-app/public-keys"
    body = {"scheme": "tls-ca", "public_key": "subject_dn=CN=app, O=city"}
    assert client.post(url, json.dumps(body), "application/json").status_code == 201
    assert ApplicationKey.objects.get().public_key == "subject_dn=CN=app,O=city"
    again = {"scheme": "tls-ca", "public_key": pem(made("CN=app,O=city"))}
    assert client.post(url, json.dumps(again), "application/json").status_code == 422
    shown = client.get(reverse("sharing:application", args=["grid-app"])).content.decode()
    assert "subject_dn=CN=app,O=city" in shown


@pytest.mark.parametrize(
    ("scheme", "text", "told"),
    [
        ("tls-self-signed", "CN=app", "一张 PEM 证书"),
        ("tls-self-signed", pem(OWN) + pem(OTHER), "一张 PEM 证书"),
        ("tls-self-signed", pem(OWN).replace("MII", "AAA", 1), "证书无法识别"),
        ("tls-self-signed", pem(made("CN=x", ends=datetime.now(UTC) - timedelta(hours=1))), "过期"),
        ("tls-ca", "CN=app", "subject_dn"),
        ("tls-ca", "subject_dn=app", "subject_dn"),
        ("tls-ca", "san_ip=host", "subject_dn"),
    ],
)
def test_what_is_no_certificate_or_name_is_refused_with_the_reason(scene, scheme, text, told):
    with pytest.raises(InvalidInput) as caught:
        register_public_key(
            actor=scene.asker, application=scene.application(), scheme=scheme, public_key=text
        )
    assert told in caught.value.fields["public_key"]


def test_whoever_manages_the_keys_is_told_a_month_and_a_week_before_the_end_once_each(scene):
    register_public_key(
        actor=scene.asker, application=scene.application(), scheme="tls-self-signed",
        public_key=pem(OWN), expires_at=timezone.now() + timedelta(days=900),
    )  # fmt: skip
    mine = Receipt.objects.filter(account=scene.asker.account)
    before = mine.count()
    told = [
        key_reminders.run(ENDS - timedelta(days=days)) and mine.count() - before
        for days in (40, 20, 19, 6, 5, 0)
    ]
    assert told == [0, 1, 0, 2, 0, 0]
    notice = mine.latest("pk").notice
    assert "还有 6 天到期" in notice.title
    assert "登记新证书" in notice.body
