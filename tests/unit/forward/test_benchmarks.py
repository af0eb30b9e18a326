import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(script, *options, data):
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks" / script, *options],
        env={**os.environ, "LITHOGEN_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_every_benchmark_can_be_started():
    """Each imports what it needs: one process for all, since most of its time is torch's."""
    scripts = sorted((ROOT / "benchmarks").glob("[!_]*.py"))
    assert scripts
    code = f"""
import runpy, sys
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
for script in {[str(script) for script in scripts]!r}:
    assert callable(runpy.run_path(script, run_name="benchmark")["main"]), script
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.slow
def test_spectra_without_data_say_that_they_were_skipped(tmp_path):
    found = run("spectra.py", "--n", "1", data=tmp_path / "nowhere")
    line = json.loads(found.stdout)
    assert found.returncode == 0
    assert line["value"] is None and "LITHOGEN_DATA" in line["skipped"]


@pytest.mark.slow
@pytest.mark.parametrize("script", ["spectra.py", "reflectivity.py"])
def test_unusable_weights_are_a_failure_with_one_line(tmp_path, script):
    found = run(script, "--n", "1", "--model", str(tmp_path / "none"), data=tmp_path)
    line = json.loads(found.stdout)
    assert found.returncode == 1
    assert line["value"] is None and "WeightsError" in line["failed"]
