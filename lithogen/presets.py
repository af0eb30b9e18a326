"""Presets: the settings of nature as spans of the scenario's controls, and draws from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lithogen.config import nearest_name
from lithogen.errors import require
from lithogen.rng import uniform

Span = tuple[float, float, float]
Range = tuple[float, float]
Values = dict[str, float | str]

# Lowest, typical and highest value of a control where a setting does not say otherwise.
ORDINARY: dict[str, Span] = {
    "net_to_gross": (0.05, 0.14, 0.3),
    "carbonate_share": (0.0, 0.06, 0.12),
    "bed_scale": (0.6, 1.0, 1.7),
    "lateral_change": (0.2, 0.5, 0.9),
    "channels": (0.0, 0.3, 0.6),
    "faulting": (0.05, 0.35, 0.7),
    "folding": (0.1, 0.35, 0.8),
    "thickness_variation": (0.25, 0.5, 0.9),
    "unconformities": (0, 1, 2),
    "burial_m": (200.0, 600.0, 1200.0),
    "velocity_m_s": (1750.0, 1900.0, 2100.0),
    "velocity_gradient_per_s": (0.35, 0.55, 0.75),
    "tuff_share": (0.0, 0.03, 0.1),
    "coal_share": (0.0, 0.0, 0.0),
    "evaporite_share": (0.0, 0.0, 0.0),
    "cyclicity": (0.1, 0.35, 0.7),
    "clinoforms": (0.0, 0.15, 0.35),
    "regional_dip_deg": (0.2, 1.0, 2.0),
    "growth": (0.0, 0.25, 0.6),
    "polygonal": (0.0, 0.15, 0.5),
    "lobes": (0.0, 0.0, 0.0),
    "deltas": (0.0, 0.0, 0.0),
    "buildups": (0.0, 0.0, 0.0),
    "karst": (0.0, 0.0, 0.0),
    "mass_transport": (0.0, 0.05, 0.15),
    "canyons": (0.0, 0.05, 0.15),
    "salt": (0.0, 0.0, 0.0),
    "hydrocarbons": (0.0, 0.3, 1.0),
    "water_depth_m": (0.0, 100.0, 200.0),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of nature.

    Parameters
    ----------
    weight : share of random worlds that take after it.
    fault_style, basin : choices, the typical one first; a repeated one is more likely.
    spans : lowest, typical and highest value of the controls that differ from `ORDINARY`.
    """

    weight: float
    fault_style: tuple[str, ...]
    basin: tuple[str, ...]
    spans: dict[str, Span]

    def span(self, name: str) -> Span:
        """Return the lowest, typical and highest value of a control."""
        return self.spans.get(name, ORDINARY[name])


