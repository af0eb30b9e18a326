"""Fine-tuning on models of one's own: does what comes afterwards follow them?

The user's models are worlds of the prior in files, with a geology that no scenario can ask for:
what was sandstone is chalk, what was heterolithic is dolomite. Weights are fine-tuned on them as
`lithogen train litho --data DIR` does. Then both networks generate in the structures (relative
geologic time) of further models, beside the facies and impedance that those have.

    python benchmarks/fine_tune.py [--models 12] [--n 6] [--recipe TOML] [--init FOLDER|shipped]

With `--model FOLDER` weights that were fine-tuned on these models before are judged.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from _common import ROOT, parser, report
from numpy.typing import NDArray

from lithogen.allocator import keep_freed_memory

RECIPE = ROOT / "lithogen" / "diffusion" / "training" / "recipes" / "fine_tune.toml"
SHAPE, ORIGIN = (64, 64, 128), (0, 0, 120)
# Without faults, salt and erosion, ages increase in every column.
QUIET = {"faulting": 0.0, "polygonal": 0.0, "salt": 0.0, "unconformities": 0}
RENAMED = {"sandstone": "chalk", "heterolithic": "dolomite"}
FIRST_HELD_OUT, OTHER_STRATA = 500, 900


def own_model(seed: int) -> Any:
    """Return a labelled model of the user's geology, as a Dataset."""
    import lithogen
    from lithogen.diffusion.training.own import NO_BODIES
    from lithogen.rockphysics.facies import facies_code

    scenario = lithogen.Scenario.from_dict(QUIET | NO_BODIES)
    world = lithogen.sample_world(SHAPE, seed, scenario, origin=ORIGIN)
    facies = world["lithology"].to_numpy().copy()
    for was, is_now in RENAMED.items():
        facies[world["lithology"].to_numpy() == facies_code(was)] = facies_code(is_now)
    world["lithology"] = world["lithology"].copy(data=facies)
    return world


def tuned(folder: Path, n_models: int, recipe: Path, init: Path) -> Path:
    """Write the user's models to files and fine-tune weights on them; return the new ones."""
    import seismic_io
    from lithogen.diffusion.training.own import own_diagrams
    from lithogen.diffusion.training.recipe import RowTraining
    from lithogen.diffusion.training.train import MODEL_FOLDER, train

    for seed in range(n_models):
        seismic_io.to_netcdf(own_model(seed), folder / f"model_{seed:03d}.nc")
    known = RowTraining.from_toml(recipe)
    train(known, folder / "run", progress=False, init=init,
          worlds=own_diagrams(folder, n_rows=known.n_rows))
    return folder / "run" / MODEL_FOLDER


def log_impedance(vp: NDArray[np.floating], rho: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ln of vp * rho."""
    return np.log(vp.astype(np.float64) * rho)


def main() -> None:
    """Fine-tune, generate, print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--models", type=int, default=12)
    options.add_argument("--n", type=int, default=6, help="held-out structures")
    options.add_argument("--recipe", type=Path, default=RECIPE)
    options.add_argument("--init", default=None, metavar="FOLDER|shipped",
                         help="weights to start from; the shipped ones by default")
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.diffusion.pipeline import weights_folder
    from lithogen.diffusion.training.own import OwnData
    from lithogen.metrics import change_rate, facies_shares, pattern_divergence
    from lithogen.rockphysics.facies import FACIES

    init, begun = weights_folder(args.init), time.process_time()
    with tempfile.TemporaryDirectory() as name:
        folder = args.model or tuned(Path(name), args.models, args.recipe, init)
        cpu_s = time.process_time() - begun
        pipes = {"before": lithogen.LithologyPipeline.from_pretrained(init),
                 "fine_tuned": lithogen.LithologyPipeline.from_pretrained(folder)}
    held: dict[str, list[Any]] = {key: [] for key in ("own", "other_strata", *pipes)}
    for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + args.n):
        own = own_model(seed)
        structure = lithogen.Structure.from_rgt(
            own["rgt"].to_numpy(), scenario=OwnData().scenario(), origin=ORIGIN)
        window = lithogen.Window(ORIGIN, SHAPE)
        made = {key: pipe(structure, window, seed=seed)
                for key, pipe in pipes.items()}
        for key, world in ({"own": own, "other_strata": own_model(seed + OTHER_STRATA)}
                           | made).items():
            held[key].append([np.asarray(world[part]) for part in ("lithology", "vp", "rho")])
    truth = np.stack([world[0] for world in held["own"]])
    wanted = np.mean([facies_shares(one, len(FACIES)) for one in truth], axis=0)
    table = {}
    for key, worlds in held.items():
        facies = np.stack([world[0] for world in worlds])
        shares = np.mean([facies_shares(one, len(FACIES)) for one in facies], axis=0)
        table[key] = {
            "volume_in_other_facies": round(float(np.abs(shares - wanted).sum() / 2), 4),
            "patterns_js_bits": round(pattern_divergence(truth, facies, len(FACIES)), 4),
            "changes_per_sample": round(float(np.mean(
                [change_rate(one, 2).mean() for one in facies])), 4),
            "impedance_std": round(float(np.mean(
                [log_impedance(vp, rho).std() for _, vp, rho in worlds])), 4),
            **{facies_name: round(float(shares[code]), 4) for code, facies_name in
               enumerate(FACIES) if facies_name in (*RENAMED, *RENAMED.values(), "shale")},
        }
    report("fine_tune", table["fine_tuned"]["volume_in_other_facies"],
           "share of the volume in other facies than held-out models of the user's", args.n,
           models=args.models, training_cpu_s=None if args.model else round(cpu_s, 1), table=table)


if __name__ == "__main__":
    main()
