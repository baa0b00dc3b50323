"""Values about enterprises, places, vehicles and homes."""

from collections.abc import Callable
from typing import Final

import numpy as np

from chengshu_demo import encoding
from chengshu_demo.dating import date_style
from chengshu_demo.encoding import Ints, Texts, join, pick, texts
from chengshu_demo.frame import Frame
from chengshu_demo.places import division_codes, division_names, positions, road_names
from chengshu_demo.population import street_addresses
from chengshu_demo.specification import vocabularies

_POST_CODE: Final = 325_802
_GRIDS_PER_DIVISION: Final = 5
_FLATS_PER_PARCEL: Final = 60
_VEHICLE_SHARES: Final = ((6, 74, 80, 100), (1, 2, 7, 52))
"""Cumulative percentages of plate kinds: large, small, motorcycle, small electric."""

_OF_ENTITY: Final[dict[str, Callable[[Frame, Ints], Texts]]] = {
    "uscc": lambda frame, who: pick(frame.world.entities.uscc, who),
    "name": lambda frame, who: pick(frame.world.entities.name, who),
    "addr": lambda frame, who: pick(frame.world.entities.address, who),
    "ind": lambda frame, who: pick(frame.world.entities.industry, who),
    "kind": lambda frame, who: pick(frame.world.entities.kind_name, who),
    "phone": lambda frame, who: pick(frame.world.entities.phone, who),
    "cap": lambda frame, who: encoding.decimals(frame.world.entities.capital[who], 2),
    "state": lambda frame, who: encoding.integers(frame.world.entities.state[who] + 1),
    "legal": lambda frame, who: pick(frame.world.people.name, frame.world.entities.legal[who]),
    "legalid": lambda frame, who: pick(
        frame.world.people.id_number, frame.world.entities.legal[who]
    ),
    "est": lambda frame, who: encoding.dates(
        frame.world.entities.founded[who], date_style(frame.entry.key)
    ),
}


def entity_value(frame: Frame, generator: str, _column: str) -> Texts:
    """Values of ``o.`` (the enterprise) and ``e.`` (a second one)."""
    which, _, part = generator.partition(".")
    return _OF_ENTITY[part](frame, frame.entity if which == "o" else frame.other_entity)


def _grid(frame: Frame) -> Texts:
    division, road, _ = frame.place
    cell = encoding.fixed_width(encoding.digits(road % _GRIDS_PER_DIVISION + 1, 3))
    return join(pick(division_codes(), division), cell)


_OF_PLACE: Final[dict[str, Callable[[Frame], Texts]]] = {
    "code": lambda frame: pick(division_codes(), frame.place[0]),
    "comm": lambda frame: pick(division_names(), frame.place[0]),
    "road": lambda frame: pick(road_names(), frame.place[1]),
    "no": lambda frame: join(encoding.integers(frame.place[2]), "号"),
    "addr": lambda frame: street_addresses(*frame.place),
    "lon": lambda frame: positions(frame.place[0], frame.stream("longitude"), axis="x"),
    "lat": lambda frame: positions(frame.place[0], frame.stream("latitude"), axis="y"),
    "grid": _grid,
    "post": lambda frame: encoding.integers(np.full(len(frame), _POST_CODE)),
}


def place_value(frame: Frame, generator: str, _column: str) -> Texts:
    """Values of ``w.``: the place a row is about."""
    return _OF_PLACE[generator.removeprefix("w.")](frame)


def _vehicle_kind(frame: Frame) -> Texts:
    lot = frame.vehicle * 31 % 100
    limits, codes = _VEHICLE_SHARES
    code = np.array(codes)[np.searchsorted(np.array(limits), lot, side="right")]
    return encoding.fixed_width(encoding.digits(code, 2))


def _brand(frame: Frame) -> Texts:
    brands = vocabularies()["brand"]
    return pick(texts(brands), frame.vehicle * 13 % len(brands))


_OF_VEHICLE: Final[dict[str, Callable[[Frame], Texts]]] = {
    "plate": lambda frame: pick(frame.world.plates, frame.vehicle),
    "kind": _vehicle_kind,
    "brand": _brand,
    "vin": lambda frame: encoding.serial("LG9DEM0", frame.vehicle, 10),
}


def vehicle_value(frame: Frame, generator: str, _column: str) -> Texts:
    """Values of ``v.``: the vehicle of a row."""
    return _OF_VEHICLE[generator.removeprefix("v.")](frame)


def _unit_number(household: Ints) -> Texts:
    """28-character real-estate unit numbers: parcel and building unit."""
    plot = encoding.serial("330383001001GB", household // _FLATS_PER_PARCEL, 5)
    flat = encoding.digits(household % _FLATS_PER_PARCEL + 1, 8)
    return join(plot, "F", encoding.fixed_width(flat))


_OF_HOUSEHOLD: Final[dict[str, Callable[[Ints], Texts]]] = {
    "elec": lambda household: encoding.serial("3303", household, 8),
    "water": lambda household: encoding.serial("LGSW", household, 8),
    "gas": lambda household: encoding.serial("LGRQ", household, 8),
    "unit": _unit_number,
}


def household_value(frame: Frame, generator: str, _column: str) -> Texts:
    """Values of ``h.``: meters and home of the first person's household."""
    household = frame.world.people.household[frame.person]
    return _OF_HOUSEHOLD[generator.removeprefix("h.")](household)
