"""Formations: what the controls of a scenario amount to for the styles of bed stacks."""

from __future__ import annotations

import numpy as np

from lithogen.scenario import Scenario

# Share of basinal shale among formations that are neither reservoir nor special.
SHALE_SHARE = 0.94
STYLES = ("carbonate", "tuff", "coal", "evaporite", "reservoir", "shale", "mixed")


def formation_shares(scenario: Scenario) -> dict[str, float]:
    """Return the shares of formations by style.

    Parameters
    ----------
    scenario : Scenario
        Its net-to-gross and its shares of special formations.

    Returns
    -------
    dict of str to float
        Of every one of `STYLES`, in their order; sum 1.

    Examples
    --------
    >>> shares = formation_shares(Scenario(net_to_gross=0.3))
    >>> round(sum(shares.values()), 6)
    1.0
    """
    special = (scenario.carbonate_share, scenario.tuff_share, 2.0 * scenario.coal_share,
               scenario.evaporite_share)
    rest = max(1.0 - sum(special), 0.05)
    sand = rest * min(max(scenario.sand_drive() * 1.9 - 0.12, 0.0), 1.0)
    weights = np.array([*special, sand, SHALE_SHARE * (rest - sand),
                        (1.0 - SHALE_SHARE) * (rest - sand)])
    return dict(zip(STYLES, (weights / weights.sum()).tolist(), strict=True))
