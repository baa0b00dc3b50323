import pytest
from django import forms
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from chengshu.kernel.ui.components import Balance, Chart, Column, FormSection, Series, status_tag
from chengshu.kernel.ui.components.forms import lay_out

counts = st.integers(min_value=0, max_value=10**9)


def draw(source, **context):
    return Template("{% load ui %}" + source).render(Context(context))


@given(counts, counts, counts)
def test_the_balance_bar_is_full_and_shows_every_part_that_is_not_empty(accepted, bad, twice):
    balance = Balance(
        source=accepted + bad + twice, accepted=accepted, quarantined=bad, duplicates=twice
    )
    parts = balance.parts
    assert balance.holds
    assert sum(part.width for part in parts) == pytest.approx(1000 if balance.source else 0, abs=1)
    assert all((part.width > 0) == (part.count > 0) for part in parts)


def test_a_balance_that_does_not_add_up_says_so():
    html = draw(
        "{% balance item %}", item=Balance(source=100, accepted=90, quarantined=5, duplicates=1)
    )
    assert "账不平" in html
    assert "对不上 4 行" in html
    assert "账平<" not in html


def test_a_chart_with_a_missing_value_is_refused():
    with pytest.raises(ValueError, match="甲 has 1 values for 2"):
        Chart(
            key="x", title="x", kind="bar", categories=["1 月", "2 月"], series=[Series("甲", [1])]
        )


def test_a_chart_says_its_numbers_in_a_table_and_cannot_break_out_of_its_json():
    chart = Chart(
        key="x", title="调用", kind="line", categories=["</script>", "二"],
        series=[Series("次", [None, 2])],
    )  # fmt: skip
    html = draw("{% chart item %}", item=chart)
    assert html.count("</script>") == 1
    assert '<th scope="row">&lt;/script&gt;</th>' in html
    assert "—" in html


def test_a_chart_of_nothing_says_so_instead_of_drawing_empty_axes():
    for values in ([0, 0], [None, 0], []):
        chart = Chart(
            key="x", title="调用", kind="bar", categories=["甲", "乙"][: len(values)],
            series=[Series("次", values)],
        )  # fmt: skip
        html = draw("{% chart item %}", item=chart)
        assert "没有数据" in html
        assert "data-chart" not in html


def test_an_unknown_state_shows_itself_instead_of_nothing():
    assert status_tag("on_holiday").text == "on_holiday"
    assert status_tag("draft", "新草稿").text == "新草稿"


def test_cells_escape_what_people_typed():
    column = Column(key="name", title="名称", url=lambda row: row["url"])
    cell = column.cell({"name": "<b>x", "url": '/a"b'})
    html = draw("{% table_cell cell %}", cell=cell)
    assert html == '<a href="/a&quot;b">&lt;b&gt;x</a>'


def test_a_gap_on_the_way_to_a_value_reads_as_empty():
    column = Column(key="provider", title="提供方", value="entry.provider.name")
    assert column.read({"entry": {"provider": None}}) is None
    assert draw("{% table_cell cell %}", cell=column.cell({"entry": None})) == "—"


class EntryForm(forms.Form):
    sections = (FormSection("基本", ("name",)),)
    name = forms.CharField(label="名称", help_text="业务上的叫法")
    level = forms.ChoiceField(choices=[("1", "L1"), ("2", "L2")], widget=forms.RadioSelect)
    forgotten = forms.CharField(required=False)


def test_a_field_missing_from_the_sections_is_still_asked_for():
    titles = {section.title: [f.name for f in section.fields] for section in lay_out(EntryForm())}
    assert titles == {"基本": ["name"], "其他": ["level", "forgotten"]}


def test_an_invalid_form_ties_each_error_to_its_field_and_keeps_the_input():
    html = draw("{% form item %}", item=EntryForm({"forgotten": "还在"}))
    assert 'aria-describedby="id_name_help id_name_error"' in html
    assert '<a href="#id_name">名称</a>' in html
    assert 'value="还在"' in html


def test_a_chosen_radio_stays_chosen():
    html = draw("{% form item %}", item=EntryForm({"name": "x", "level": "2"}))
    assert html.count("checked") == 1


def test_an_icon_nobody_has_falls_back_instead_of_breaking_the_page():
    assert "#circle" in draw("{% icon 'no-such-icon' %}")
    assert "#home" in draw("{% icon 'home' %}")
