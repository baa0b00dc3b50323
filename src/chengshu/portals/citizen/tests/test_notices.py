"""A citizen reads messages in the citizen's shell; the console's addresses lead there."""

import pytest
from django.urls import reverse

from chengshu.kernel.notices.services import notify

pytestmark = pytest.mark.django_db


def test_a_message_is_listed_opened_and_read_without_the_console(cast, client_for):
    notify(
        account=cast.citizen, title="受限开放：已同意", body="密钥请自取", url="/open/restricted/x/"
    )
    notify(account=cast.citizen, title="数据集有更新")
    client = client_for(cast.citizen)
    assert "2 条未读" in client.get(reverse("citizen:me")).text
    listed = client.get(reverse("notices:inbox"), follow=True)
    assert listed.redirect_chain[-1][0] == reverse("citizen:notices")
    assert "受限开放：已同意" in listed.text
    mine = cast.citizen.notices.get(notice__title__contains="受限开放")
    opened = client.get(reverse("notices:notice", args=[mine.pk]), follow=True)
    assert "密钥请自取" in opened.text
    assert 'href="/open/restricted/x/"' in opened.text
    assert "cs-phone--citizen" in opened.text
    assert "1 条未读" in client.get(reverse("citizen:notices")).text
    client.post(reverse("citizen:notices-read"))
    assert not cast.citizen.notices.filter(read_at=None).exists()
    assert "还没有消息" not in client.get(reverse("citizen:notices")).text


def test_anothers_message_is_not_there(cast, client_for):
    notify(account=cast.officer_a, title="给专员的")
    theirs = cast.officer_a.notices.get()
    client = client_for(cast.citizen)
    assert client.get(reverse("citizen:notice", args=[theirs.pk])).status_code == 404
    assert "还没有消息" in client.get(reverse("citizen:notices")).text
