"""The palette holds its promises: contrast in every mode, and charts that colour-blind people can read."""

import itertools
import math
import re

import pytest

from chengshu.kernel.ui.assets import STATIC

TEXT = (STATIC / "ui/css/tokens.css").read_text("utf-8")
MODES = {
    "light": (":root",),
    "dark": (":root", '[data-bs-theme="dark"]'),
    "large": (":root", '[data-type="large"]:not([data-bs-theme="dark"])'),
    "large dark": (":root", '[data-bs-theme="dark"]', '[data-type="large"][data-bs-theme="dark"]'),
}
PAIRS = [
    *itertools.product(["text", "text-2", "text-3", "link"], ["bg", "surface", "surface-2"]),
    ("on-primary", "primary"),
    ("primary-text", "primary-soft"),
    ("teal-text", "teal-soft"),
    ("amber-text", "amber-soft"),
    ("red-text", "red-soft"),
    ("red-text", "surface"),
    ("grey-text", "grey-soft"),
]
# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
BLINDNESS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
}  # fmt: skip


def tokens(mode):
    found = {}
    for selector in MODES[mode]:
        block = TEXT.split(f"{selector} {{", 1)[1].split("}", 1)[0]
        found |= dict(re.findall(r"--cs-([\w-]+): (#[0-9A-F]{6});", block))
    return found


def linear(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def contrast(one, other):
    lights = [
        sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(x), strict=True))
        for x in (one, other)
    ]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def oklab(rgb):
    r, g, b = rgb
    lms = (
        0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
        0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
        0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
    )
    long, medium, short = (max(x, 0) ** (1 / 3) for x in lms)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_text_is_readable(mode, front, back):
    chosen = tokens(mode)
    needed = 7.0 if mode.startswith("large") else 4.5
    assert contrast(chosen[front], chosen[back]) >= needed


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("line", ["border-strong", "focus"])
def test_controls_and_focus_stand_out(mode, line):
    chosen = tokens(mode)
    assert contrast(chosen[line], chosen["surface"]) >= 3.0


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_chart_colours_stay_apart_for_the_colour_blind(mode, blindness):
    chosen = tokens(mode)
    seen = {}
    for n in range(1, 7):
        rgb = linear(chosen[f"cat-{n}"])
        seen[n] = oklab(
            [sum(m * c for m, c in zip(row, rgb, strict=True)) for row in BLINDNESS[blindness]]
        )
    gaps = {
        pair: math.dist(seen[pair[0]], seen[pair[1]]) for pair in itertools.combinations(seen, 2)
    }
    assert min(gaps.values()) > 0.08, min(gaps, key=gaps.__getitem__)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_ordered_palette_runs_one_way(mode):
    chosen = tokens(mode)
    lightness = [oklab(linear(chosen[f"seq-{n}"]))[0] for n in range(1, 8)]
    assert lightness == sorted(lightness, reverse=mode == "light")
