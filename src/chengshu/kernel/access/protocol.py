"""Where packages above the kernel take :class:`AccessRule` from; identity models take it from ``kernel.belonging``."""

from chengshu.kernel.belonging import AccessRule

__all__ = ["AccessRule"]
