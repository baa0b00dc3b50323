"""The schematic map gives every community one tile and keeps the lie of the land."""

from hypothesis import given
from hypothesis import strategies as st

from chengshu.portals.cockpit.tilemap import Place, build


@st.composite
def towns(draw):
    count = draw(st.integers(1, 120))
    spread = st.floats(120.3, 120.7)
    return [
        Place(f"{i:012d}", f"{i}社区", draw(spread), draw(st.floats(27.4, 27.7)), draw(st.integers(0, 9999)))
        for i in range(count)
    ]  # fmt: skip


@given(towns())
def test_every_community_has_its_own_tile_inside_the_drawing(places):
    drawn = build(places)
    assert sorted(t.code for t in drawn.tiles) == sorted(p.code for p in places)
    assert len({(t.x, t.y) for t in drawn.tiles}) == len(places)
    assert all(0 < t.x < drawn.width and 0 < t.y < drawn.height for t in drawn.tiles)


@given(towns())
def test_more_records_never_get_a_lighter_level(places):
    tiles = sorted(build(places).tiles, key=lambda t: t.value)
    assert [t.level for t in tiles] == sorted(t.level for t in tiles)
    assert all((t.level == 0) == (t.value == 0) for t in tiles)


def test_east_stays_east_and_north_stays_north():
    places = [
        Place("w", "西", 120.1, 27.5, 1), Place("e", "东", 120.9, 27.5, 1),
        Place("n", "北", 120.5, 27.9, 1), Place("s", "南", 120.5, 27.1, 1),
    ]  # fmt: skip
    at = {t.code: t for t in build(places).tiles}
    assert at["w"].x < at["e"].x
    assert at["n"].y < at["s"].y


def test_the_same_city_gives_the_same_map():
    places = [Place(str(i), "甲", 120 + i % 7 / 10, 27 + i % 5 / 10, i) for i in range(50)]
    assert {t.code: (t.x, t.y) for t in build(places).tiles} == {
        t.code: (t.x, t.y) for t in build(list(reversed(places))).tiles
    }


def test_no_community_no_map():
    assert build([]).tiles == ()
