"""The import direction of the packages, read from the syntax tree of every module."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("lithogen", "forward", "seismic_io", "viz")

CORE = {"lithogen.errors", "lithogen.config", "lithogen.grid", "lithogen.rng"}
GROUND = CORE | {"lithogen.scenario"}
STRUCTURE = GROUND | {"lithogen.structure", "lithogen.rockphysics"}
STRATA = STRUCTURE | {"lithogen.formations", "lithogen.strata"}
DIFFUSION = STRATA | {"lithogen.diffusion", "lithogen.wells"}
OUTER = {"forward", "seismic_io"}

# Module or package -> what of ours it may import, itself always included. The longest
# name that fits a module decides; a module of lithogen that is not listed is an offence.
OWN = {
    **dict.fromkeys(CORE, CORE),
    "forward": CORE,
    "forward.style": CORE | {"forward", "viz"},
    "seismic_io": CORE,
    "viz": CORE,
    "lithogen.presets": CORE,
    "lithogen.scenario": CORE | {"lithogen.presets"},
    "lithogen.formations": GROUND,
    "lithogen.allocator": CORE,
    "lithogen.rockphysics": GROUND,
    "lithogen.structure": STRUCTURE,
    "lithogen.dataset": GROUND | {"lithogen.rockphysics"},
    "lithogen.strata": STRUCTURE,
    "lithogen.prior": STRATA | {"lithogen.dataset"},
    "lithogen.metrics": CORE,
    "lithogen.wells": CORE | {"lithogen.rockphysics", "lithogen.structure"},
    "lithogen.diffusion": DIFFUSION,
    "lithogen.diffusion.training": DIFFUSION | {"lithogen.prior", "lithogen.metrics"},
    "lithogen.scale": DIFFUSION | OUTER | {"lithogen.dataset", "lithogen.api"},
    "lithogen.api": DIFFUSION | OUTER | {"lithogen.allocator", "lithogen.dataset",
                                         "lithogen.scale"},
    "lithogen.doctor": DIFFUSION | {"lithogen.api"},
    "lithogen.cli": {"lithogen", "forward", "seismic_io", "viz"},
    "lithogen": {"lithogen"},
}

# Third party -> the only modules or packages that may import it.
THIRD = {
    "bruges": ("forward.reference", "lithogen.rockphysics"),
    "segfast": ("seismic_io",),
    "segyio": ("seismic_io",),
    "deepwave": ("forward.wave",),
    "matplotlib": ("viz",),
    "dask": ("lithogen.scale",),
    "typer": ("lithogen.cli",),
    "lasio": ("lithogen.wells",),
}


def is_inside(name, package):
    return name == package or name.startswith(package + ".")


def module_name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(tree, package):
    """Yield (line, candidates): the dotted names that one import may stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, [alias.name]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = package.split(".")
                stem = stem[: len(stem) - node.level + 1]
                base = ".".join([*stem, base] if base else stem)
            for alias in node.names:
                yield node.lineno, [f"{base}.{alias.name}", base]
        elif isinstance(node, ast.Call) and node.args:
            function = ast.unparse(node.func)
            text = node.args[0]
            is_text = isinstance(text, ast.Constant) and isinstance(text.value, str)
            importers = ("importlib.import_module", "import_module", "__import__", "import_bruges")
            if function in importers and is_text:
                yield node.lineno, [text.value]


def rule_for(module):
    # The bare package `lithogen` speaks for its __init__ alone: a new module needs a line.
    fits = [r for r in OWN if is_inside(module, r) and (r != "lithogen" or module == r)]
    return max(fits, key=len, default=None)


def offences(root):
    """Return one text per import that goes against the direction."""
    found = []
    modules = {module_name(p, root) for n in PACKAGES for p in (root / n).rglob("*.py")}
    for name in PACKAGES:
        for path in sorted((root / name).rglob("*.py")):
            module = module_name(path, root)
            rule = rule_for(module)
            if rule is None:
                found.append(f"{module}: no rule in the layer table; add one")
                continue
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            for line, candidates in imported_names(tree, package):
                # `from lithogen import grid` means the module, `from lithogen.grid import W` not.
                target = next((c for c in candidates if c in modules), candidates[-1])
                found += [f"{module}:{line} imports {target}"] * is_offence(module, rule, target)
    return found