SETTINGS: dict[str, Setting] = {
    # A shelf that builds out into the ocean: deltas, clinoforms, coal on top, canyons in front.
    "passive margin": Setting(0.22, ("staircase", "random", "relay"), ("gulf_coast", "north_sea"), {
        "net_to_gross": (0.06, 0.18, 0.36), "channels": (0.2, 0.45, 0.8),
        "faulting": (0.1, 0.4, 0.8), "unconformities": (0, 1, 3),
        "coal_share": (0.0, 0.01, 0.025), "clinoforms": (0.25, 0.5, 0.8),
        "growth": (0.2, 0.5, 0.9), "polygonal": (0.1, 0.4, 1.0), "lobes": (0.0, 0.15, 0.4),
        "deltas": (0.3, 0.55, 0.9), "mass_transport": (0.05, 0.2, 0.45),
        "canyons": (0.1, 0.3, 0.6), "water_depth_m": (20.0, 150.0, 600.0),
    }),
    # Warm shallow water without mud: build-ups, exposure and karst, evaporites behind the reef.
    "carbonate platform": Setting(0.14, ("random", "horst_graben"), ("carbonate_shelf",), {
        "net_to_gross": (0.05, 0.08, 0.16), "carbonate_share": (0.2, 0.45, 0.6),
        "lateral_change": (0.4, 0.7, 1.0), "channels": (0.0, 0.08, 0.2),
        "faulting": (0.02, 0.2, 0.5), "folding": (0.1, 0.25, 0.6),
        "unconformities": (0, 1, 3), "velocity_m_s": (1950.0, 2150.0, 2600.0),
        "velocity_gradient_per_s": (0.45, 0.6, 0.9), "tuff_share": (0.0, 0.0, 0.02),
        "evaporite_share": (0.005, 0.03, 0.08), "cyclicity": (0.4, 0.6, 0.9),
        "clinoforms": (0.1, 0.25, 0.5), "polygonal": (0.0, 0.05, 0.3),
        "buildups": (0.2, 0.5, 0.9), "karst": (0.15, 0.4, 0.9),
        "mass_transport": (0.0, 0.1, 0.3), "canyons": (0.0, 0.0, 0.1),
        "water_depth_m": (0.0, 20.0, 120.0),
    }),
    # Tilted blocks that sank while sediment, ash and debris filled the space between them.
    "rift": Setting(
        0.17, ("horst_graben", "horst_graben", "horst_graben", "staircase", "relay"),
        ("north_sea", "north_sea", "west_siberia"), {
        "channels": (0.1, 0.4, 0.8), "faulting": (0.5, 0.75, 1.0), "folding": (0.1, 0.4, 0.9),
        "thickness_variation": (0.4, 0.8, 1.0), "unconformities": (1, 2, 4),
        "tuff_share": (0.0, 0.06, 0.2), "coal_share": (0.0, 0.01, 0.03),
        "evaporite_share": (0.0, 0.005, 0.02), "regional_dip_deg": (0.5, 1.8, 4.0),
        "growth": (0.4, 0.7, 1.0), "lobes": (0.05, 0.2, 0.5), "deltas": (0.05, 0.2, 0.45),
        "mass_transport": (0.1, 0.25, 0.5), "canyons": (0.0, 0.1, 0.3),
        "water_depth_m": (0.0, 200.0, 800.0),
    }),
    # Rivers, flood plains, swamps; valleys cut when the sea fell.
    "fluvial": Setting(0.15, ("random", "staircase", "relay"), ("west_siberia", "north_sea"), {
        "net_to_gross": (0.12, 0.28, 0.5), "carbonate_share": (0.0, 0.01, 0.05),
        "bed_scale": (0.7, 1.1, 1.8), "lateral_change": (0.5, 0.8, 1.0),
        "channels": (0.65, 0.9, 1.0), "faulting": (0.05, 0.3, 0.6),
        "tuff_share": (0.0, 0.02, 0.08), "coal_share": (0.005, 0.02, 0.08),
        "cyclicity": (0.3, 0.6, 1.0), "clinoforms": (0.0, 0.05, 0.15),
        "polygonal": (0.0, 0.0, 0.1), "deltas": (0.05, 0.2, 0.5),
        "mass_transport": (0.0, 0.0, 0.05), "canyons": (0.1, 0.3, 0.6),
        "water_depth_m": (0.0, 0.0, 20.0),
    }),
    # Deep water: fans fed through canyons, slumps, and polygonal faults in the mud between.
    "turbidite": Setting(0.2, ("random", "relay", "staircase"), ("gulf_coast", "north_sea"), {
        "net_to_gross": (0.05, 0.15, 0.35), "carbonate_share": (0.0, 0.03, 0.08),
        "lateral_change": (0.3, 0.6, 1.0), "channels": (0.3, 0.6, 0.9),
        "velocity_m_s": (1600.0, 1850.0, 2050.0), "tuff_share": (0.0, 0.05, 0.15),
        "clinoforms": (0.0, 0.02, 0.1), "polygonal": (0.3, 0.6, 1.0), "lobes": (0.5, 0.8, 1.0),
        "mass_transport": (0.25, 0.5, 0.9), "canyons": (0.2, 0.45, 0.8),
        "water_depth_m": (600.0, 1500.0, 3500.0),
    }),
    # Stocks that rose through their cover while it was laid down in the lows between.
    "salt basin": Setting(
        0.12, ("branching", "random", "relay"), ("gulf_coast", "north_sea", "carbonate_shelf"), {
        "carbonate_share": (0.02, 0.12, 0.25), "channels": (0.1, 0.4, 0.7),
        "faulting": (0.25, 0.5, 0.9), "folding": (0.15, 0.4, 0.8),
        "thickness_variation": (0.4, 0.8, 1.0), "unconformities": (1, 2, 4),
        "tuff_share": (0.0, 0.01, 0.04), "evaporite_share": (0.01, 0.06, 0.15),
        "growth": (0.3, 0.6, 1.0), "lobes": (0.0, 0.3, 0.7), "deltas": (0.0, 0.2, 0.6),
        "buildups": (0.0, 0.1, 0.3), "mass_transport": (0.1, 0.25, 0.5),
        "canyons": (0.0, 0.15, 0.4), "salt": (0.5, 0.7, 1.0),
        "water_depth_m": (20.0, 200.0, 1500.0),
    }),
}

# What deformed the layers goes together, whatever was laid down before.
DEFORMATION = frozenset((
    "faulting", "folding", "thickness_variation", "unconformities", "regional_dip_deg",
    "growth", "salt", "fault_style",
))
# Shares of random worlds: of one setting; deposits of one, deformation of another; the rest
# are drawn without a setting, so that no corner of the ranges stays unseen.
ONE_SETTING, TWO_SETTINGS = 0.65, 0.2
# Near-flat and steep worlds (findings from real sections: 30 % and 10 %), and their controls.
NEAR_FLAT, STEEP = 0.3, 0.1
FLAT: dict[str, Range] = {
    "folding": (0.02, 0.099), "thickness_variation": (0.1, 0.249), "regional_dip_deg": (0.0, 0.5),
}
TILTED: dict[str, Range] = {
    "folding": (0.8, 1.0), "thickness_variation": (0.6, 1.0), "regional_dip_deg": (2.0, 3.0),
}
# Salt outside salt basins: how many worlds have some, and how much; 70 % of all have none.
SOME_SALT = 0.21
STRAY_SALT: Range = (0.05, 0.5)
# A world without a setting: sandstone and carbonate together stay below this, so that the
# other three shares (at most 0.18 in a random world) still fit.
SAND_AND_CARBONATE = 0.8


