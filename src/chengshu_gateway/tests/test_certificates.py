"""Tokens by client certificate (RFC 8705): who gets one, and that over another certificate it is worth nothing."""

import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from joserfc.jwk import ECKey

from chengshu_gateway.bundle import AppKey, BundleError
from chengshu_gateway.certificates import Authorities, CertificateRules, Shown, shown
from chengshu_gateway.client import GatewayRefusedError
from chengshu_gateway.jose import UnprovenError
from chengshu_gateway.request import AddressReader
from chengshu_gateway.tests.sample_city import (
    APP,
    SECRET,
    calls,
    local,
    publish,
    publish_rules,
    served,
)
from chengshu_gateway.tests.test_oauth import BASE, ROW, TOKEN, ask_token, proof
from chengshu_gateway.token_client import TokenClient

PROXY = "127.0.0.2"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
DOCS = Path(__file__).parents[3] / "docs"
GUIDE, INTEGRATION = DOCS / "operations.md", DOCS / "integration.md"


def made(
    subject, issuer=None, *, begins=NOW - DAY, ends=NOW + 30 * DAY, names=(), uses=(), ca=False
):
    """A certificate with its private key, self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(subject)
    signer = issuer[1] if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[0].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    return builder.sign(signer, hashes.SHA256()), key


def der(pair):
    return pair[0].public_bytes(serialization.Encoding.DER)


def thumbprint(pair):
    return shown({b"client-cert": handed(pair).encode()}).thumbprint


def handed(pair):
    """The header as nginx writes it."""
    pem = pair[0].public_bytes(serialization.Encoding.PEM).decode()
    return quote(pem, safe="-")


CA, OTHER_CA = made("CN=CA", ca=True), made("CN=Other CA", ca=True)
OWN, STRANGER = made("CN=app-1"), made("CN=app-1")
EXPIRED = made("CN=app-1", begins=NOW - 9 * DAY, ends=NOW - DAY)
SUBJECT = "CN=政务服务,O=大数据局,C=CN"
ISSUED = made(SUBJECT, CA)
KEYED = replace(
    APP,
    keys=(
        *APP.keys,
        AppKey("c1", "", scheme="tls-self-signed", public_key=thumbprint(OWN)),
        AppKey("c2", "", scheme="tls-ca", public_key=f"subject_dn={SUBJECT}"),
        AppKey("c3", "", scheme="tls-self-signed", public_key=thumbprint(EXPIRED)),
    ),
)
RULES = CertificateRules(
    taken=True,
    authorities=Authorities(CA[0].public_bytes(serialization.Encoding.PEM)),
    alias="https://mtls.example/",
)


@pytest.fixture
def city(tmp_path):
    return publish(tmp_path, app=KEYED)


@pytest.fixture
def gateway(city):
    settings = {"public_url": BASE, "trusted_proxies": [PROXY], "certificates": RULES}
    with local(city, **settings) as running:
        yield running


def ask(gateway, pair, *, via=PROXY, caller="10.9.0.1", dpop=None, **form):
    """A token request over a certificate, as the proxy passes it on."""
    fields = {"grant_type": "client_credentials", "client_id": "app-1", **form}
    headers = {"content-type": "application/x-www-form-urlencoded", "x-forwarded-for": caller}
    headers |= {"client-cert": pair if isinstance(pair, str) else handed(pair)} if pair else {}
    headers |= {"dpop": dpop} if dpop else {}
    body = "&".join(f"{name}={quote(value)}" for name, value in fields.items()).encode()
    return gateway.ask(TOKEN, headers=headers, method="POST", body=body, ip=via)


def use(gateway, token, pair, *, via=PROXY, caller="10.9.0.1", scheme="Bearer", dpop=None):
    headers = {"authorization": f"{scheme} {token}", "x-forwarded-for": caller}
    headers |= {"client-cert": pair if isinstance(pair, str) else handed(pair)} if pair else {}
    headers |= {"dpop": dpop} if dpop else {}
    return gateway.ask(ROW, headers=headers, ip=via)


def test_a_certificate_obtains_a_token_that_nobody_else_can_use_and_every_try_is_in_the_trail(
    city, gateway
):
    got = ask(gateway, OWN).json
    assert (got["token_type"], got["expires_in"]) == ("Bearer", 300)
    token = got["access_token"]
    assert use(gateway, token, OWN).json["data"]["code"] == "R1"
    assert use(gateway, token, OWN).status == 200
    escaped = handed(OWN)
    thefts = [
        ("bad_certificate", {"pair": STRANGER}),
        ("bad_certificate", {"pair": ISSUED}),
        ("bad_certificate", {"pair": None}),
        ("bad_certificate", {"pair": OWN, "via": "10.0.0.7"}),  # forged past the proxy
        ("bad_certificate", {"pair": escaped[:-9]}),
        ("bad_certificate", {"pair": ":AAAA"}),
        ("bad_certificate", {"pair": ":!:"}),
        ("bad_token", {"pair": OWN, "scheme": "DPoP", "dpop": proof(method="GET", path=ROW, token=token)}),
    ]  # fmt: skip
    for n, (code, options) in enumerate(thefts):
        reply = use(gateway, token, caller=f"10.1.0.{n}", **options)
        assert (reply.status, reply.json["code"]) == (401, code), options
        assert "data" not in reply.json
    assert [call.outcome for call in calls(city)[3:]] == [code for code, _options in thefts]
    assert [(c.kind, c.key_id, c.outcome) for c in calls(city)[:1]] == [("token", "c1", "ok")]


def test_the_standards_own_form_of_the_header_is_the_same_certificate():
    import base64

    value = b":" + base64.b64encode(der(OWN)) + b":"
    assert shown({b"client-cert": value}) == shown({b"client-cert": handed(OWN).encode()})


def test_a_header_counts_once_and_from_a_trusted_proxy_only():
    reader = AddressReader([f"{PROXY}/32"])
    one = (b"client-cert", b"x")
    for client, sent, believed in (
        ((PROXY, 1), [one], True),
        ((PROXY, 1), [one, one], False),
        (("127.0.0.1", 1), [one], False),
        (None, [one], False),
    ):
        assert reader.vouched({"client": client, "headers": sent}, b"client-cert") is believed
    assert not AddressReader().vouched({"client": (PROXY, 1), "headers": [one]}, b"client-cert")


def test_who_shows_no_certificate_of_its_own_gets_no_token(gateway):
    wrong = [
        ("bad_client", {"pair": STRANGER}),
        ("bad_client", {"pair": made(SUBJECT, OTHER_CA)}),
        ("bad_client", {"pair": made("CN=政务服务,O=另一单位,C=CN", CA)}),
        ("bad_client", {"pair": made(SUBJECT, CA, uses=[ExtendedKeyUsageOID.SERVER_AUTH])}),
        ("bad_client", {"pair": made(SUBJECT)}),
        ("bad_client", {"pair": OWN, "client_id": "app-9"}),
        ("bad_certificate", {"pair": EXPIRED}),
        ("bad_certificate", {"pair": made(SUBJECT, CA, begins=NOW + DAY)}),
        ("bad_certificate", {"pair": OWN, "via": "10.0.0.7"}),
        ("bad_certificate", {"pair": ":AAAA:"}),
        ("bad_proof", {"pair": None}),
    ]
    for n, (code, options) in enumerate(wrong):
        reply = ask(gateway, caller=f"10.2.0.{n}", **options)
        assert (reply.status, reply.json["code"]) == (401, code), options
    assert ask(gateway, ISSUED).status == 200
    used = made(SUBJECT, CA, uses=[ExtendedKeyUsageOID.CLIENT_AUTH])
    assert ask(gateway, used).status == 200


NAMES = [x509.DNSName("a.example"), x509.UniformResourceIdentifier("urn:app:1"),
         x509.RFC822Name("app@a.example"), x509.IPAddress(ipaddress.ip_address("10.1.2.3"))]  # fmt: skip


def test_a_registered_name_is_the_subject_or_one_alternative_name_of_its_kind():
    pair = made("CN=x", CA, names=NAMES)
    now = time.time()
    given = Shown(der(pair), "t" * 43)

    def proves(name):
        key = AppKey("c", "", scheme="tls-ca", public_key=name)
        try:
            return RULES.key_of([key], given, given.certificate(now), now) is key
        except UnprovenError:
            return False

    for name in ("san_dns=a.example", "san_uri=urn:app:1", "san_email=app@a.example", "san_ip=10.1.2.3"):  # fmt: skip
        assert proves(name), name
    for name in ("san_uri=a.example", "san_dns=b.example", "san_ip=a.example", "subject_dn=CN=a.example",
                 "subject_dn=no name"):  # fmt: skip
        assert not proves(name), name
    with pytest.raises(UnprovenError, match="没有配置"):
        CertificateRules(taken=True).key_of(
            [AppKey("c", "", scheme="tls-ca", public_key="san_dns=a.example")],
            given, given.certificate(now), now,
        )  # fmt: skip


def test_a_secret_over_a_certificate_binds_to_it_and_a_proof_is_not_shed(gateway):
    by_secret = ask(gateway, STRANGER, client_secret=SECRET).json["access_token"]
    assert use(gateway, by_secret, STRANGER).status == 200
    assert use(gateway, by_secret, OWN, caller="10.3.0.1").json["code"] == "bad_certificate"
    proven = ask_token(gateway, client_secret=SECRET).json["access_token"]
    assert use(gateway, proven, OWN, caller="10.3.0.2").json["code"] == "bad_token"
    both = ask(gateway, OWN, dpop=proof()).json
    assert both["token_type"] == "DPoP"
    token = both["access_token"]

    def shows():
        return {"scheme": "DPoP", "dpop": proof(method="GET", path=ROW, token=token)}

    assert use(gateway, token, OWN, **shows()).status == 200
    assert use(gateway, token, STRANGER, **shows()).json["code"] == "bad_certificate"
    assert use(gateway, token, OWN, scheme="DPoP").json["code"] == "bad_proof"


def test_a_token_ends_with_the_certificate_and_with_the_registration(city, gateway):
    short = made(SUBJECT, CA, ends=datetime.now(UTC) + timedelta(seconds=40))
    assert 0 < ask(gateway, short).json["expires_in"] <= 40
    token = ask(gateway, OWN).json["access_token"]
    keys = tuple(replace(k, state="disabled") if k.key_id == "c1" else k for k in KEYED.keys)
    publish_rules(city, app=replace(KEYED, keys=keys))
    gateway.refresh()
    assert use(gateway, token, OWN).json["code"] == "key_inactive"
    assert ask(gateway, OWN).json["code"] == "key_inactive"


def test_a_stranger_reads_what_is_taken_and_where(city, gateway):
    path = "/.well-known/oauth-authorization-server"
    told = gateway.ask(path, headers={}).json
    assert told["tls_client_certificate_bound_access_tokens"] is True
    methods = told["token_endpoint_auth_methods_supported"]
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(methods)
    assert told["mtls_endpoint_aliases"] == {"token_endpoint": "https://mtls.example" + TOKEN}
    with local(city, public_url=BASE) as plain:
        told = plain.ask(path, headers={}).json
    assert told["tls_client_certificate_bound_access_tokens"] is False
    assert not [each for each in told["token_endpoint_auth_methods_supported"] if "tls" in each]


@pytest.mark.parametrize(
    ("scheme", "material"),
    [("tls-self-signed", "short"), ("tls-ca", "CN=x"), ("tls-ca", "san_dns="), ("tls-ca", "subject_dn=a\nb")],
)  # fmt: skip
def test_a_bundle_with_another_registration_is_refused(tmp_path, scheme, material):
    with pytest.raises(BundleError):
        publish_rules(
            tmp_path, app=replace(APP, keys=(AppKey("c", "", scheme=scheme, public_key=material),))
        )


# The same over real TLS: certificates by openssl, the operator's guide's nginx in front.

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
EC = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


def openssl(folder, *commands):
    for command in commands:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


def certificates(folder):
    """CA, another CA, and of each kind of client one certificate."""
    (folder / "client.ext").write_text("basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n")
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1\n")
    for ca in ("ca", "other"):
        openssl(folder, f"req -x509 {EC} -keyout {ca}.key -out {ca}.pem -days 30 -subj /CN={ca}")
    for name, issuer, extensions in (
        ("server", "ca", "server"), ("issued", "ca", "client"), ("foreign", "other", "client"),
    ):  # fmt: skip
        openssl(
            folder,
            f"req {EC} -keyout {name}.key -out {name}.csr -subj /O=city/CN={name.replace('foreign', 'issued')}",
            f"x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial -days 9"
            f" -out {name}.pem -extfile {extensions}.ext",
        )
    for name in ("own", "stranger"):
        openssl(
            folder, f"req -x509 {EC} -keyout {name}.key -out {name}.pem -days 9 -subj /CN={name}"
        )
    late, key = EXPIRED
    (folder / "late.pem").write_bytes(late.public_bytes(serialization.Encoding.PEM))
    (folder / "late.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx(folder, gateway_port, port):
    """Start nginx with the server block of the operator's guide; only names and paths differ."""
    block = re.search(r"```nginx\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL).group(1)
    for written, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/chengshu/tls/", f"{folder}/"),
        ("127.0.0.1:8001", f"127.0.0.1:{gateway_port}"),
        ("proxy_bind 127.0.0.1", f"proxy_bind {PROXY}"),
    ):
        assert written in block, written
        block = block.replace(written, here)
    temporary = "\n".join(
        f"{each}_temp_path {folder}/t-{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}\n{block}\n}}\n"
    )
    process = subprocess.Popen(
        [NGINX, "-c", str(folder / "nginx.conf"), "-e", f"{folder}/first.log"]
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.05)
    raise AssertionError((folder / "nginx.log").read_text())


