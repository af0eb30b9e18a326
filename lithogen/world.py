"""World: what is fixed for all tiles of one request, and what becomes of a tile's latent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.conditioning import control_vector
from lithogen.errors import WeightsError, require
from lithogen.grid import Spacing, Window
from lithogen.latent import KINDS, N_CODE, N_WELL, parts_of_samples, simplex_code
from lithogen.models.litho_net import LithoNet
from lithogen.noise import NoiseWeights, stratigraphic_noise
from lithogen.rng import stream_key
from lithogen.rockphysics import HALITE, RockFamily, decode_elastic
from lithogen.rockphysics.facies import EVAPORITE
from lithogen.rockphysics.fluids import BRINE, MIN_POROSITY, POROUS_FACIES, substitute
from lithogen.rockphysics.reservoir import net_share, porosity_of
from lithogen.sampling import Known
from lithogen.structure import Conditions, Structure, StructureFields
from lithogen.structure.bodies import BodyKind
from lithogen.structure.traps import fluids

if TYPE_CHECKING:
    from lithogen.wells import Wells
    from lithogen.wells.ages import AgeTable
    from lithogen.wells.voxels import WellVoxels

Volumes = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class World:
    """One world that tiles are cut from.

    Parameters
    ----------
    structure : where layers go. seed : of stratigraphy, rock physics and fluids.
    weights : shares of the noise. spacing : of the voxels. wells : known columns, or None.
    """

    structure: Structure
    seed: int
    weights: NoiseWeights
    spacing: Spacing
    wells: Wells | None = None

    @cached_property
    def family(self) -> RockFamily:
        """Rock-physics trends of the basin."""
        scenario = self.structure.scenario
        return RockFamily.random(self.seed, scenario.burial_m, scenario.basin)

    @cached_property
    def voxels(self) -> WellVoxels | None:
        """What the wells say of single voxels."""
        return None if self.wells is None else self.wells.on_voxels(self.spacing)

    @cached_property
    def tables(self) -> tuple[AgeTable, ...]:
        """What every well says as a function of age."""
        from lithogen.wells.ages import age_tables

        if self.voxels is None:
            return ()
        return age_tables(self.voxels, self.structure, self.spacing, code=simplex_code(),
                          family=self.family)

    @cached_property
    def parts(self) -> tuple[NDArray[np.float32], ...]:
        """Parts of the residuals of every table, each (n, 7)."""
        return tuple(parts_of_samples(table.residual, table.index[:, 2], self.spacing.dt_s)
                     for table in self.tables if table.index is not None)

    def noise(self, age: Tensor, window: Window) -> Tensor:
        """Return the noise of a window, (n_iline, n_xline, n_twt, n_latent).

        Parameters
        ----------
        age : relative geologic time in ms on the window.
        """
        return stratigraphic_noise(age, window, self.spacing, self.seed, KINDS, self.weights)

    def fresh_noise(self, age: Tensor, window: Window) -> Tensor:
        """Return independent noise of the elastic channels, like the last ones of `noise`.

        It stands for that from where facies are decided.
        """
        seed = stream_key(self.seed, "noise/fresh")
        return stratigraphic_noise(
            age, window, self.spacing, seed, KINDS[N_CODE:], self.weights)

    def controls(self, model: LithoNet) -> Tensor:
        """Return what a network is told of the whole world, as it was in training."""
        scenario = self.structure.scenario if model.config["knows_scenario"] else None
        return control_vector(scenario, self.weights, self.spacing)

    def told(
        self, found: Conditions, window: Window, model: LithoNet
    ) -> tuple[Tensor | None, Known | None]:
        """Return maps of wells, and the voxels that wells fix; None where none is in reach.

        Parameters
        ----------
        found : structure on the window. model : gives the standardisation of the latent.

        Raises
        ------
        WeightsError : there are wells, and the model was told of wells in another form.
        """
        if not self.tables:
            return None, None
        require(model.config["n_well"] == N_WELL,
                f"the weights know maps of wells of {model.config['n_well']} channels, wanted "
                f"{N_WELL}; retrain them with this version", WeightsError)
        from lithogen.wells.honour import exact
        from lithogen.wells.project import well_maps

        maps = well_maps(self.tables, found.age, found.sequence, window, self.spacing)
        fixed = exact(self.tables, self.parts, window)
        mean, std = latent_scale(model)
        raw = torch.from_numpy(np.concatenate([fixed.code, fixed.parts], axis=1))
        at = torch.nn.functional.pad(torch.from_numpy(fixed.index), (1, 0))
        known = Known(at, (raw - mean) / std)
        return maps if bool(maps.any()) else None, known if len(fixed.index) else None

    def finished(
        self, tile: Window, found: StructureFields, facies: NDArray[np.int8],
        residual: NDArray[np.float32],
    ) -> Volumes:
        """Return every variable of a tile from its facies and elastic residuals.

        Parameters
        ----------
        tile : absolute box of the arrays. found : structure on it.
        facies : codes, changed in place. residual : (3, n_iline, n_xline, n_twt).
        """
        y_m, x_m, twt_s = tile.axes(self.spacing)
        depth_m = self.structure.velocity.depth(twt_s)
        vp, vs, rho = decode_elastic(residual, self.family, depth_m)
        # The network is not told of salt: stocks belong to the structure.
        is_salt = (found.bodies.kind() == BodyKind.SALT).numpy()
        facies[is_salt] = EVAPORITE
        for values, halite in zip((vp, vs, rho), HALITE, strict=True):
            values[is_salt] = halite
        out: Volumes = {"lithology": facies, "vp": vp, "vs": vs, "rho": rho}
        is_measured = self._honour(tile, out)
        porosity = porosity_of(facies, rho, self.family, depth_m)
        fluid = fluids(self.structure, self.seed, found.age.numpy(), depth_m, y_m, x_m)
        # Logs hold the fluid that was there.
        fluid[is_measured] = BRINE
        self._fill(out, fluid, porosity, depth_m)
        return out | {
            "rgt": found.age.numpy(), "fault": found.fault.numpy(),
            "throw": found.throw_ms.numpy(), "sequence": found.sequence.numpy(),
            "body": found.bodies.number().numpy(), "body_kind": found.bodies.kind().numpy(),
            "fluid": fluid, "porosity": porosity, "net_to_gross": net_share(facies, porosity),
        }

    def _honour(self, tile: Window, out: Volumes) -> tuple[NDArray[np.int64], ...]:
        """Give well voxels the wells' values, in place; return their places."""
        if self.voxels is None:
            return (np.empty(0, dtype=np.int64),) * 3
        from lithogen.wells.honour import overwrite

        overwrite(self.voxels, tile, facies=out["lithology"], vp=out["vp"], vs=out["vs"],
                  rho=out["rho"])
        inside = self.voxels.inside(tile)
        i, j, k = (inside.index - np.array(tile.origin)).T
        return i, j, k

    def _fill(
        self, out: Volumes, fluid: NDArray[np.int8], porosity: NDArray[np.float32],
        depth_m: NDArray[np.float64],
    ) -> None:
        """Keep fluids in porous rock only, and give that rock their elastic values, in place."""
        held = fluid.nonzero()
        is_reservoir = np.isin(out["lithology"][held], POROUS_FACIES) & (
            porosity[held] > MIN_POROSITY)
        fluid[held] = np.where(is_reservoir, fluid[held], BRINE)
        if not fluid.any():
            return
        scenario = self.structure.scenario
        out["vp"], out["vs"], out["rho"] = substitute(
            out["vp"], out["vs"], out["rho"], porosity, out["lithology"], fluid,
            depth_m=depth_m + scenario.burial_m, water_depth_m=scenario.water_depth_m,
        )


def latent_scale(model: LithoNet) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of a model's latent, each (n_latent,).

    A model that keeps none has a latent of mean 0 and standard deviation 1.
    """
    config = dict(model.config)
    n_latent = int(config["n_latent"])
    return (torch.tensor(config["latent_mean"] or (0.0,) * n_latent),
            torch.tensor(config["latent_std"] or (1.0,) * n_latent))
