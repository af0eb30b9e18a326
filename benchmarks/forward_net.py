"""Speed and accuracy of stage 2; prints one JSON line.

One process, one thread, the rivals take turns and medians of CPU time are compared, per OUTPUT
sample (three angles). With attenuation the net's rivals are bruges' Zoeppritz with a bank of 61
wavelets, one of which is taken at every sample, and the oracle.

    python benchmarks/forward_net.py [--traces 32] [--rounds 7]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
import warnings
from collections.abc import Callable
from typing import Any

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from forward import reference  # noqa: E402
from forward.attenuation import MAX_SAMPLES, attenuated  # noqa: E402
from forward.kernels import zoeppritz_traces  # noqa: E402
from forward.net import ForwardNet  # noqa: E402
from forward.pairs import layered_model, random_t_star  # noqa: E402
from forward.wavelets import ricker  # noqa: E402

ANGLES = (5.0, 15.0, 25.0)
N_TWT = 256
N_TAPS = 61
N_BANK = 61
DT_S = 0.004


def _bruges() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bruges.filters import convolve
        from bruges.reflection import reflectivity
    return reflectivity, convolve


def rivals(side: int) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return name -> (call, number of output samples); slow ones get a part of the traces."""
    vp, vs, rho = (v.reshape(side, side, N_TWT) for v in layered_model(31, side * side, N_TWT))
    single = [np.ascontiguousarray(v, dtype=np.float32) for v in (vp, vs, rho)]
    rows = [v.reshape(-1, N_TWT) for v in single]
    taps = ricker(30.0, 0.004, N_TAPS)
    taps32, sines = taps.astype(np.float32), np.sin(np.radians(ANGLES)).astype(np.float32)
    out = np.empty((len(ANGLES), *rows[0].shape), np.float32)
    net = ForwardNet.from_pretrained()
    reflectivity, convolve = _bruges()
    few = max(1, side // 8)
    names = ("vp", "vs", "rho")
    part: dict[str, Any] = dict(zip(names, (v[:few] for v in (vp, vs, rho)), strict=True))
    options: dict[str, Any] = {"wavelet": taps, "angles_deg": ANGLES, "dt_s": DT_S}
    late = random_t_star(31, side * side, N_TWT).reshape(side, side, N_TWT)
    bank = attenuated(taps, np.linspace(0.0, MAX_SAMPLES, N_BANK))
    deep = [np.ascontiguousarray(np.moveaxis(v, -1, 0)) for v in (vp, vs, rho)]

    def shuey() -> None:
        for angle in ANGLES:
            rc = reflectivity(*deep, theta=angle, method="shuey", axis=0)
            convolve(np.real(rc), taps, axis=0)

    def with_bank() -> None:
        nearest = np.rint(late[0, :few].T / MAX_SAMPLES * (N_BANK - 1)).astype(np.int64)[None]
        for angle in ANGLES:
            rc = reflectivity(*(v[:, 0, :few] for v in deep), theta=angle,
                              method="zoeppritz_rpp", axis=0)
            every = convolve(np.real(rc), bank, axis=0)
            np.take_along_axis(every, nearest[:, : every.shape[1]], axis=0)

    def per_trace() -> None:
        for i in range(few):
            one = {k: v[i : i + 1, :1] for k, v in part.items()}
            reference.synthesize(**one, **options)

    def backward() -> None:
        inputs = [torch.as_tensor(v[:few]).requires_grad_() for v in single]
        net(*inputs, torch.as_tensor(taps32), ANGLES).square().sum().backward()

    def exact() -> None:
        zoeppritz_traces(rows[0], rows[1], rows[2], sines, taps32, out)

    def torch_forward() -> None:
        with torch.no_grad():
            net(*(torch.as_tensor(v[:few]) for v in single), torch.as_tensor(taps32), ANGLES)

    whole = vp.size * len(ANGLES)
    some = few * side * N_TWT * len(ANGLES)
    fast: dict[str, Any] = dict(zip(names, single, strict=True))
    return {
        "net": (lambda: net.synthesize(**fast, **options), whole),
        "exact_float32_numba": (exact, whole),
        "bruges_zoeppritz": (lambda: reference.synthesize(**part, **options), some),
        "bruges_zoeppritz_per_trace": (per_trace, few * N_TWT * len(ANGLES)),
        "bruges_shuey": (shuey, whole),
        "net_attenuated": (
            lambda: net.synthesize(**fast, **options, t_star=DT_S * late), whole),
        "bruges_zoeppritz_and_bank": (with_bank, few * N_TWT * len(ANGLES)),
        "oracle_attenuated": (
            lambda: reference.synthesize(**part, **options, t_star=DT_S * late[:few]), some),
        "torch_forward": (torch_forward, some),
        "torch_forward_backward": (backward, some),
    }


def nrmse_percent(n_trace: int, t_star: Any = None) -> dict[str, float]:
    """NRMSE of the net against the oracle on held-out layered models, per angle."""
    vp, vs, rho = layered_model(907, n_trace, N_TWT)
    options: dict[str, Any] = {"vp": vp, "vs": vs, "rho": rho, "dt_s": DT_S, "t_star": t_star}
    options |= {"wavelet": ricker(30.0, 0.004, N_TAPS), "angles_deg": (5, 15, 25, 35, 40)}
    wanted = reference.synthesize(**options)
    got = ForwardNet.from_pretrained().synthesize(**options)
    error = np.sqrt(np.square(got - wanted).mean(axis=(1, 2, 3)) / wanted.var(axis=(1, 2, 3)))
    pairs = zip(options["angles_deg"], error, strict=True)
    return {str(a): round(100 * float(e), 4) for a, e in pairs}


def main() -> None:
    """Time the rivals in turn and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=32, help="traces along each side")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    calls = rivals(given.traces)
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for step in range(given.rounds + 1):
        for name, (call, n_sample) in calls.items():
            start = time.process_time()
            call()
            if step > 0:  # the first round compiles
                spent[name].append(1e9 * (time.process_time() - start) / n_sample)
    cost = {name: float(np.median(values)) for name, values in spent.items()}
    ratios = {name: round(value / cost["net"], 2) for name, value in cost.items() if name != "net"}
    line = {
        "name": "forward/net",
        "value": round(cost["net"], 2),
        "unit": "ns per output sample",
        "n": calls["net"][1],
        "machine": f"{platform.machine()}, 1 thread, {N_TAPS} taps, {len(ANGLES)} angles",
        "ns": {name: round(value, 2) for name, value in cost.items()},
        "times_the_net": ratios,
        "backward_over_torch_forward": round(
            cost["torch_forward_backward"] / cost["torch_forward"], 2
        ),
        "attenuation_times_the_net_with_it": {
            name: round(cost[name] / cost["net_attenuated"], 1)
            for name in ("bruges_zoeppritz_and_bank", "oracle_attenuated")},
        "nrmse_percent": nrmse_percent(64),
        "nrmse_attenuated_percent": nrmse_percent(64, DT_S * random_t_star(907, 64, N_TWT)),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
