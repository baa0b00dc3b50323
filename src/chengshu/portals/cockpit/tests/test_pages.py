"""The cockpit shows computed numbers, opens the lists behind them, and is not for everybody."""

import pytest
from django.urls import reverse

from chengshu.kernel.registry import registry

pytestmark = pytest.mark.django_db


def test_the_wall_shows_every_indicator_of_every_manifest(cast, client_for):
    page = client_for(cast.admin).get(reverse("cockpit:home")).content.decode()
    for indicator in registry.indicators():
        assert indicator.name in page
    assert "还没有社区数据" in page or "ck-map" in page


def test_strangers_are_sent_to_sign_in_and_others_refused(cast, client, client_for):
    assert client.get(reverse("cockpit:home")).status_code == 302
    assert client_for(cast.stranger).get(reverse("cockpit:home")).status_code == 403


def test_a_community_without_data_says_so(cast, client_for):
    code = cast.community.region_id
    page = client_for(cast.admin).get(reverse("cockpit:community", args=[code])).content.decode()
    assert "还没有归集数据" in page
