"""The citizen's pages: open to everybody, with honest empty states."""

import pytest
from django.urls import reverse

from chengshu.data.sharing.choices import CallKind
from chengshu.data.sharing.uses import index
from chengshu.portals.citizen import data_uses

pytestmark = pytest.mark.django_db


def test_home_is_public_and_admits_that_nothing_is_open_yet(client):
    page = client.get(reverse("citizen:home")).content.decode()
    assert "没有找到公共数据" in page
    assert "tel:12345" in page


def test_searching_finds_departments_by_part_of_the_name(cast, client):
    page = client.get(reverse("citizen:home"), {"q": cast.department_a.short[1:4]}).content.decode()
    assert cast.department_a.name in page
    other = client.get(reverse("citizen:home"), {"q": "不存在的部门"}).content.decode()
    assert "没有名称相符的部门" in other


def test_departments_are_listed(cast, client):
    assert cast.department_a.name in client.get(reverse("citizen:departments")).content.decode()


def test_my_page_needs_sign_in(cast, client, client_for):
    assert client.get(reverse("citizen:me")).status_code == 302
    page = client_for(cast.citizen).get(reverse("citizen:me")).content.decode()
    assert cast.citizen.display_name in page


def test_every_way_of_calling_that_names_records_has_words_for_the_person():
    assert set(data_uses.KINDS) == index.NAMING
    # A way that is added must say whether its record names whom it was about.
    assert set(CallKind.values) - index.NAMING == {"export", "statistics"}
