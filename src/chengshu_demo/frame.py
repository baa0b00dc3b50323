"""One batch of records of an entry: who and where each row is about, column by column.

Columns are made on demand and every column has its own random stream, so that the ground
truth can be listed by generating only the columns that carry a defect.
"""

from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np

from chengshu_demo.encoding import Ints, Mask, Texts
from chengshu_demo.enterprises import ENTERPRISE, TRADES
from chengshu_demo.model import DataItem, Entry
from chengshu_demo.places import ROADS, divisions
from chengshu_demo.population import FEMALE, MALE
from chengshu_demo.randomness import stream
from chengshu_demo.semantics import bounds, split
from chengshu_demo.world import Scale, World, world

NATURAL_KEYS = frozenset({"p.id", "o.uscc", "v.plate"})
METERS = frozenset({"h.elec", "h.water", "h.gas"})


def _eligible_people(argument: str, w: World) -> Mask:
    people = w.people
    if argument == "resident":
        return np.ones(len(people), dtype=np.bool_)
    if argument == "married":
        heads: Mask = (people.spouse >= 0) & (people.head == np.arange(len(people)))
        return heads
    argument = argument.lstrip("ux")
    chosen = np.ones(len(people), dtype=np.bool_)
    if argument[0] in "MF":
        chosen = people.sex == (MALE if argument[0] == "M" else FEMALE)
        argument = argument[1:]
    low, high = bounds(argument)
    fitting: Mask = chosen & (people.age >= low) & (people.age <= high)
    return fitting


def _eligible_entities(argument: str, w: World) -> Mask:
    entities = w.entities
    if not argument:
        return np.ones(len(entities), dtype=np.bool_)
    if argument == "ent":
        enterprises: Mask = entities.kind == ENTERPRISE
        return enterprises
    sections = np.array([trade[0] == argument for trade in TRADES])
    chosen: Mask = sections[entities.trade]
    return chosen


def is_unique(subject: str) -> bool:
    """Whether each person occurs once although the key is a register's own number."""
    return subject == "p:married" or subject.startswith(("p:u", "p:x"))


@cache
def candidates(subject: str, scale: Scale) -> tuple[Ints, Ints]:
    """Numbers of those an entry may be about: the registered first, then the extra ones.

    Person filters: ``resident``, ``married`` (heads with a spouse), or an age range that may be
    preceded by ``u`` (each person once), ``x`` (only people beyond the residents: moved away or
    deceased; each once) and ``M`` or ``F``. Entity filters: ``ent`` or an industry section.
    """
    w = world(scale)
    name, argument = split(subject)
    if name == "p":
        found = np.flatnonzero(_eligible_people(argument, w))
        border = w.people.residents
    elif name == "o":
        found = np.flatnonzero(_eligible_entities(argument, w))
        border = w.entities.registered
    else:
        found = np.arange(len(w.owners))
        border = len(w.owners)
    if argument.startswith("x"):
        return found[found >= border], found[:0]
    return found[found < border], found[found >= border]


@cache
def _order(entry_key: str, subject: str, scale: Scale) -> Ints:
    """The order in which an entry with a natural key walks through its candidates."""
    registered, extra = candidates(subject, scale)
    generator = stream(entry_key, "order", scale)
    return np.concatenate([generator.permutation(registered), generator.permutation(extra)])


