"""Keys of keyed masks, derived from the platform's keyring per purpose.

The oldest key of the ring serves: a rotation puts a new key in front, and pseudonyms made before it must still
join those made after. They change when the oldest key is taken out of the ring.
"""

from chengshu.kernel.crypto import Keyring

KEY_BYTES = 32


def mask_key(keyring: Keyring, purpose: str) -> bytes:
    """The key of one purpose (an application, a release): results of two purposes cannot be joined.

    Args:
        keyring: the installation's keys.
        purpose: a stable name, e.g. ``gallery``.
    """
    return keyring.keys[-1].derive(f"mask/{purpose}", KEY_BYTES)
