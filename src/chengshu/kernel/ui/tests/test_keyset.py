import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chengshu.kernel.ui import keyset

START = datetime(2026, 11, 23, tzinfo=UTC)
moments = st.none() | st.integers(0, 3).map(lambda n: START + timedelta(microseconds=n))


def walk(queryset, order, size, *, backward=False):
    """Read all pages one way; returns the pages."""
    pages, cursor = [], None
    if backward:
        page = keyset.cut(queryset, order=order, size=size, cursor=None)
        while page.next:
            page = keyset.cut(
                queryset, order=order, size=size, cursor=keyset.decode(page.next.encode())
            )
        pages.append(page)
        cursor = page.previous
        while cursor:
            page = keyset.cut(
                queryset, order=order, size=size, cursor=keyset.decode(cursor.encode())
            )
            pages.insert(0, page)
            cursor = page.previous
        return pages
    while True:
        page = keyset.cut(queryset, order=order, size=size, cursor=cursor)
        pages.append(page)
        if page.next is None:
            return pages
        cursor = keyset.decode(page.next.encode())


@pytest.mark.django_db
@pytest.mark.parametrize("order", ["started_at", "-started_at", "title", "-title", "pk", "-pk"])
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(st.tuples(st.sampled_from("甲乙丙"), moments), max_size=13),
    size=st.integers(1, 5),
)
def test_pages_forward_and_backward_show_every_row_once_and_in_order(order, values, size):
    job = apps.get_model("jobs", "Job")
    mark = uuid.uuid4().hex
    job.objects.bulk_create(
        job(kind=mark, title=title, started_at=moment) for title, moment in values
    )
    queryset = job.objects.filter(kind=mark)
    forward = walk(queryset, order, size)
    seen = [row.pk for page in forward for row in page.rows]
    assert len(seen) == len(set(seen)) == len(values)
    field = "pk" if order.endswith("pk") else order.lstrip("-")
    shown = [getattr(row, field) for page in forward for row in page.rows]
    filled = [value for value in shown if value is not None]
    assert shown == filled + [None] * (len(shown) - len(filled))
    if field == "started_at":
        assert filled == sorted(filled, reverse=order.startswith("-"))
    backward = [row.pk for page in walk(queryset, order, size, backward=True) for row in page.rows]
    assert backward == seen


@pytest.mark.django_db
def test_a_cursor_that_is_nonsense_or_does_not_fit_shows_the_first_page():
    job = apps.get_model("jobs", "Job")
    job.objects.create(kind="k", title="t")
    for text in ("", "!!!", "e30", keyset.Cursor("no date", "no uuid").encode()):
        page = keyset.cut(
            job.objects.all(), order="created_at", size=10, cursor=keyset.decode(text)
        )
        assert len(page.rows) == 1


@pytest.mark.django_db
def test_one_page_is_one_query(django_assert_num_queries):
    job = apps.get_model("jobs", "Job")
    job.objects.bulk_create(job(kind="k", title=str(n)) for n in range(30))
    with django_assert_num_queries(1):
        keyset.cut(job.objects.all(), order="-created_at", size=20, cursor=None)
