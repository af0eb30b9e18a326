"""`lithogen forward` on models that users bring: stores, SEG-Y, and properties that are missing."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import forward
import seismic_io
from forward.pairs import layered_model
from forward.resolution import lateral_spread
from lithogen.cli import main

SHAPE = (4, 5, 96)
DIMS = ("iline", "xline", "twt")
CUBES = dict(zip(("vp", "vs", "rho"), (v.reshape(SHAPE).astype(np.float32)
                                       for v in layered_model(5, 20, 96)), strict=True))


def dataset(**cubes) -> xr.Dataset:
    coords = {"iline": 10 + np.arange(4), "xline": 20 + np.arange(5), "twt": 0.004 * np.arange(96)}
    return xr.Dataset({n: (DIMS, v) for n, v in cubes.items()}, coords)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def segy(name: str, values) -> None:
    seismic_io.to_segy(dataset(seismic=values), f"{name}.sgy")


def modelled(out: str = "made.nc") -> np.ndarray:
    with xr.open_dataset(out) as ds:
        return ds.angle_stack.values


def wanted(vp, vs, rho) -> np.ndarray:
    return forward.synthesize(vp=vp, vs=vs, rho=rho, wavelet=forward.ricker(30.0, 0.004, 51),
                              angles_deg=(5, 15, 25), dt_s=0.004)


def test_a_model_in_segy_files_is_that_in_a_store(here) -> None:
    for name, values in CUBES.items():
        segy(name, values)
    seismic_io.to_netcdf(dataset(**CUBES), "model.nc")
    assert main(["forward", "model.nc", "-o", "store.nc"]) == 0
    assert main(["forward", "vp.sgy", "--holds", "vp", "--vs", "vs.sgy", "--rho", "rho.sgy",
                 "-o", "made.nc"]) == 0
    np.testing.assert_array_equal(modelled(), modelled("store.nc"))
    np.testing.assert_allclose(modelled(), wanted(**CUBES), atol=1e-6)


def test_impedance_alone_goes_back_through_the_stated_relation(here, capsys) -> None:
    vp = CUBES["vp"].astype(np.float64)
    segy("impedance", (310.0 * vp**1.25).astype(np.float32))
    words = ["forward", "impedance.sgy", "--holds", "impedance", "-o", "made.nc"]
    assert main(words) == 2
    assert "--relation mudrock" in capsys.readouterr().err
    assert main([*words, "--relation", "mudrock"]) == 0
    assert "by mudrock" in capsys.readouterr().out
    got = wanted(vp, np.maximum(0.862 * vp - 1172.0, 0.0), 310.0 * vp**0.25)
    np.testing.assert_allclose(modelled(), got, atol=1e-5)


def test_known_density_gives_velocity_from_impedance(here) -> None:
    vp, rho = (CUBES[n].astype(np.float64) for n in ("vp", "rho"))
    seismic_io.to_netcdf(dataset(impedance=vp * rho, rho=rho), "model.nc")
    assert main(["forward", "model.nc", "-o", "made.nc", "--relation", "mudrock"]) == 0
    np.testing.assert_allclose(
        modelled(), wanted(vp, np.maximum(0.862 * vp - 1172.0, 0.0), rho), atol=1e-5)


def test_the_wavelet_of_a_style_fades(here) -> None:
    late = forward.load_style("npra_31_81")
    assert late.is_late
    cube = {n: np.tile(v, (1, 1, 12)) for n, v in CUBES.items()}
    ds = xr.Dataset({n: (DIMS, v) for n, v in cube.items()},
                    {"iline": np.arange(4), "xline": np.arange(5), "twt": 0.004 * np.arange(1152)})
    seismic_io.to_netcdf(ds, "model.nc")
    assert main(["forward", "model.nc", "-o", "made.nc", "--style", "npra_31_81"]) == 0
    traces = modelled()[0].reshape(20, 12, 96)[:, [2, 10]]
    power = np.square(np.abs(np.fft.rfft(traces * np.hanning(96), axis=-1))).mean(0)
    early, deep = (power * np.arange(49)).sum(1) / power.sum(1)
    assert deep < 0.75 * early


def test_an_aperture_blurs_as_a_migrated_image_is(here) -> None:
    seismic_io.to_netcdf(dataset(**CUBES), "model.nc")
    assert main(["forward", "model.nc", "-o", "made.nc", "--aperture", "300", "--bin", "25"]) == 0
    square = np.square(CUBES["vp"].astype(np.float64)).mean(axis=(0, 1))
    twt = 0.004 * np.arange(96)
    mean = np.concatenate(([square[0]], np.cumsum(square[:-1])[: 95] / np.arange(1, 96)))
    spread = lateral_spread(twt_s=twt, velocity_m_s=np.sqrt(mean), aperture_m=300.0, bin_m=25.0,
                            dt_s=0.004)
    expected = forward.synthesize(**CUBES, wavelet=forward.ricker(30.0, 0.004, 51),
                                  angles_deg=(5, 15, 25), dt_s=0.004, spread=spread)
    np.testing.assert_allclose(modelled(), expected, atol=2e-5)
    assert np.abs(modelled() - wanted(**CUBES)).max() > 0.01


@pytest.mark.parametrize(("words", "text"), [
    (["vp.sgy"], "--holds vp"),
    (["model.nc", "--aperture", "800"], "--bin"),
    (["model.nc", "--aperture", "800", "--bin", "0"], "bin_m is 0"),
    (["vp.sgy", "--holds", "rgt"], "--holds vp"),
    (["vp.sgy", "--holds", "impedance", "--relation", "mudrock"], r"impedance of vp.sgy is"),
    (["vp.sgy", "--holds", "vp"], "vs and rho"),
    (["vp.sgy", "--holds", "vp", "--relation", "mine"], "--relation is 'mine'"),
    (["vp.sgy", "--holds", "vp", "--rho", "short.sgy", "--relation", "mudrock"], "one grid"),
    (["hole.sgy", "--holds", "vp", "--relation", "mudrock"], "1 traces that are missing"),
    (["model.nc", "--holds", "vp"], "for SEG-Y"),
    (["other.nc"], "lacks vp and impedance"),
    (["flat.nc", "--relation", "mudrock"], "lacks twt"),
])
def test_what_is_no_model_is_refused_in_one_line(here, capsys, words, text) -> None:
    segy("vp", CUBES["vp"])
    seismic_io.to_segy(dataset(seismic=CUBES["rho"]).isel(twt=slice(0, 90)), "short.sgy")
    # Without its last trace.
    (here / "hole.sgy").write_bytes((here / "vp.sgy").read_bytes()[:-(240 + 4 * 96)])
    seismic_io.to_netcdf(dataset(**CUBES), "model.nc")
    seismic_io.to_netcdf(dataset(porosity=CUBES["vp"]), "other.nc")
    seismic_io.to_netcdf(dataset(vp=CUBES["vp"]).isel(twt=0), "flat.nc")
    assert main(["forward", *words, "-o", "made.nc"]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1
    assert not (here / "made.nc").exists()
