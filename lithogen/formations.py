"""Formations: what the controls of a scenario amount to for the styles of bed stacks."""

from __future__ import annotations

import numpy as np

from lithogen.scenario import Scenario

# Share of basinal shale among formations that are neither reservoir nor special.
SHALE_SHARE = 0.94


def formation_shares(scenario: Scenario) -> dict[str, float]:
    """Return the shares of formations by style.

    Parameters
    ----------
    scenario : Scenario
        Its net-to-gross and its shares of special formations.

    Returns
    -------
    dict of str to float
        Of carbonate, tuff, coal, evaporite, reservoir, shale and mixed ones; sum 1.

    Examples
    --------
    >>> shares = formation_shares(Scenario(net_to_gross=0.3))
    >>> round(sum(shares.values()), 6)
    1.0
    """
    special = {
        "carbonate": scenario.carbonate_share, "tuff": scenario.tuff_share,
        "coal": 2.0 * scenario.coal_share, "evaporite": scenario.evaporite_share,
    }
    rest = max(1.0 - sum(special.values()), 0.05)
    sand = rest * min(max(scenario.sand_drive() * 1.9 - 0.12, 0.0), 1.0)
    weights = special | {
        "reservoir": sand, "shale": SHALE_SHARE * (rest - sand),
        "mixed": (1.0 - SHALE_SHARE) * (rest - sand),
    }
    values = np.array(list(weights.values()))
    return dict(zip(weights, (values / values.sum()).tolist(), strict=True))
