"""What fills bodies: rock of one facies with its own character, or shuffled layers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.rng import normal
from lithogen.rockphysics import HALITE, bed_properties
from lithogen.rockphysics.reservoir import net_share
from lithogen.rockphysics.scatter import BED_SCATTER, INNER_SCATTER, RHO_PER_VP
from lithogen.strata.tables import COLUMNS, Strata
from lithogen.structure import StructureFields
from lithogen.structure.bodies import BodyFields, BodyKind
from lithogen.structure.waves import PlaneWaves

Float = NDArray[np.float64]

# A part whose rock differs from the layers around covers at least this share of a voxel.
LEAST_COVER = 0.02


def shuffled(fields: StructureFields, y_m: Float, x_m: Float, seed: int) -> Tensor:
    """Return the ages at which strata are looked up: shuffled inside mass-transport deposits."""
    amounts = [0.0, *(p.scramble_ms for p in fields.bodies.parts)]
    if not any(amounts):
        return fields.age
    amount = fields.bodies.label(amounts, torch.float32)
    rows, cols, deep = (amount > 0).nonzero(as_tuple=True)
    if rows.numel() == 0:
        return fields.age
    phases = []
    for index, band in enumerate(((700.0, 2500.0), (450.0, 1500.0))):
        waves = PlaneWaves.random(seed, "prior/shuffle", index, wavelength_m=band, n_wave=8)
        field = torch.from_numpy((3.0 * waves(y_m, x_m)).astype(np.float32))
        phases.append(field.to(fields.age.device)[rows, cols])
    age = fields.age[rows, cols, deep]
    moved = 0.6 * torch.sin(age / 13.0 + phases[0]) + 0.4 * torch.sin(age / 8.0 + phases[1])
    out = fields.age.clone()
    out[rows, cols, deep] = age + amount[rows, cols, deep] * moved
    return out


def fill_bodies(
    mean: Tensor, facies: Tensor, bodies: BodyFields, strata: Strata, depth_m: Float
) -> None:
    """Put the rock of bodies into block means and facies, in place.

    Parameters
    ----------
    mean : block means (n_iline, n_xline, n_twt, 6), see `tables.COLUMNS`.
    facies : dominant facies, int8.
    bodies : where bodies lie.
    strata : rock physics of the world.
    depth_m : background depth of every sample, (n_twt,).
    """
    is_rock = [0, *(int(p.scramble_ms == 0.0) for p in bodies.parts)]
    if not any(is_rock):
        return
    is_inside = bodies.label(is_rock, torch.int8).reshape(-1) > 0
    index = ((bodies.cover.reshape(-1) > LEAST_COVER) & is_inside).nonzero()[:, 0]
    if index.numel() == 0:
        return
    part = bodies.part.reshape(-1).index_select(0, index).to(torch.int64) - 1
    own = part.cpu().numpy()
    sample = (index % len(depth_m)).cpu().numpy()
    flat = mean.reshape(-1, mean.shape[-1])
    here = flat.index_select(0, index)
    known = [strata.bodies.get((p.number, p.facies)) for p in bodies.parts]
    code = np.array([p.facies if rock is None else rock.facies
                     for p, rock in zip(bodies.parts, known, strict=True)])[own]
    texture = here[:, COLUMNS.index("texture")].double().cpu().numpy()
    rows = _rock(bodies, own, code, texture, strata, depth_m[sample])
    cover = bodies.cover.reshape(-1).index_select(0, index)[:, None]
    blended = torch.lerp(here, torch.from_numpy(rows).to(here.device), cover)
    flat.index_copy_(0, index, blended)
    labels = facies.reshape(-1)
    layers = labels.index_select(0, index)
    new = torch.from_numpy(code.astype(np.int8)).to(layers.device)
    labels.index_copy_(0, index, torch.where(cover[:, 0] >= 0.5, new, layers))


def _rock(
    bodies: BodyFields, own: NDArray[np.int64], code: NDArray[np.int64], texture: Float,
    strata: Strata, depth_m: Float,
) -> NDArray[np.float32]:
    """Columns of `tables.COLUMNS` of the rock of bodies, (n, 6)."""
    numbers = np.array([p.number for p in bodies.parts])
    character = normal(strata.seed, "prior/fill", np.arange(2)[:, None], numbers[None, :])
    shift = np.array([p.ln_vp for p in bodies.parts])
    ln_vp = 0.7 * BED_SCATTER[code] * character[0, own] + shift[own]
    met = [strata.bodies.get((p.number, p.facies)) for p in bodies.parts]
    known = np.array([np.nan if rock is None else rock.ln_vp for rock in met])[own]
    ln_vp = np.where(np.isnan(known), ln_vp, known)
    ln_vp = ln_vp + 0.6 * INNER_SCATTER[code] * texture
    vp, vs, rho, phi = bed_properties(
        strata.family, code, depth_m, ln_vp=ln_vp, ln_shear=0.02 * character[1, own],
        ln_rho=RHO_PER_VP * ln_vp,
    )
    is_salt = np.array([p.kind == BodyKind.SALT for p in bodies.parts])[own]
    for values, halite in zip((vp, vs, rho, phi), (*HALITE, 0.0), strict=True):
        values[is_salt] = halite
    columns = (1e9 / (rho * vp**2), 1e9 / (rho * vs**2), rho, phi, net_share(code, phi), texture)
    return np.stack(columns, axis=1).astype(np.float32)
