"""The gallery shows every component; its pages keep the rules every page must keep."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import engines
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.signals import template_rendered
from django.urls import reverse

from chengshu.kernel.errors import InvalidInput
from chengshu.kernel.ui.gallery import views

pytestmark = pytest.mark.django_db
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


class Rules(HTMLParser):
    """Collects what a strict content security policy and a screen reader would stumble over."""

    def __init__(self):
        super().__init__()
        self.faults, self.ids, self.labelled, self.tags = [], [], set(), []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if "style" in attributes or tag == "style":
            self.faults.append(f"inline style on {tag}")
        self.faults += [f"{name} on {tag}" for name in attributes if re.match(r"on[a-z]+$", name)]
        if (
            tag == "script"
            and "src" not in attributes
            and attributes.get("type") != "application/json"
        ):
            self.faults.append("inline script")
        for name in ("src", "href"):
            if str(attributes.get(name, "")).startswith(("http:", "https:", "//")):
                self.faults.append(f"foreign address {attributes[name]}")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.tags.append((tag, attributes))


def addresses():
    yield reverse("ui:gallery")
    yield reverse("ui:gallery-list")
    yield reverse("ui:gallery-list") + "?q=no-such-kind"
    yield reverse("ui:gallery-list") + "?app_label=contenttypes&sort=-model"
    yield reverse("ui:gallery-progress")
    yield reverse("ui:gallery-selected")
    yield from (reverse("ui:gallery-shell", args=[name]) for name in views.SHELLS)
    yield from (reverse("ui:gallery-fault", args=[code]) for code in views.FAULTS)


@pytest.fixture
def client(cast, client_for):
    return client_for(cast.operator)


@pytest.fixture
def many_kinds():
    ContentType.objects.bulk_create(
        ContentType(app_label="sample", model=f"kind{n}") for n in range(60)
    )


@pytest.mark.parametrize("number", range(len(list(addresses()))))
def test_each_page_is_free_of_inline_code_foreign_files_and_double_ids(client, many_kinds, number):
    address = list(addresses())[number]
    response = client.get(address)
    assert response.status_code in {200, *views.FAULTS}
    html = response.content.decode()
    rules = Rules()
    rules.feed(html)
    assert rules.faults == []
    assert len(rules.ids) == len(set(rules.ids))
    if "<html" in html:
        assert 'lang="zh-CN"' in html
        assert html.count("<h1") == 1
        assert html.count("<main") == 1
        assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_every_template_of_the_design_system_is_rendered(client, many_kinds):
    rendered = set()

    def note(sender, template, **_):
        rendered.add(template.name)

    template_rendered.connect(note)
    try:
        for address in addresses():
            client.get(address)
        request = RequestFactory().get("/console/ui/")
        note_ = [Message(constants.ERROR, "没有保存"), Message(constants.SUCCESS, "已保存")]
        render_to_string("ui/messages.html", {"messages": note_}, request)
        fault = InvalidInput("行数不对。", fields={"name": "必填"})
        assert "必填" in render_to_string("ui/error_fragment.html", {"error": fault})
        form_page = {
            "title": "登记",
            "form": views.samples.form(with_errors=True),
            "cancel_url": "/",
        }
        assert "已填的都还在" in render_to_string("ui/form.html", form_page, request)
        for template in ("ui/table/saved.html", "ui/table/saved_page.html"):
            kept = {"saved": [], "path": "/", "title": "常用筛选"}
            assert "常用筛选" in render_to_string(template, kept, request)
    finally:
        template_rendered.disconnect(note)
    all_templates = {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html")}
    assert all_templates - rendered == set()


def test_large_type_and_dark_arrive_with_the_page_without_script(client):
    client.cookies.load({"cs_type": "large", "cs_theme": "dark"})
    html = client.get(reverse("ui:gallery-shell", args=["citizen"])).content.decode()
    assert 'data-type="large"' in html
    assert 'data-bs-theme="dark"' in html
    assert "标准版" in html


def test_the_gallery_is_not_for_strangers(cast, client_for):
    assert Client().get(reverse("ui:gallery")).status_code == 302
    assert client_for(cast.officer_a).get(reverse("ui:gallery")).status_code == 403
    assert client_for(cast.citizen).get(reverse("ui:gallery")).status_code == 403


def test_an_unknown_sample_is_not_found(client):
    assert client.get(reverse("ui:gallery-shell", args=["nothing"])).status_code == 404
    assert client.get(reverse("ui:gallery-fault", args=[418])).status_code == 404


def test_the_rules_above_would_find_a_fault():
    rules = Rules()
    source = '<p style="x" onclick="y"><script>1</script><a href="https://x.example">'
    rules.feed(engines["django"].from_string(source).render())
    assert len(rules.faults) == 4
