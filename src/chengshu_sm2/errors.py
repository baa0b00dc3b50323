"""What can go wrong; no message ever contains a key, a password or a plain text."""


class Sm2Error(Exception):
    """Base: `message` says what happened, `kept` what was kept, `advice` what to do (Chinese)."""

    def __init__(self, message: str, *, kept: str = "", advice: str = "") -> None:
        """Keep the three parts; the text of the error is all of them."""
        super().__init__(message + kept + advice)
        self.message = message
        self.kept = kept
        self.advice = advice


class Sm2Unavailable(Sm2Error):
    """No libcrypto at hand has SM2, or it failed; nothing was signed."""


class Sm2KeyError(Sm2Error, ValueError):
    """A key cannot be read: wrong format, wrong password, not SM2, or not on the curve."""
