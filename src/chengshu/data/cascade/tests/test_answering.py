"""Who may speak to us as a lower platform, and what of the catalogue goes between the two."""

import pytest

from chengshu.data.cascade import rounds
from chengshu.data.cascade.adapters import UpperError
from chengshu.data.cascade.choices import EntryState, Role, Scheme
from chengshu.data.cascade.models import Entry, LowerEntry, Platform
from chengshu.data.cascade.services import answering, cataloguing, platforms
from chengshu.data.cascade.tests.cast import Scene
from chengshu.data.catalog.services import lifecycle
from chengshu.kernel.errors import Conflict, InvalidInput
from chengshu.kernel.notices.models import Notice
from chengshu_gateway.client import sign
from chengshu_sm2 import Sm2PrivateKey

PATH = "/api/v1/cascade/hello"


def call(client, platform: Platform, secret: str, path: str = PATH, **signing):
    headers = sign(app=platform.app, key_id=platform.key_id, secret=secret, path=PATH, **signing)
    return client.get(path, headers=headers)


def test_only_a_fresh_signature_of_a_registered_platform_in_use_is_answered(scene: Scene, client):
    secret = platforms.change_secret(actor=scene.admin, platform=scene.lower)
    good = call(client, scene.lower, secret, nonce="n" * 20)
    assert (good.status_code, good.json()["you"]) == (200, "龙港市")
    assert call(client, scene.lower, secret, nonce="n" * 20).status_code == 401  # seen before
    assert call(client, scene.lower, "wrong").status_code == 401
    assert call(client, scene.lower, secret, timestamp=1_700_000_000_000).status_code == 401
    assert call(client, scene.lower, secret, f"{PATH}?x=1").status_code == 401
    assert client.get(PATH).status_code == 401
    platforms.set_state(actor=scene.admin, platform=scene.lower, active=False, reason="联调")
    assert call(client, scene.lower, secret).status_code == 403


def test_a_platform_may_sign_with_sm2_and_we_hold_only_its_public_key(scene: Scene, client):
    key = Sm2PrivateKey.generate()
    item, secret = platforms.register(
        actor=scene.admin,
        content=platforms.Registration(
            name="苍南县", role=Role.LOWER, rank="county", scheme=Scheme.SM2,
            public_key=key.public_key().point().hex(),
        ),
    )  # fmt: skip
    assert secret == ""
    assert call(client, item, key).status_code == 200
    assert call(client, item, Sm2PrivateKey.generate()).status_code == 401


def test_an_address_we_may_not_call_is_not_registered(scene: Scene, settings):
    settings.PROXY_NETWORKS = []
    for address in (
        "http://10.0.0.1", "https://169.254.169.254", "https://user@a.cn", "ftp://a.cn", "http://a.cn", "x",
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            platforms.register(
                actor=scene.admin,
                content=platforms.Registration(
                    name="省平台", rank="province", address=address, app="a", key_id="k", secret="s"
                ),
            )
        assert set(refused.value.fields) == {"address"}, address


def test_entries_go_up_by_version_and_the_keeper_hears_why_one_came_back(scene: Scene):
    cataloguing.send_up(actor=scene.admin, platform=scene.upper, resource=scene.upper_resource)
    rounds.run(scene.upper)
    received = LowerEntry.objects.get()
    assert received.document["content"]["items"][0]["name"] == "resident_no"
    assert received.document["dcat"].startswith("/")
    assert "source_table" not in received.document["content"]
    answering.decide_entry(actor=scene.admin, item=received, accept=False, reason="缺更新周期说明")
    rounds.run(scene.upper)
    entry = Entry.objects.get()
    assert (entry.state, entry.reason) == (EntryState.RETURNED, "缺更新周期说明")
    told = Notice.objects.get(title__startswith="上级退回目录")
    assert told.organization == scene.upper_resource.provider
    lifecycle.retire(actor=scene.admin, resource=scene.upper_resource, reason="并入省库")
    cataloguing.withdraw(scene.upper_resource)
    rounds.run(scene.upper)
    assert LowerEntry.objects.filter(withdrawn=True, state=EntryState.ACCEPTED).count() == 1


def test_what_is_l4_stays_out_of_the_upper_catalogue(scene: Scene):
    with pytest.raises(Conflict, match="L4"):
        cataloguing.send_up(actor=scene.admin, platform=scene.upper, resource=scene.resource)
    assert cataloguing.follow(scene.resource) == []


def test_the_connection_test_says_in_words_what_is_wrong(scene: Scene, faults: list[str]):
    assert "龙港市公共数据平台" in platforms.test_connection(
        actor=scene.admin, platform=scene.upper
    )
    faults.append("garbage")
    with pytest.raises(Exception, match="不是 JSON"):
        platforms.test_connection(actor=scene.admin, platform=scene.upper)
    assert scene.upper.check_passed is False
    with pytest.raises(UpperError, match="不主动连它"):
        platforms.conversation(scene.lower)