def is_offence(module, rule, target):
    top = target.partition(".")[0]
    if top in THIRD:
        return not any(is_inside(module, allowed) for allowed in THIRD[top])
    if top not in PACKAGES or (is_inside(target, rule) and rule != "lithogen"):
        return False
    return not any(is_inside(target, allowed) for allowed in OWN[rule])


def test_every_import_goes_in_the_allowed_direction():
    assert offences(ROOT) == []


def make_tree(root, files):
    for name in PACKAGES:
        (root / name).mkdir(exist_ok=True)
        (root / name / "__init__.py").write_text("")
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    return root


OFFENDING = {
    "forward/net.py": "import seismic_io",
    "forward/calibrate.py": "from seismic_io import open_segy",
    "forward/style.py": "from lithogen.scenario import Scenario",
    "forward/root.py": "import lithogen",
    "seismic_io/read.py": "def read():\n    from viz import style",
    "viz/section.py": "import lithogen.api",
    "lithogen/grid.py": "from lithogen import scenario",
    "lithogen/structure/age.py": "from ..prior import strata",
    "lithogen/rockphysics/trend.py": "from lithogen.diffusion.pipeline import LithologyPipeline",
    "lithogen/strata/tables.py": "from lithogen.prior import strata",
    "lithogen/strata/rows.py": "import lithogen.diffusion.lattice",
    "lithogen/diffusion/network.py": "import lithogen.prior",
    "lithogen/diffusion/pipeline.py": "from lithogen.prior.world import sample_world",
    "lithogen/diffusion/score.py": "from lithogen.metrics import beads",
    "lithogen/diffusion/training/loop.py": "from forward import ForwardNet",
    "lithogen/metrics/beads.py": "from lithogen.structure import Structure",
    "lithogen/api.py": "from viz import plot_section",
    "lithogen/prior/plot.py": "import matplotlib.pyplot as plt",
    "lithogen/prior/read.py": "import importlib\nimportlib.import_module('segyio')",
    "lithogen/diffusion/filling.py": "from dask import array",
    "forward/wavelets.py": "import bruges",
    "lithogen/prior/rock.py": "from lithogen.config import import_bruges\nimport_bruges('bruges')",
    "lithogen/wells/files.py": "from lithogen.scenario import Scenario",
    "lithogen/prior/logs.py": "import lasio",
    "lithogen/novelty.py": "",
}
ALLOWED = {
    "lithogen/grid.py": "",
    "forward/reference.py": "import bruges\nfrom .wavelets import ricker",
    "forward/wavelets.py": "from lithogen.errors import ConfigError",
    "lithogen/scenario.py": "from lithogen import config",
    "lithogen/prior/world.py": "from lithogen.structure import age\nfrom lithogen import grid",
    "lithogen/structure/age.py": "",
    "lithogen/prior/tables.py": "from lithogen.strata import blocks",
    "lithogen/strata/blocks.py": "from lithogen.structure import age",
    "lithogen/diffusion/hard_data.py": "from lithogen.wells import ages\nfrom . import filling",
    "lithogen/diffusion/filling.py": "",
    "lithogen/wells/ages.py": "from lithogen.structure import age",
    "lithogen/diffusion/training/own.py": "from lithogen.wells import ages\nimport lithogen.prior",
    "lithogen/config.py": "from .errors import ConfigError",
    "lithogen/cli.py": "import viz, forward, seismic_io, typer\nfrom lithogen.api import generate",
}


@pytest.mark.parametrize("name", OFFENDING)
def test_checker_finds_an_offence(tmp_path, name):
    files = {"lithogen/scenario.py": "", "lithogen/prior/strata.py": ""}
    found = offences(make_tree(tmp_path, {**files, name: OFFENDING[name]}))
    assert len(found) == 1, found
    assert found[0].startswith(name.removesuffix(".py").replace("/", "."))


def test_checker_passes_what_is_allowed(tmp_path):
    assert offences(make_tree(tmp_path, ALLOWED)) == []
