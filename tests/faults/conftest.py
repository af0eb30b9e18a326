"""The small untrained pipeline of the unit tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PATH = Path(__file__).resolve().parents[1] / "unit" / "lithogen" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("lithogen_unit_conftest", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

toy_pipeline = _MODULE.toy_pipeline
