"""Stage 2 of lithogen: elastic model to seismic, and the style of a survey.

`import forward` is light: names are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forward import reference
    from forward.calibration import calibrate
    from forward.net import ForwardNet, synthesize
    from forward.noise import coloured_noise
    from forward.refinement import refine
    from forward.reflectivity import Reflectivity, reflectivity_psd, shipped_reflectivity
    from forward.resolution import lateral_spread
    from forward.spectra import amplitude_spectrum, log_spectral_distance
    from forward.style import SurveyStyle, load_style, presets
    from forward.survey import model_survey, style_halo
    from forward.terms import ForwardConfig
    from forward.tie import WellTie
    from forward.wavelets import from_amplitude, ormsby, ricker

_HOME = {
    "ForwardConfig": "terms",
    "ForwardNet": "net",
    "Reflectivity": "reflectivity",
    "SurveyStyle": "style",
    "WellTie": "tie",
    "amplitude_spectrum": "spectra",
    "calibrate": "calibration",
    "coloured_noise": "noise",
    "from_amplitude": "wavelets",
    "load_style": "style",
    "lateral_spread": "resolution",
    "log_spectral_distance": "spectra",
    "model_survey": "survey",
    "ormsby": "wavelets",
    "presets": "style",
    "refine": "refinement",
    "reflectivity_psd": "reflectivity",
    "ricker": "wavelets",
    "shipped_reflectivity": "reflectivity",
    "style_halo": "survey",
    "synthesize": "net",
}

__all__ = [
    "ForwardConfig",
    "ForwardNet",
    "Reflectivity",
    "SurveyStyle",
    "WellTie",
    "amplitude_spectrum",
    "calibrate",
    "coloured_noise",
    "from_amplitude",
    "lateral_spread",
    "load_style",
    "log_spectral_distance",
    "model_survey",
    "ormsby",
    "presets",
    "reference",
    "refine",
    "reflectivity_psd",
    "ricker",
    "shipped_reflectivity",
    "style_halo",
    "synthesize",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"forward.{_HOME[name]}"), name)
    if name == "reference":
        return importlib.import_module("forward.reference")
    raise AttributeError(f"module 'forward' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
