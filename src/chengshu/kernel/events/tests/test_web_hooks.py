"""Outside receivers: who may register them, what is refused, and that a secret is shown only once."""

import pytest
from django.urls import reverse

from chengshu.kernel.audit.models import AuditRecord
from chengshu.kernel.crypto.facade import open_sealed
from chengshu.kernel.errors import Conflict, InvalidInput, NotAllowed
from chengshu.kernel.events import dispatch as dispatching
from chengshu.kernel.events import web_hooks
from chengshu.kernel.events.models import Delivery, DeliveryState, Event, WebHook
from chengshu.kernel.events.services import emit
from chengshu.kernel.identity.tests.cast import make_account
from chengshu.kernel.unit_of_work import unit_of_work

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.gov.cn/city"
PREFIX = "city.identity."


@pytest.fixture
def operator(cast, actor_for):
    return actor_for(cast.operator)


@pytest.fixture
def client(cast, client_for):
    return client_for(cast.operator)


@pytest.fixture
def sent(monkeypatch):
    """What would go over the wire, by receiver."""
    posts = []
    monkeypatch.setattr(
        dispatching, "_post", lambda hook, event: posts.append((hook.name, event.type))
    )
    return posts


def register(actor, name="省平台", url=URL, types=(PREFIX,)):
    return web_hooks.register_hook(actor=actor, name=name, url=url, types=types)


def tell(kind="city.identity.account.changed"):
    with unit_of_work():
        return emit(type=kind, source="identity", subject="u1")


def text(response):
    return response.content.decode()


def test_a_registered_receiver_gets_its_events_and_its_own_sealed_secret(operator, sent):
    hook, secret = register(operator)
    other, other_secret = register(operator, name="市平台", types=("city.catalog.",))
    assert secret != other_secret
    assert secret not in hook.secret_sealed
    assert open_sealed(hook.secret_sealed, place=web_hooks.SECRET_PLACE) == secret
    tell()
    dispatching.dispatch()
    assert sent == [("省平台", "city.identity.account.changed")]
    assert not Delivery.objects.filter(subscriber=f"webhook:{other.pk}").exists()


def test_the_trace_names_the_receiver_but_never_its_secret(operator):
    hook, secret = register(operator)
    new = web_hooks.rotate_hook_secret(actor=operator, hook=hook)
    rows = list(AuditRecord.objects.order_by("seq"))
    assert [row.action for row in rows] == ["events.hook_registered", "events.hook_secret_rotated"]
    assert rows[0].after == {"name": "省平台", "url": URL, "types": PREFIX}
    hook.refresh_from_db()
    for row in rows:
        kept = f"{row.before}{row.after}{row.object_name}{row.reason}"
        assert secret not in kept
        assert new not in kept
        assert hook.secret_sealed not in kept


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "http://hooks.example.gov.cn/"}, "url"),
        ({"url": "ftp://hooks.example.gov.cn/"}, "url"),
        ({"url": "https://user:word@hooks.example.gov.cn/"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": f"https://hooks.example.gov.cn/{'a' * 200}"}, "url"),
        ({"name": "  "}, "name"),
        ({"types": ()}, "types"),
        ({"types": (PREFIX, "")}, "types"),
        ({"types": ("city.nothing.",)}, "types"),
        ({"types": ("org.other.",)}, "types"),
    ],
)
def test_an_address_without_tls_or_an_unknown_event_is_refused(operator, values, field):
    with pytest.raises(InvalidInput) as refused:
        register(operator, **values)
    assert list(refused.value.fields) == [field]
    assert not WebHook.objects.exists()


def test_two_receivers_never_share_a_name(operator):
    register(operator)
    with pytest.raises(Conflict, match="省平台"):
        register(operator, url="https://other.example.gov.cn/")
    assert WebHook.objects.count() == 1


def test_a_disabled_receiver_gets_what_waited_once_it_is_enabled_again(operator, sent):
    hook, _ = register(operator)
    event = tell()
    dispatching._fan_out(10)
    web_hooks.set_hook_active(actor=operator, hook=hook, active=False)
    tell()
    dispatching.dispatch()
    assert sent == []
    waiting = Delivery.objects.get(subscriber=f"webhook:{hook.pk}")
    assert (waiting.event, waiting.state, waiting.attempts) == (event, DeliveryState.PENDING, 0)
    web_hooks.set_hook_active(actor=operator, hook=hook, active=True)
    dispatching.dispatch()
    assert len(sent) == 1
    with pytest.raises(Conflict):
        web_hooks.set_hook_active(actor=operator, hook=hook, active=True)


