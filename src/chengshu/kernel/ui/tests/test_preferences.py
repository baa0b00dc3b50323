import pytest
from django.test import RequestFactory

from chengshu.kernel.ui import preferences

factory = RequestFactory()


def test_a_choice_is_kept_and_leads_back():
    response = preferences.save(factory.post("/", {"type": "large", "next": "/me/?tab=2"}))
    assert response.headers["Location"] == "/me/?tab=2"
    assert response.cookies["cs_type"].value == "large"


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example", "javascript:x", ""]
)
def test_nobody_is_sent_to_another_site(target):
    response = preferences.save(factory.post("/", {"theme": "dark", "next": target}))
    assert response.headers["Location"] == "/"


def test_an_unknown_value_is_neither_stored_nor_believed():
    response = preferences.save(factory.post("/", {"theme": "x", "admin": "1"}))
    assert not response.cookies
    request = factory.get("/")
    request.COOKIES.update(cs_theme="<script>", cs_type="large")
    assert preferences.read(request) == preferences.Preferences(type="large")


def test_looking_does_not_store():
    assert preferences.save(factory.get("/")).status_code == 405
