"""城枢 (Chengshu): the public digital foundation a city runs on."""

__version__ = "0.1.0"
