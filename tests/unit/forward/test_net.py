import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

import forward
from forward import reference
from forward.net import SHIPPED, ForwardNet
from forward.pairs import (
    MAX_VS_OVER_VP,
    RHO_LIMITS_KG_M3,
    VP_LIMITS_M_S,
    draw_interfaces,
    layered_model,
)
from forward.quality import interface_error
from forward.terms import ForwardConfig, exponents, term_parents
from forward.wavelets import ricker
from lithogen.errors import ConfigError, ShapeError, WeightsError

ANGLES = (5.0, 15.0, 25.0)
# float32 sums in two different orders.
PATHS_AGREE = 1e-5
# Five to ten times what the manifest states at small angles, twice at large ones: another model.
NRMSE_BY_ANGLE = {0.0: 0.0001, 5.0: 0.0005, 15.0: 0.001, 25.0: 0.001, 35.0: 0.006}
# The filter of layer B differs from the identity by 1e-5.
ONE = 1.0001


@pytest.fixture(scope="module")
def net():
    return ForwardNet.from_pretrained()


@pytest.fixture(scope="module")
def model():
    vp, vs, rho = layered_model(77, 30, 192)
    shape = (5, 6, 192)
    return {"vp": vp.reshape(shape), "vs": vs.reshape(shape), "rho": rho.reshape(shape)}


def args(model, **changes):
    return {"wavelet": ricker(30, 0.004, 41), "angles_deg": ANGLES, "dt_s": 0.004} | model | changes


def test_net_agrees_with_oracle(net, model):
    angles = tuple(NRMSE_BY_ANGLE)
    wanted = reference.synthesize(**args(model, angles_deg=angles))
    got = net.synthesize(**args(model, angles_deg=angles))
    assert got.shape == wanted.shape and got.dtype == np.float32
    for exact, ours, limit in zip(wanted, got, NRMSE_BY_ANGLE.values(), strict=True):
        assert np.sqrt(np.square(ours - exact).mean()) < limit * exact.std()


def test_torch_path_agrees_with_compiled_path(net, model):
    fast = net.synthesize(**args(model))
    tensors = [torch.as_tensor(model[k], dtype=torch.float32) for k in ("vp", "vs", "rho")]
    with torch.no_grad():
        wavelet = torch.as_tensor(ricker(30, 0.004, 41), dtype=torch.float32)
        slow = net(*tensors, wavelet, ANGLES).numpy()
    assert np.sqrt(np.square(fast - slow).mean()) < PATHS_AGREE * slow.std()
    assert np.abs(fast - slow).max() < 10 * PATHS_AGREE * slow.std()


def test_gradients_in_model_and_wavelet_are_right(net):
    vp, vs, rho = (torch.as_tensor(v[:2, :, :9].copy()) for v in layered_model(3, 2, 9))
    inputs = [v.requires_grad_() for v in (vp, vs, rho, torch.rand(5, dtype=torch.float64))]
    assert torch.autograd.gradcheck(lambda *a: net(*a, (3.0, 22.0)), inputs, eps=1e-4, atol=1e-6)


def test_no_contrast_gives_exactly_zero(net):
    one = np.ones((2, 2, 64))
    out = net.synthesize(**args({"vp": 3100 * one, "vs": 1450 * one, "rho": 2310 * one}))
    assert (out == 0).all()


def test_turning_an_interface_over_reverses_normal_incidence(net):
    vp = np.full((1, 1, 8), 2500.0)
    vp[..., 4:] = 3200.0
    up = net.synthesize(**args({"vp": vp, "vs": vp / 2, "rho": vp}, wavelet=[1.0], angles_deg=(0,)))
    back = vp[..., ::-1]
    down = net.synthesize(
        **args({"vp": back, "vs": back / 2, "rho": back}, wavelet=[1.0], angles_deg=(0,))
    )
    assert up[0, 0, 0, 3] > 0.2
    assert up[0, 0, 0, 3] == -down[0, 0, 0, 3]


def test_fluid_layers_are_allowed(net):
    vp = np.full((1, 1, 8), 1500.0)
    vs = np.zeros_like(vp)
    vp[..., 4:], vs[..., 4:] = 1800.0, 300.0
    model = {"vp": vp, "vs": vs, "rho": vp}
    out = net.synthesize(**args(model, wavelet=[1.0]))
    wanted = reference.synthesize(**args(model, wavelet=[1.0]))
    assert np.allclose(out, wanted, atol=0.003)


def test_one_angle_does_not_depend_on_the_others(net, model):
    many = net.synthesize(**args(model, angles_deg=(1, 12, 33)))
    assert np.array_equal(many[1], net.synthesize(**args(model, angles_deg=(12,)))[0])


