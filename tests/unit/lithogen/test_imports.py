"""What an import costs, and what no module of the packages may do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("lithogen", "forward", "seismic_io", "viz")
HEAVY = ("torch", "diffusers", "matplotlib", "accelerate")
PICKLES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
GLOBAL_RANDOM = ("np.random.seed", "numpy.random.seed", "random.seed")
LEGACY_DRAWS = ("rand", "randn", "randint", "normal", "uniform", "choice", "shuffle", "permutation")


@pytest.mark.parametrize("package", PACKAGES)
def test_import_stays_light(package):
    code = (
        f"import sys, {package}; "
        f"sys.exit(' '.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def is_none_or_false(node):
    return isinstance(node, ast.Constant) and not node.value


def bans(text, is_training=False):
    """Return one text for each thing in a source that the style guide bans."""
    found = []
    for node in ast.walk(ast.parse(text)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Assert):
            found.append(f"{line} assert in package code")
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"{line} bare except")
        elif isinstance(node, ast.Import):
            names = {a.name.partition(".")[0] for a in node.names}
            found += [f"{line} import of {name}" for name in sorted(names & PICKLES)]
        elif isinstance(node, ast.ImportFrom):
            name = (node.module or "").partition(".")[0]
            found += [f"{line} import of {name}"] * (name in PICKLES and not node.level)
        elif isinstance(node, ast.Call):
            found += [f"{line} {text}" for text in banned_call(node, is_training)]
    return found


def banned_call(node, is_training):
    name = ast.unparse(node.func)
    if name == "torch.load" or name in GLOBAL_RANDOM:
        yield f"call of {name}"
    if name in {f"{a}.random.{d}" for a in ("np", "numpy") for d in LEGACY_DRAWS}:
        yield f"global random state in {name}"
    if name == "torch.manual_seed" and not is_training:
        yield "torch.manual_seed outside training"
    if name == "hash":
        yield "hash() differs between processes"
    for keyword in node.keywords:
        if keyword.arg == "allow_pickle" and not is_none_or_false(keyword.value):
            yield "allow_pickle"


def test_packages_keep_the_style_bans():
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            is_training = name.startswith(("lithogen/diffusion/training/", "forward/train"))
            text = path.read_text(encoding="utf-8")
            found += [f"{name}:{offence}" for offence in bans(text, is_training)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from dill import dumps",
        "torch.load('a')",
        "np.random.seed(1)",
        "np.random.randn(3)",
        "torch.manual_seed(0)",
        "assert 1",
        "try:\n    pass\nexcept:\n    pass",
        "np.load('a', allow_pickle=True)",
        "hash('a')",
    ],
)
def test_each_ban_is_found(text):
    assert len(bans(text)) == 1


def test_bans_leave_good_code_alone():
    text = "import numpy as np\nnp.random.default_rng(1)\nnp.load('a', allow_pickle=False)"
    assert bans(text) == []
    assert bans("torch.manual_seed(0)", is_training=True) == []
