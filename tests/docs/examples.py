"""Reads the runnable examples of a guide out of its text."""

import re
from dataclasses import dataclass
from pathlib import Path

_RUN = re.compile(
    r"<!-- run: (?P<kind>\w+) -->\n```\w+\n(?P<code>.*?)\n```\n"
    r"(?:(?:(?!<!-- run|\n#).)*?<!-- output: (?P<form>\w+) -->\n```\w+\n(?P<output>.*?)\n```)?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Example:
    """A block of code with the output the guide promises."""

    kind: str
    code: str
    form: str
    output: str
    line: int


def examples_of(path: Path) -> list[Example]:
    """All runnable blocks of a document, in order."""
    text = path.read_text("utf-8")
    return [
        Example(
            found["kind"], found["code"], found["form"] or "", found["output"] or "",
            text.count("\n", 0, found.start()) + 1,
        )
        for found in _RUN.finditer(text)
    ]  # fmt: skip
