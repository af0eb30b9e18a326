"""Fine-tuning on models of one's own: does what comes afterwards follow them?

The user's models are worlds of the prior in files, with a geology that no scenario can ask for:
what was sandstone is chalk, what was heterolithic is dolomite. Weights are fine-tuned on them as
`lithogen train litho --data DIR --init shipped` does. Then both networks generate in the structures
(relative geologic time) of further models, beside the facies and impedance that those have.

    python benchmarks/fine_tune.py [--models 12] [--n 6] [--recipe TOML] [--no-renewed]

With `--model FOLDER` weights that were fine-tuned on these models before are judged.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from _common import ROOT, noise_weights, parser, report, shares_option
from _quality import log_impedance

from lithogen.allocator import keep_freed_memory

RECIPE = ROOT / "lithogen" / "training" / "recipes" / "fine_tune.toml"
SHAPE, ORIGIN = (64, 64, 128), (0, 0, 120)
# Without faults, salt and erosion, ages increase in every column.
QUIET = {"faulting": 0.0, "polygonal": 0.0, "salt": 0.0, "unconformities": 0}
RENAMED = {"sandstone": "chalk", "heterolithic": "dolomite"}
FIRST_HELD_OUT, OTHER_STRATA = 500, 900


def own_model(seed: int) -> Any:
    """Return a labelled model of the user's geology, as a Dataset."""
    import lithogen
    from lithogen.rockphysics.facies import facies_code
    from lithogen.training.own import NO_BODIES

    scenario = lithogen.Scenario.from_dict(QUIET | NO_BODIES)
    world = lithogen.sample_world(SHAPE, seed, scenario, origin=ORIGIN)
    facies = world["lithology"].to_numpy().copy()
    for was, is_now in RENAMED.items():
        facies[world["lithology"].to_numpy() == facies_code(was)] = facies_code(is_now)
    world["lithology"] = world["lithology"].copy(data=facies)
    return world


def tuned(folder: Path, n_models: int, recipe: Path) -> Path:
    """Write the user's models to files and fine-tune the shipped weights; return the new ones."""
    import seismic_io
    from lithogen.pipeline import SHIPPED, weights_folder
    from lithogen.training.config import LithoTraining
    from lithogen.training.own import own_worlds
    from lithogen.training.train_litho import train

    for seed in range(n_models):
        seismic_io.to_netcdf(own_model(seed), folder / f"model_{seed:03d}.nc")
    worlds = own_worlds(folder, LithoTraining.from_toml(recipe).crop_shape)
    train(recipe, folder / "run", progress=False, worlds=worlds, init=weights_folder(SHIPPED))
    return folder / "run" / "model"


def main() -> None:
    """Fine-tune, generate, print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--models", type=int, default=12)
    options.add_argument("--n", type=int, default=6, help="held-out structures")
    options.add_argument("--recipe", type=Path, default=RECIPE)
    shares_option(options)
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.metrics import change_rate, facies_shares, pattern_divergence
    from lithogen.rockphysics.facies import FACIES
    from lithogen.training.own import OwnData

    with tempfile.TemporaryDirectory() as name:
        folder = args.model or tuned(Path(name), args.models, args.recipe)
        pipes = {"shipped": lithogen.LithologyPipeline.from_pretrained(),
                 "fine_tuned": lithogen.LithologyPipeline.from_pretrained(folder)}
    held: dict[str, list[Any]] = {key: [] for key in ("own", "other_strata", *pipes)}
    for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + args.n):
        own = own_model(seed)
        structure = lithogen.Structure.from_rgt(
            own["rgt"].to_numpy(), scenario=OwnData().scenario(), origin=ORIGIN)
        window = lithogen.Window(ORIGIN, SHAPE)
        made = {key: pipe(structure, window, seed=seed, weights=noise_weights(args))
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
           models=args.models, table=table)


if __name__ == "__main__":
    main()
