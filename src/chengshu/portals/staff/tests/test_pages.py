"""The staff phone: to-do, applications, me."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["home", "applications", "me"])
def test_pages_open_for_staff_and_not_for_strangers(name, cast, client, client_for):
    url = reverse(f"staff:{name}")
    assert client_for(cast.officer_a).get(url).status_code == 200
    assert client.get(url).status_code == 302


def test_applications_are_only_what_the_person_may_use(cast, client_for):
    officer = client_for(cast.officer_a).get(reverse("staff:applications")).content.decode()
    nobody = client_for(cast.stranger).get(reverse("staff:applications")).content.decode()
    assert "数据资源" in officer
    assert "还没有开通应用" in nobody
