"""Saved filters: kept by person and list, opened again, refused to everybody else."""

import pytest
from django.urls import reverse

from chengshu.kernel.ui.models import SavedFilter
from chengshu.kernel.ui.saved import services

pytestmark = pytest.mark.django_db
LIST = "/console/ui/list/"


@pytest.fixture
def client(client_for, cast):
    return client_for(cast.operator)


def save(client, **changes):
    values = {"list": "gallery", "path": LIST, "name": "目录的", "query": "app_label=catalog"}
    return client.post(reverse("ui:saved-save"), values | changes)


def menu(client, **headers):
    return client.get(
        reverse("ui:saved"), {"list": "gallery", "path": LIST}, headers=headers
    ).content.decode()


def test_conditions_are_kept_under_a_name_and_opened_again(client):
    page = client.get(f"{LIST}?q=set&sort=-model&cursor=x").content.decode()
    assert 'name="query" value="q=set&amp;sort=-model"' in page
    assert 'name="query"' not in client.get(LIST).content.decode()
    kept = save(client, query="q=set&sort=-model&cursor=x&export=csv")
    assert kept.url == f"{LIST}?q=set&sort=-model"
    assert f'href="{LIST}?q=set&amp;sort=-model"' in menu(client, HX_Request="true")
    assert "回到列表" in menu(client)
    save(client, query="q=other")
    assert SavedFilter.objects.get().query == "q=other", "the same name takes the new conditions"


def test_nobody_sees_or_removes_what_is_somebody_elses(client, client_for, cast):
    save(client)
    item = SavedFilter.objects.get()
    other = client_for(cast.admin)
    assert "目录的" not in menu(other)
    where = reverse("ui:saved-remove", args=[item.pk])
    assert other.post(where, {"path": LIST}).status_code == 404
    assert client.post(where, {"path": LIST}).url == LIST
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "长" * 31}, {"query": "cursor=x"}, {"list": ""}]
)
def test_what_cannot_be_kept_is_said(client, wrong):
    assert save(client, **wrong).status_code == 422
    assert not SavedFilter.objects.exists()


def test_a_list_keeps_twenty_and_another_its_own(client, monkeypatch):
    monkeypatch.setattr(services, "MOST", 2)
    for name in ("一", "二"):
        assert save(client, name=name).status_code == 302
    assert save(client, name="三").status_code == 422
    assert save(client, name="二", query="q=new").status_code == 302
    assert save(client, name="三", list="jobs").status_code == 302


def test_the_way_back_never_leaves_the_site(client):
    assert save(client, path="https://evil.example/x").url.startswith("/?")
    assert 'href="javascript' not in client.get(
        reverse("ui:saved"), {"list": "gallery", "path": "javascript:alert(1)"}
    ).content.decode()  # fmt: skip