def test_interface_outside_the_trained_domain_is_refused(net, model):
    vp = model["vp"].copy()
    vp[1, 2, 50:] *= 7.0
    with pytest.raises(ConfigError, match=r"contrast of vp.*trace \(1, 2\).*forward.reference"):
        net.synthesize(**args(model, vp=vp))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"wavelet": np.ones(4)}, ShapeError, "odd"),
        ({"wavelet": np.ones(193)}, ShapeError, "longer than the trace"),
        ({"wavelet": [0.0, np.nan, 0.0]}, ConfigError, "index"),
        ({"angles_deg": (5, 41)}, ConfigError, r"angles_deg\[1\] is 41"),
        ({"angles_deg": ()}, ConfigError, "empty"),
        ({"t_star": 0.04}, ConfigError, "t_star"),
        ({"dt_s": 4}, ConfigError, "dt_s is 4"),
        ({"vs": np.ones((5, 6, 191))}, ShapeError, "vs has shape"),
    ],
)
@pytest.mark.parametrize("which", ["net", "reference"])
def test_bad_arguments_are_named(net, model, change, error, text, which):
    function = net.synthesize if which == "net" else reference.synthesize
    with pytest.raises(error, match=text):
        function(**args(model, **change))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("vp", np.nan, "vp is nan"),
        ("vs", np.inf, "vs is inf"),
        ("vp", -1.0, "vp is -1"),
        ("vs", -2.0, "vs is -2"),
        ("rho", 0.0, "rho is 0"),
        ("vs", 9999.0, "bulk modulus"),
    ],
)
def test_bad_sample_is_named_with_its_index(net, model, name, value, text):
    values = model[name].copy()
    values[2, 3, 40] = value
    for function in (net.synthesize, reference.synthesize):
        with pytest.raises(ConfigError, match=text) as caught:
            function(**args(model, **{name: values}))
        assert "(2, 3, 40)" in str(caught.value)


def test_every_term_has_its_parent():
    terms = exponents(ForwardConfig())
    assert terms[0] == (0, 0, 0, 0)
    for place, (parent, feature) in enumerate(term_parents(terms)[1:], start=1):
        assert 0 <= parent < place
        rebuilt = [p + (i == feature) for i, p in enumerate(terms[parent])]
        assert tuple(rebuilt) == terms[place]


def corner_columns():
    """Every ordered pair of extreme rocks: fluid-like or stiff, slow or fast, light or dense."""
    rocks = [
        (vp, vs, rho)
        for vp in VP_LIMITS_M_S
        for vs in (0.0, 200.0, vp * MAX_VS_OVER_VP)
        for rho in RHO_LIMITS_KG_M3
    ]
    pairs = np.asarray([(a, b) for a in rocks for b in rocks])
    values = np.repeat(pairs, 4, axis=1)
    return {k: values[None, :, :, i] for i, k in enumerate(("vp", "vs", "rho"))}


def test_extreme_neighbours_are_inside_the_domain_and_bounded(net):
    model = corner_columns()
    angles = (0, 5, 15, 25, 35, 40)
    got = net.synthesize(**args(model, wavelet=[1.0], angles_deg=angles))
    assert np.isfinite(got).all()
    assert np.abs(got).max() <= ONE
    exact = reference.synthesize(**args(model, wavelet=[1.0], angles_deg=(0,)))
    assert np.allclose(got[0], exact[0], atol=2e-5)


def test_error_of_strong_interfaces_is_what_the_manifest_states(net):
    stated = json.loads((SHIPPED / "MANIFEST.json").read_text())["figures"]
    # Other draws of 20000 interfaces; few post-critical ones weigh much.
    for kind, angle, factor in (("strong", 15, 1.5), ("strong", 35, 1.3), ("corner", 25, 1.3)):
        error, exact = interface_error(net, draw_interfaces(kind, 501, 20000), angle)
        found = 100 * np.sqrt(np.square(error).mean()) / exact.std()
        assert found < factor * stated[f"nrmse_{kind}_interfaces_percent"][str(angle)]
        assert np.abs(error).max() <= 2 * ONE


def test_gradients_are_finite_at_the_critical_angle(net):
    vp = torch.tensor([[[2000.0, 4000.0]]], dtype=torch.float64, requires_grad=True)
    for angle in (29.999, 30.0, 30.001, 38.0):
        out = net(vp, 0.5 * vp.detach(), torch.ones_like(vp), torch.ones(1).double(), (angle,))
        (slope,) = torch.autograd.grad(out.sum(), vp)
        assert torch.isfinite(slope).all()


def test_saved_net_loads_back_and_a_changed_file_is_refused(net, tmp_path):
    net.save_pretrained(tmp_path, {"recipe": {"seed": 1}})
    again = ForwardNet.from_pretrained(tmp_path)
    assert torch.equal(again.weights, net.weights)
    weights = tmp_path / "layer_b.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="corrupt"):
        ForwardNet.from_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="cannot be read"):
        ForwardNet.from_pretrained(tmp_path / "nowhere")


def test_weights_of_another_shape_are_refused(net, tmp_path):
    from lithogen.config import sha256_hex

    shutil.copytree(SHIPPED, tmp_path / "w")
    path, manifest = tmp_path / "w" / "forward_net.json", tmp_path / "w" / "MANIFEST.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"degrees": [2, 2, 2]}))
    listed = json.loads(manifest.read_text())
    listed["files"]["forward_net.json"]["sha256"] = sha256_hex(path.read_bytes())
    manifest.write_text(json.dumps(listed))
    with pytest.raises(WeightsError, match="do not fit"):
        ForwardNet.from_pretrained(tmp_path / "w")


def test_import_forward_is_light():
    code = (
        "import sys, forward; heavy = {'torch', 'bruges', 'numba', 'scipy', 'matplotlib'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_exported_name_exists():
    for name in forward.__all__:
        assert getattr(forward, name) is not None
    assert callable(forward.calibrate)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(forward, "no" + "thing")