@pytest.mark.service
@pytest.mark.skipif(NGINX is None, reason="没有 nginx")
def test_over_real_tls_behind_the_guides_nginx(tmp_path):
    folder = tmp_path / "tls"
    folder.mkdir(mode=0o755)
    certificates(folder)
    keys = [("c2", "tls-ca", "subject_dn=CN=issued,O=city")]
    for key_id, name in (("c1", "own"), ("c3", "late")):
        pem = (folder / f"{name}.pem").read_bytes()
        body = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.PEM)
        value = quote(body.decode(), safe="-").encode()
        keys.append((key_id, "tls-self-signed", shown({b"client-cert": value}).thumbprint))
    registered = tuple(AppKey(i, "", scheme=s, public_key=m) for i, s, m in keys)
    city = publish(tmp_path / "city", app=replace(APP, keys=(*APP.keys, *registered)))
    with served(
        city, "--trusted-proxy", f"{PROXY}/32", "--client-ca", str(folder / "ca.pem")
    ) as server:
        port = free_port()
        process = nginx(folder, server.port, port)
        made_clients = []

        def client(name, address=f"https://127.0.0.1:{port}"):
            found = TokenClient(
                address, app="app-1", key_id="", secret="",
                certificate_file=str(folder / f"{name}.pem"),
                certificate_key_file=str(folder / f"{name}.key"),
                authority_file=str(folder / "ca.pem"),
            )  # fmt: skip
            made_clients.append(found)
            return found

        try:
            own, issued = client("own"), client("issued")
            assert own.lookup("residents", "R1", purpose="核对").data["code"] == "R1"
            assert issued.lookup("residents", "R2").data["code"] == "R2"
            expected = ["ok"] * 4
            for name, code in (
                ("stranger", "bad_client"), ("foreign", "bad_client"), ("late", "bad_certificate"),
            ):  # fmt: skip
                with pytest.raises(GatewayRefusedError) as caught:
                    client(name).lookup("residents", "R1")
                assert caught.value.code == code
                expected.append(code)
            thief = client("stranger")
            thief._token, thief._until = own._token, own._until
            with pytest.raises(GatewayRefusedError) as caught:
                thief.lookup("residents", "R1")
            assert (caught.value.status, caught.value.code) == (401, "bad_certificate")
            thief.close()
            # With the header of the real certificate: nginx writes its own in its place …
            forged = {
                "Authorization": f"Bearer {own._token}",
                "Client-Cert": quote((folder / "own.pem").read_text(), safe="-"),
            }
            for connection in (
                thief._connect(),
                server.client()._connect(),
            ):  # … and nobody passes it
                connection.request("GET", ROW, headers=forged)
                reply = connection.getresponse()
                assert (reply.status, json.loads(reply.read())["code"]) == (401, "bad_certificate")
            expected += ["bad_certificate"] * 3
        finally:
            for each in made_clients:
                each.close()
            process.terminate()
            process.wait(10)
    assert [call.outcome for call in calls(city)] == expected


