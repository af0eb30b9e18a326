"""Contracts: a window of stage 2 is the crop of the whole; no interface of ours is refused."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from forward.net import synthesize
from forward.noise import coloured_noise
from forward.pairs import layered_model
from forward.style import load_style
from forward.survey import model_survey, style_halo
from forward.wavelets import ricker
from lithogen.grid import Window

SHAPE = (6, 7, 180)
MODEL = [v.reshape(SHAPE) for v in layered_model(12, 42, 180)]
STYLE = load_style("f3_inline_362")
HALO = style_halo(STYLE, 0.004)[2]
COUNT = settings(max_examples=25, deadline=None)


def spans(size, least=1):
    return st.tuples(st.integers(0, size - least), st.integers(0, size - least)).map(
        lambda pair: (min(pair), max(pair) + least)
    )


def rock():
    """Any sample that the rock physics of the worlds may give."""
    return st.tuples(st.floats(1450, 6500), st.floats(0, 1), st.floats(1350, 3050)).map(
        lambda r: (r[0], 200 + r[1] * (r[0] / 1.45 - 200), r[2])
    )


@COUNT
@given(
    st.lists(rock(), min_size=2, max_size=40), st.lists(st.floats(0, 40), min_size=1, max_size=4)
)
def test_any_neighbours_give_bounded_coefficients(rocks, angles):
    vp, vs, rho = np.asarray(rocks).T[:, None, None]
    out = synthesize(vp=vp, vs=vs, rho=rho, wavelet=[1.0], angles_deg=angles, dt_s=0.004)
    assert np.isfinite(out).all()
    # The filter of layer B differs from the identity by 1e-5 a tap.
    assert np.abs(out).max() <= 1.0001


@COUNT
@given(spans(6), spans(7), spans(180, 31), st.integers(0, 15))
def test_net_window_equals_crop(lines, xlines, times, half):
    taps = ricker(35, 0.004, 2 * max(half, 1) + 1)
    half = len(taps) // 2
    cut = (slice(*lines), slice(*xlines), slice(*times))
    options = {"wavelet": taps, "angles_deg": (3, 18, 37), "dt_s": 0.004}
    names = ("vp", "vs", "rho")
    whole = synthesize(**dict(zip(names, MODEL, strict=True)), **options)
    part = synthesize(**{n: v[cut] for n, v in zip(names, MODEL, strict=True)}, **options)
    inner = slice(half + 1, part.shape[-1] - half - 1)
    assert np.array_equal(part[..., inner], whole[(slice(None), *cut)][..., inner])


@COUNT
@given(spans(6), spans(7), spans(60), st.integers(-(2**40), 2**40), st.integers(-99, 99))
def test_noise_window_equals_crop(lines, xlines, times, far, near):
    origin = (far, near, near - 7)
    whole = coloured_noise(3, Window(origin, (6, 7, 60)), STYLE, 0.004, "t")
    cut = (lines, xlines, times)
    place = tuple(o + c[0] for o, c in zip(origin, cut, strict=True))
    window = Window(place, tuple(c[1] - c[0] for c in cut))
    part = coloured_noise(3, window, STYLE, 0.004, "t")
    assert np.array_equal(part, whole[tuple(slice(*c) for c in cut)])


@COUNT
@given(spans(6), spans(7), spans(180 - 2 * HALO))
def test_survey_window_equals_crop(lines, xlines, times):
    def survey(cut):
        grown = (slice(*cut[0]), slice(*cut[1]), slice(cut[2][0], cut[2][1] + 2 * HALO))
        place = (cut[0][0] - 3, cut[1][0] - 4, cut[2][0])
        window = Window(place, tuple(c[1] - c[0] for c in cut))
        vp, vs, rho = (v[grown] for v in MODEL)
        return model_survey(
            vp=vp, vs=vs, rho=rho, style=STYLE, angles_deg=(5, 15, 25), seed=8, window=window,
            dt_s=0.004,
        )  # fmt: skip

    seismic, stacks = survey(((0, 6), (0, 7), (0, 180 - 2 * HALO)))
    part, part_stacks = survey((lines, xlines, times))
    cut = (slice(*lines), slice(*xlines), slice(*times))
    assert np.array_equal(part, seismic[cut])
    assert np.array_equal(part_stacks, stacks[(slice(None), *cut)])
