"""The demo city's requests are sent once, through the same door as everybody's, and left as people moved them on."""

from types import SimpleNamespace

from chengshu.data.sharing.requests import demo
from chengshu.data.sharing.requests.choices import State
from chengshu.data.sharing.requests.models import AccessRequest
from chengshu.data.sharing.requests.services.moves import act_on


def test_the_demo_requests_wait_for_each_kind_of_work_and_are_not_sent_twice(scene):
    said: list[str] = []
    context = SimpleNamespace(say=said.append)
    demo.load(context)
    assert not AccessRequest.objects.exists(), "a city without the interfaces has no requests"
    for code in {story.interface for story in demo.STORIES}:
        scene.interface(code)
    for code in {story.application for story in demo.STORIES}:
        scene.application(code)
    demo.load(context)
    states = {item.state for item in AccessRequest.objects.all()}
    assert states == {State.REVIEW, State.ANSWER, State.CORRECTION, State.REFUSED}
    item = AccessRequest.objects.get(state=State.REVIEW)
    act_on(actor=scene.asker, item=item, act="withdraw")
    demo.load(context)
    assert AccessRequest.objects.count() == len(demo.STORIES)
    item.refresh_from_db()
    assert item.state == State.WITHDRAWN