def setting_name(name: str) -> str:
    """Return the name of a preset, whatever its case, underscores or hyphens.

    Raises
    ------
    ConfigError : there is no such preset; the nearest is named.

    Examples
    --------
    >>> setting_name("Passive-Margin")
    'passive margin'
    """
    plain = " ".join(str(name).lower().replace("_", " ").replace("-", " ").split())
    known = list(SETTINGS)
    require(plain in SETTINGS, f"there is no scenario preset {name!r}{nearest_name(plain, known)}; "
            f"presets: {', '.join(known)}")
    return plain


def typical_values(name: str) -> Values:
    """Return the typical controls of a preset (see `setting_name` for its spelling)."""
    setting = SETTINGS[setting_name(name)]
    values: Values = {control: setting.span(control)[1] for control in ORDINARY}
    return values | {"fault_style": setting.fault_style[0], "basin": setting.basin[0]}


def drawn_values(name: str, seed: int) -> Values:
    """Return the controls of a seed inside the spans of a preset."""
    setting = SETTINGS[setting_name(name)]
    values: Values = {}
    for control in ORDINARY:
        low, _, high = setting.span(control)
        values[control] = draw(seed, "scenario/preset", control, (low, high))
    for control in ("fault_style", "basin"):
        values[control] = choose(seed, "scenario/preset", control, getattr(setting, control))
    return values


def random_values(
    seed: int, ranges: Mapping[str, Range], choices: Mapping[str, tuple[str, ...]]
) -> Values:
    """Return the controls of a random world: settings as frequent and mixed as in nature.

    Parameters
    ----------
    seed : names the world.
    ranges : lowest and highest value of every control; no draw leaves them.
    choices : the words that a worded control may take.
    """
    deposits, deformation = _settings_of(seed)
    relief = _relief_of(seed)
    values: Values = {}
    for name, allowed in ranges.items():
        setting = deformation if name in DEFORMATION else deposits
        wanted = allowed
        if setting is not None:
            low, _, high = setting.span(name)
            wanted = (low, high)
        values[name] = draw(seed, "scenario", name, _inside(relief.get(name, wanted), allowed))
    if deposits is None:
        sand = float(values["net_to_gross"])
        low, high = ranges["carbonate_share"]
        room = (low, min(high, SAND_AND_CARBONATE - sand))
        values["carbonate_share"] = draw(seed, "scenario", "carbonate_share", room)
    if deformation is not SETTINGS["salt basin"]:
        is_salty = float(uniform(seed, "scenario/has salt", 0)) < SOME_SALT
        stray = draw(seed, "scenario", "salt", _inside(STRAY_SALT, ranges["salt"]))
        values["salt"] = stray if is_salty else 0.0
    for name, known in choices.items():
        setting = deformation if name in DEFORMATION else deposits
        some = known if setting is None else getattr(setting, name)
        values[name] = choose(seed, "scenario", name, some)
    return values


def draw(seed: int, stream: str, name: str, allowed: Range) -> float:
    """Return a uniform draw for one control, four digits; whole unconformities."""
    low, high = allowed
    share = float(uniform(seed, f"{stream}/{name}", 0))
    if name == "unconformities":
        return int(low) + int(share * (int(high) - int(low) + 1))
    return round(low + share * (high - low), 4)


def choose(seed: int, stream: str, name: str, words: tuple[str, ...]) -> str:
    """Return one of the words, each as likely."""
    return words[int(float(uniform(seed, f"{stream}/{name}", 0)) * len(words))]


def _inside(wanted: Range, allowed: Range) -> Range:
    low, high = allowed
    return min(max(wanted[0], low), high), min(max(wanted[1], low), high)


def _settings_of(seed: int) -> tuple[Setting | None, Setting | None]:
    """Return the settings of a random world's deposits and deformation, None for any."""
    kind = float(uniform(seed, "scenario/kind", 0))
    if kind >= ONE_SETTING + TWO_SETTINGS:
        return None, None
    first = _weighted(float(uniform(seed, "scenario/setting", 0)))
    if kind < ONE_SETTING:
        return first, first
    return first, _weighted(float(uniform(seed, "scenario/setting", 1)))


def _weighted(share: float) -> Setting:
    rest = share * sum(s.weight for s in SETTINGS.values())
    *others, last = SETTINGS.values()
    for setting in others:
        rest -= setting.weight
        if rest < 0.0:
            return setting
    return last


def _relief_of(seed: int) -> dict[str, Range]:
    """Return the spans that a near-flat or a steep world forces on its setting."""
    share = float(uniform(seed, "scenario/relief", 0))
    if share < NEAR_FLAT:
        return FLAT
    return TILTED if share > 1.0 - STEEP else {}
