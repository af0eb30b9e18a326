"""Formations: their shares are probabilities and follow the controls."""

from __future__ import annotations

import pytest

from lithogen.formations import formation_shares
from lithogen.scenario import Scenario


def test_formation_shares_are_probabilities_that_follow_the_controls() -> None:
    for seed in range(40):
        shares = formation_shares(Scenario.random(seed))
        assert sum(shares.values()) == pytest.approx(1.0)
        assert min(shares.values()) >= 0.0
    more = [formation_shares(Scenario(net_to_gross=v))["reservoir"] for v in (0.1, 0.3, 0.6)]
    assert more == sorted(more) and more[0] < more[-1]
    assert formation_shares(Scenario(tuff_share=0.3))["tuff"] > 0.2
