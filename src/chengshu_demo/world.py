"""The one world behind all tables of a scale: people, enterprises and vehicles."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final, Literal

import numpy as np

from chengshu_demo import encoding
from chengshu_demo.encoding import Ints, Texts
from chengshu_demo.enterprises import Enterprises, found
from chengshu_demo.population import Population, populate
from chengshu_demo.randomness import stream

Scale = Literal["small", "full"]
SCALES: Final[tuple[Scale, ...]] = ("small", "full")
RESIDENTS: Final[dict[Scale, int]] = {"small": 12_000, "full": 465_000}
ENTITIES: Final[dict[Scale, int]] = {"small": 2_400, "full": 72_000}
VEHICLES: Final[dict[Scale, int]] = {"small": 2_700, "full": 104_000}


@dataclass(frozen=True)
class World:
    """Everything that several departments know about."""

    scale: Scale
    people: Population
    entities: Enterprises
    owners: Ints
    """Owner (person number) of every vehicle."""

    @cached_property
    def plates(self) -> Texts:
        """Plate numbers by vehicle number."""
        return encoding.plates(np.arange(1, len(self.owners) + 1))


@cache
def world(scale: Scale) -> World:
    """The world of a scale; built once per process (full: about two seconds)."""
    if scale not in SCALES:
        raise ValueError(f"没有名为 {scale} 的规模, 只有 {'、'.join(SCALES)}。请改用其中之一。")
    people = populate(RESIDENTS[scale])
    owners = stream("vehicle owners", scale).choice(people.adults, size=VEHICLES[scale])
    return World(scale, people, found(ENTITIES[scale], people), owners)