@dataclass(eq=False)
class Frame:
    """Rows of one batch. ``numbers`` are the logical record numbers within the entry, unique
    over accepted and rejected records alike.
    """

    entry: Entry
    scale: Scale
    batch: int
    numbers: Ints
    batches: int = 1
    """How many batches the delivery has."""
    _columns: dict[str, Texts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def world(self) -> World:
        """The world of the scale."""
        return world(self.scale)

    def stream(self, purpose: str) -> np.random.Generator:
        """The random stream of one purpose in this batch."""
        return stream(self.entry.key, self.scale, self.batch, purpose)

    def item(self, column: str) -> DataItem:
        """The data item of a column."""
        return self.entry.item(column)

    @cached_property
    def has_natural_key(self) -> bool:
        """Whether the key is a person's, entity's or vehicle's own number."""
        return any(item.key and item.generator in NATURAL_KEYS for item in self.entry.items)

    @cached_property
    def subject(self) -> Ints:
        """Number of the person, entity or vehicle each row is about."""
        if self.has_natural_key or is_unique(self.entry.subject):
            return _order(self.entry.key, self.entry.subject, self.scale)[self.numbers]
        registered, _ = candidates(self.entry.subject, self.scale)
        return self.stream("subject").choice(registered, size=len(self))

    @property
    def kind(self) -> str:
        """``p`` person, ``o`` entity, ``v`` vehicle, ``w`` place."""
        return self.entry.subject[0]

    @cached_property
    def person(self) -> Ints:
        """The person a row names first."""
        if self.kind == "p":
            return self.subject
        if self.kind == "o":
            return self.world.entities.legal[self.subject]
        if self.kind == "v":
            return self.world.owners[self.subject]
        return self.stream("person").choice(self.world.people.adults, size=len(self))

    @cached_property
    def second(self) -> Ints:
        """The spouse, or somebody else where there is none."""
        spouse = self.world.people.spouse[self.person]
        other = self.stream("second").choice(self.world.people.adults, size=len(self))
        return np.where(spouse >= 0, spouse, other)

    @cached_property
    def head(self) -> Ints:
        """The head of the first person's household."""
        return self.world.people.head[self.person]

    def parent(self, sex: int) -> Ints:
        """Father or mother: of the household's couple where there is one, else a grown-up."""
        people = self.world.people
        partner = people.spouse[self.head]
        match = np.where(people.sex[self.head] == sex, self.head, partner)
        adults = people.adults[people.sex[people.adults] == sex]
        other = self.stream(f"parent {sex}").choice(adults, size=len(self))
        return np.where(match >= 0, match, other)

    @cached_property
    def reads_meters(self) -> bool:
        """Whether rows are readings of a household's meter, of which there is one a month."""
        return any(item.generator in METERS for item in self.entry.items)

    @cached_property
    def reading(self) -> Ints:
        """A number of its own for every row about one household, over all batches."""
        household = self.world.people.household[self.person]
        order = np.argsort(household, kind="stable")
        grouped = household[order]
        first = np.concatenate([[True], grouped[1:] != grouped[:-1]])
        start = np.maximum.accumulate(np.where(first, np.arange(len(self)), 0))
        earlier = np.empty(len(self), dtype=np.int64)
        earlier[order] = np.arange(len(self)) - start
        return earlier * self.batches + self.batch

    @cached_property
    def other_entity(self) -> Ints:
        """A second enterprise: the customer, the supervisor."""
        registered = self.world.entities.registered
        return self.stream("other entity").integers(0, registered, size=len(self))

    @cached_property
    def entity(self) -> Ints:
        """The enterprise a row names first."""
        if self.kind == "o":
            return self.subject
        registered = self.world.entities.registered
        return self.stream("entity").integers(0, registered, size=len(self))

    @cached_property
    def vehicle(self) -> Ints:
        """The vehicle a row names."""
        if self.kind == "v":
            return self.subject
        return self.stream("vehicle").integers(0, len(self.world.owners), size=len(self))

    @cached_property
    def place(self) -> tuple[Ints, Ints, Ints]:
        """Division, road and house number the row is about."""
        if self.kind in "pv":
            people = self.world.people
            who = self.person
            return people.home_division[who], people.home_road[who], people.home_number[who]
        if self.kind == "o":
            entities = self.world.entities
            return (
                entities.division[self.entity],
                entities.road[self.entity],
                entities.number[self.entity],
            )
        generator = self.stream("place")
        size = len(self)
        return (
            generator.integers(0, len(divisions()), size=size),
            generator.integers(0, len(ROADS), size=size),
            generator.integers(1, 900, size=size),
        )
