"""Fixtures of the tests of look-ups: sharing's scene, and a citizen whose number is in the register."""

import pytest

from chengshu.data.sharing.tests.conftest import scene
from chengshu.kernel.crypto.facade import seal, search_hash
from chengshu.kernel.identity.choices import AccountKind
from chengshu.kernel.identity.models import Account, Person

__all__ = ["scene"]

PLACE = "person.id_number"


@pytest.fixture
def citizen(db):
    """A function that makes a signed-up citizen with an identity number."""

    def make(username: str, number: str) -> Account:
        person = Person.objects.create(
            name="章群众", id_number_sealed=seal(number, place=PLACE),
            id_number_hash=search_hash(number, place=PLACE),
        )  # fmt: skip
        return Account.objects.create(
            username=username, display_name="章群众", kind=AccountKind.CITIZEN, person=person
        )

    return make
