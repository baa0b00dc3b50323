"""Many whole numbers of 256 bits at once, as rows of 32-bit limbs; apart, because the gateway itself loads no numpy."""

import numpy as np
import numpy.typing as npt

Limbs = npt.NDArray[np.uint64]

_LIMB_BITS = np.uint64(32)


def limbs(found: list[bytes]) -> Limbs:
    """Return digests of 32 bytes as rows of eight 32-bit limbs, most significant first."""
    words = np.frombuffer(b"".join(found), dtype=">u4").reshape(len(found), 8)
    return np.ascontiguousarray(words.T).astype(np.uint64)


def take_off(number: Limbs, divisor: int) -> npt.NDArray[np.int64]:
    """Divide every column of limbs by a small number in place; return the remainders."""
    by = np.uint64(divisor)
    rest = np.zeros(number.shape[1], np.uint64)
    for limb in number:
        rest <<= _LIMB_BITS
        rest |= limb
        quotient = rest // by
        rest -= quotient * by
        limb[:] = quotient
    return rest.astype(np.int64)
