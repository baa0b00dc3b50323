"""What people do with cases and tasks: one service per act, each one transaction.

``starting``, ``completing``, ``holding`` (claim, release, delegate, hand over, add a signer), ``moving`` (return,
withdraw, jump, cancel), ``pausing`` (suspend, supplement, resume), ``pressing`` (urge, supervise), ``remarks``.
"""