@pytest.mark.service
@pytest.mark.skipif(NGINX is None, reason="没有 nginx")
def test_a_foreign_oauth_library_gets_tokens_and_calls_as_the_guide_says(tmp_path):
    folder = tmp_path / "tls"
    folder.mkdir(mode=0o755)
    certificates(folder)
    own = x509.load_pem_x509_certificate((folder / "own.pem").read_bytes())
    signing_key = ECKey.generate_key("P-256")
    keys = (
        AppKey("c1", "", scheme="tls-self-signed", public_key=thumbprint((own,))),
        AppKey("j1", "", scheme="private-key-jwt",
               public_key=signing_key.as_pem(private=False).decode()),
    )  # fmt: skip
    city = publish(tmp_path / "city", app=replace(APP, keys=(*APP.keys, *keys)))
    port = free_port()
    address = f"https://127.0.0.1:{port}"
    options = ("--trusted-proxy", f"{PROXY}/32", "--public-url", address)
    example = re.search(
        r"### 用通用的 OAuth 库.*?```python\n(.*?)```", INTEGRATION.read_text("utf-8"), re.DOTALL
    )
    with served(city, *options) as server:
        process = nginx(folder, server.port, port)
        try:
            done = subprocess.run(
                [sys.executable, "-c", example.group(1)],
                env={
                    **os.environ, "CHENGSHU_GATEWAY": address, "CHENGSHU_APP": "app-1",
                    "CHENGSHU_CA": f"{folder}/ca.pem", "CHENGSHU_CERTIFICATE": f"{folder}/own.pem",
                    "CHENGSHU_CERTIFICATE_KEY": f"{folder}/own.key", "CHENGSHU_SECRET": SECRET,
                    "CHENGSHU_PRIVATE_KEY": signing_key.as_pem(private=True).decode(),
                    "CHENGSHU_INTERFACE": "residents", "PYTHONIOENCODING": "utf-8",
                },
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            process.terminate()
            process.wait(10)
    assert done.returncode == 0, done.stderr
    methods = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
    assert done.stdout.split("\n")[:-1] == [f"{method} 200 张**" for method in methods]
    found = calls(city)
    assert [call.key_id for call in found] == ["k1", "k1", "k1", "k1", "j1", "j1", "c1", "c1"]
    assert {call.outcome for call in found} == {"ok"}
