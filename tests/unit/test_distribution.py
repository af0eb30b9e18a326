"""What a built wheel holds: the four packages with their weights and presets, nothing else."""

import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"lithogen", "forward", "seismic_io", "viz"}
SUFFIXES = {".py", ".safetensors", ".json", ".toml", ".typed"}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    wheel = pytest.importorskip("hatchling.builders.wheel")
    folder = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "benchmarks", "docs", "viz/notes", "lithogen/tables"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "tests" / "test_stray.py").write_text("")
    (folder / "benchmarks" / "bench_stray.py").write_text("")
    (folder / "viz" / "notes" / "stray.png").write_bytes(b"")
    for suffix in ("safetensors", "json", "toml"):
        (folder / "lithogen" / "tables" / f"held.{suffix}").write_text("{}")
    target = next(
        wheel.WheelBuilder(str(folder)).build(directory=str(folder / "out"), versions=["standard"])
    )
    with zipfile.ZipFile(target) as archive:
        return archive.namelist()


def test_wheel_holds_only_the_four_packages(wheel_names):
    tops = {name.partition("/")[0] for name in wheel_names}
    assert {t for t in tops if not t.endswith(".dist-info")} == PACKAGES


def test_wheel_holds_code_and_data_files_only(wheel_names):
    inside = [n for n in wheel_names if ".dist-info/" not in n]
    assert {Path(n).suffix for n in inside} <= SUFFIXES
    assert {f"lithogen/tables/held.{s}" for s in ("safetensors", "json", "toml")} <= set(inside)


def test_wheel_holds_every_module_and_data_file(wheel_names):
    wanted = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.suffix in SUFFIXES and ".tmp-" not in path.name
    }
    assert wanted <= set(wheel_names)


def test_console_script_and_licence_are_in_the_wheel(wheel_names):
    assert any(n.endswith(".dist-info/entry_points.txt") for n in wheel_names)
    assert any(n.endswith("licenses/LICENSE") for n in wheel_names)
    assert any(n.endswith("licenses/NOTICE") for n in wheel_names)


def test_every_direct_dependency_is_pinned_inside_its_range():
    requirements = pytest.importorskip("packaging.requirements")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *(r for rs in extras.values() for r in rs)]:
        wanted = requirements.Requirement(text)
        if wanted.name != "lithogen":
            assert wanted.specifier.contains(pins[wanted.name]), text


def test_torch_pin_leaves_the_build_open():
    """A local version (+cpu) in the pin would fail where only the plain build is served."""
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()
