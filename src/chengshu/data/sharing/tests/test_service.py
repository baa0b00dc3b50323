"""The whole way against a real gateway process: lake, snapshot, grant, signed call, revocation, count, proof."""

import time

import pytest

from chengshu.data.sharing import calls, selectors
from chengshu.data.sharing.choices import GrantState
from chengshu.data.sharing.models import CallStatistic
from chengshu.data.sharing.services import grants
from chengshu.data.sharing.tests.cast import dispatch_all
from chengshu.data.sharing.verification import verify_trail
from chengshu_gateway.client import GatewayRefusedError
from chengshu_gateway.tests.sample_city import served

pytestmark = pytest.mark.service


def refusal(client, interface, record, **options):
    with pytest.raises(GatewayRefusedError) as caught:
        client.lookup(interface, record, **options)
    return caught.value


def test_a_table_of_the_lake_is_shared_called_revoked_counted_and_proven(scene):
    caller = scene.shared(row_filter={"eq": ["community_code", "330383001000"]}, per_day=4)
    code = caller.grant.interface.code
    with served(scene.gateway) as server:
        client = server.client(
            app=caller.grant.application.code, key_id=caller.key.key_id, secret=caller.secret
        )
        answer = client.lookup(code, "R0", purpose="入户走访")
        assert answer.data == {
            "resident_no": "R0", "name": "王**", "id_number": "390383********0011",
            "mobile": "154****5678", "community_code": "330383001000",
        }  # fmt: skip
        assert answer.version == caller.grant.interface.snapshot
        assert refusal(client, code, "R1").code == "no_record"
        refused = refusal(client, code, "R0", fields=["family"])
        assert (refused.status, refused.code) == (403, "field_not_granted")
        client.lookup(code, "R2")
        client.lookup(code, "R4")
        assert refusal(client, code, "R6").code == "quota_day"

        grants.set_state(
            actor=scene.officer, item=caller.grant, state=GrantState.REVOKED, reason="项目结束"
        )
        dispatch_all()
        revoked = time.monotonic()
        while refusal(client, code, "R0").code != "not_granted":
            assert time.monotonic() - revoked < 2
            time.sleep(0.05)
        assert time.monotonic() - revoked < 2

        server.stop()
    made = {"ok": 3, "no_record": 1, "field_not_granted": 1}
    counted = 0
    while count := calls.collect(limit=4):
        counted += count
    assert calls.collect() == 0
    sums: dict[str, int] = {}
    for row in CallStatistic.objects.all():
        sums[row.outcome] = sums.get(row.outcome, 0) + row.calls
    assert {k: sums[k] for k in made} == made
    assert sums["not_granted"] == 1
    assert selectors.count_calls() == counted == sum(sums.values())
    report = verify_trail()
    assert report["ok"]
    assert report["records"] >= counted
    assert verify_trail()["checkpoints"] == report["checkpoints"] >= 1
