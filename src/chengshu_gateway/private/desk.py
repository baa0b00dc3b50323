"""What answers under differential privacy need: the ledger of what was spent, and the noise."""

from dataclasses import dataclass

from chengshu_gateway.private.ledger import Ledger
from chengshu_gateway.private.noise import Noise


@dataclass(frozen=True, slots=True)
class PrivateDesk:
    """Both belong to one gateway worker; the ledger's file is shared by all of them."""

    ledger: Ledger
    noise: Noise