def test_a_new_secret_replaces_the_old_one(operator):
    hook, old = register(operator)
    new = web_hooks.rotate_hook_secret(actor=operator, hook=hook)
    hook.refresh_from_db()
    assert new != old
    assert open_sealed(hook.secret_sealed, place=web_hooks.SECRET_PLACE) == new


@pytest.mark.parametrize("who", ["admin", "stranger", "local"])
def test_only_the_city_s_operator_manages_receivers(cast, actor_for, operator, who):
    hook, _ = register(operator)
    local = make_account("local", "区运维", cast.department_a, role="operator")
    actor = actor_for(local if who == "local" else getattr(cast, who))
    acts = [
        lambda: register(actor, name="别的"),
        lambda: web_hooks.set_hook_active(actor=actor, hook=hook, active=False),
        lambda: web_hooks.rotate_hook_secret(actor=actor, hook=hook),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert WebHook.objects.get().active


def test_the_secret_is_on_the_page_once_and_never_again(client):
    assert f"（{PREFIX}*）" in text(client.get(reverse("events:hook-new")))
    response = client.post(
        reverse("events:hook-new"), {"name": "省平台", "url": URL, "types": [PREFIX]}
    )
    hook = WebHook.objects.get()
    secret = open_sealed(hook.secret_sealed, place=web_hooks.SECRET_PLACE)
    assert secret in text(response)
    assert response.headers["Cache-Control"] == "no-store"
    page = text(client.get(reverse("events:hook", args=[hook.pk])))
    assert "省平台" in page
    assert secret not in page
    rotated = text(client.post(reverse("events:hook-rotate", args=[hook.pk])))
    hook.refresh_from_db()
    assert open_sealed(hook.secret_sealed, place=web_hooks.SECRET_PLACE) in rotated


def test_a_refused_address_is_explained_beside_the_field(client):
    values = {"name": "省平台", "url": "http://a.example.cn/", "types": [PREFIX]}
    response = client.post(reverse("events:hook-new"), values)
    assert response.status_code == 422
    assert "请填写 https:// 开头的地址，不含账号和密码" in text(response)
    values["url"] = URL
    client.post(reverse("events:hook-new"), values)
    assert "已有名为“省平台”" in text(client.post(reverse("events:hook-new"), values))


def test_the_list_and_the_page_show_the_state_and_the_last_deliveries(client, operator):
    assert "还没有外部回调" in text(client.get(reverse("events:hooks")))
    hook, _ = register(operator)
    Delivery.objects.create(
        event=Event.objects.create(type="city.identity.account.changed", source="identity"),
        subscriber=f"webhook:{hook.pk}", attempts=3, error="HTTPError: 502",
    )  # fmt: skip
    page = text(client.get(reverse("events:hook", args=[hook.pk])))
    assert "账号有变更" in page
    assert "HTTPError: 502" in page
    page = text(client.post(reverse("events:hook-disable", args=[hook.pk]), follow=True))
    assert "“省平台”已停用" in page
    assert "停用期间发生的事件不会补送" in page
    assert "停用" in text(client.get(reverse("events:hooks")))
    page = text(client.post(reverse("events:hook-enable", args=[hook.pk]), follow=True))
    assert "“省平台”已启用" in page
    assert client.get(reverse("events:hook", args=[hook.pk + 1])).status_code == 404


def test_those_who_only_look_at_events_do_not_see_receivers(cast, client_for):
    looker = client_for(cast.admin)
    assert "外部回调" not in text(looker.get(reverse("events:deliveries")))
    assert looker.get(reverse("events:hooks")).status_code == 403
    assert "外部回调" in text(client_for(cast.operator).get(reverse("events:deliveries")))


def test_the_list_of_deliveries_calls_a_receiver_by_its_name(client, operator):
    hook, _ = register(operator)
    event = Event.objects.create(type="city.identity.account.changed", source="identity")
    for subscriber in (f"webhook:{hook.pk}", f"webhook:{hook.pk + 1}"):
        Delivery.objects.create(event=event, subscriber=subscriber)
    page = text(client.get(reverse("events:deliveries")))
    assert "外部回调：省平台" in page
    assert f"外部回调：webhook:{hook.pk + 1}" in page
    assert f"webhook:{hook.pk}<" not in page
