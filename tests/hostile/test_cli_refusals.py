"""Bad input to every command: one clear line, exit status 2, nothing left behind."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lithogen
from lithogen.cli import main

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
SMALL = ["--shape", "16", "16", "16"]


@pytest.fixture
def here(tmp_path, monkeypatch, world):
    """A folder with a picture, a text file and a small earth model."""
    import seismic_io

    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture.png").write_bytes(PNG)
    (tmp_path / "picture.sgy").write_bytes(PNG)
    (tmp_path / "picture.nc").write_bytes(PNG)
    (tmp_path / "short.sgy").write_bytes(b"C 1" * 10)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "tiny.toml").write_text("n_worlds = 1\nn_held_out = 1\nn_rows = 2048\n")
    (tmp_path / "file").write_text("a regular file")
    (tmp_path / "empty.zarr").mkdir()
    seismic_io.to_zarr(world.isel(iline=slice(0, 2), xline=slice(0, 3)), tmp_path / "world.zarr")
    return tmp_path


def listing(folder):
    return {p.relative_to(folder): p.is_file() and p.read_bytes() for p in folder.rglob("*")}


def refused(words, folder, capsys):
    """Run a command that must be refused; return the one line that it said."""
    before = listing(folder)
    assert main(words) == 2, words
    said = capsys.readouterr()
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("lithogen: ")
    assert "Traceback" not in said.err
    assert listing(folder) == before
    return said.err


SHAPES = {
    "negative": "-16 16 16",
    "zero": "0 16 16",
    "too small": "15 16 16",
    "fraction": "16.5 16 16",
    "word": "many 16 16",
    "exponent": "1e3 16 16",
    "nan": "nan 16 16",
    "huge": "1000000 1000000 256",
    "beyond 64 bits": f"{10**30} 16 16",
    "too deep": "16 16 100000",
}


@pytest.mark.parametrize("case", SHAPES)
def test_shape_is_refused_and_named(here, capsys, case):
    said = refused(["generate", "--shape", *SHAPES[case].split(), "-o", "run"], here, capsys)
    assert "shape" in said
    assert any(word in said for word in ("wanted", "ask for", "beyond"))


def test_shape_of_two_numbers_is_refused(here, capsys):
    refused(["generate", "-o", "run", "--shape", "16", "16"], here, capsys)


GENERATE = {
    "no out": [*SMALL],
    "unknown option": [*SMALL, "-o", "run", "--sahpe", "3"],
    "seed": [*SMALL, "-o", "run", "--seed", "seven"],
    "steps zero": [*SMALL, "-o", "run", "--steps", "0"],
    "steps negative": [*SMALL, "-o", "run", "--steps", "-4"],
    "origin above the ground": [*SMALL, "-o", "run", "--origin", "0", "0", "-1"],
    "angles word": [*SMALL, "-o", "run", "--angles", "near"],
    "angles none": [*SMALL, "-o", "run", "--angles", ","],
    "missing survey": [*SMALL, "-o", "run", "--like", "missing.sgy"],
    "steps too many": [*SMALL, "-o", "run", "--steps", "65"],
    "former model": [*SMALL, "-o", "run", "--model", "fast"],
    "misspelt preset": [*SMALL, "-o", "run", "--like", "npra_31_18"],
    "misspelt scenario": [*SMALL, "-o", "run", "--scenario", "turbidit"],
    "missing scenario": [*SMALL, "-o", "run", "--scenario", "missing.toml"],
    "folder as survey": [*SMALL, "-o", "run", "--like", "."],
    "picture as survey": [*SMALL, "-o", "run", "--like", "picture.png"],
    "broken style": [*SMALL, "-o", "run", "--like", "broken.json"],
    "missing model": [*SMALL, "-o", "run", "--model", "nowhere"],
    "file as model": [*SMALL, "-o", "run", "--model", "file"],
    "out is a file": [*SMALL, "-o", "file"],
    "out below a file": [*SMALL, "-o", "file/run"],
    "out below nothing": [*SMALL, "-o", "missing/run"],
    "out is not empty": [*SMALL, "-o", "."],
    "out is not ours": [*SMALL, "-o", "world.zarr", "--overwrite"],
    "out is the root": [*SMALL, "-o", "/", "--overwrite"],
}


@pytest.mark.parametrize("case", GENERATE)
def test_generate_refuses(here, capsys, case):
    refused(["generate", *GENERATE[case]], here, capsys)


OTHERS = {
    "no such command": "invent",
    "inspect missing": "inspect missing.sgy",
    "inspect folder": "inspect .",
    "inspect picture": "inspect picture.png",
    "inspect picture called sgy": "inspect picture.sgy --json",
    "inspect short file": "inspect short.sgy",
    "calibrate missing": "calibrate missing.sgy -o style.json",
    "calibrate picture": "calibrate picture.sgy -o style.json",
    "calibrate to another ending": "calibrate picture.sgy -o style.txt",
    "calibrate below a file": "calibrate picture.sgy -o file/style.json",
    "calibrate over a file": "calibrate picture.sgy -o broken.json",
    "convert missing": "convert missing.sgy cube.zarr",
    "convert picture": "convert picture.sgy cube.zarr",
    "convert sgy to sgy": "convert picture.sgy other.sgy",
    "convert onto itself": "convert world.zarr world.zarr --overwrite",
    "convert broken netcdf": "convert picture.nc cube.sgy",
    "convert empty zarr": "convert empty.zarr cube.sgy",
    "convert unknown variable": "convert world.zarr cube.sgy --variable gamma",
    "convert unknown angle": "convert world.zarr cube.sgy --variable angle_stack --angle 17",
    "convert to nothing known": "convert world.zarr cube.xyz",
    "convert over a file": "convert world.zarr short.sgy",
    "convert below a file": "convert world.zarr file/cube.sgy",
    "forward missing": "forward missing.zarr -o made.sgy",
    "forward on SEG-Y": "forward picture.sgy -o made.zarr",
    "forward two wavelets": "forward world.zarr -o m.sgy --wavelet-freq 30 --style npra_31_81",
    "forward above Nyquist": "forward world.zarr -o made.sgy --wavelet-freq 125",
    "forward negative frequency": "forward world.zarr -o made.sgy --wavelet-freq -1",
    "forward unknown style": "forward world.zarr -o made.sgy --style mine",
    "forward angle": "forward world.zarr -o made.sgy --angles 95",
    "train missing recipe": "train litho missing.toml -o run",
    "train broken recipe": "train litho broken.json -o run",
    "train on no folder": "train litho -o run --data nowhere",
    "train without models": "train litho -o run --data empty.zarr",
    "train from nothing": "train litho tiny.toml -o run --init nowhere",
    "train with no process": "train litho -o run --workers 0",
    "train into a file": "train litho -o file",
    "train into a full folder": "train forward -o .",
    "train forward missing recipe": "train forward missing.toml -o run",
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_commands_refuse(here, capsys, case):
    refused(OTHERS[case].split(), here, capsys)


def test_corrupt_weights_are_named(here, capsys):
    folder = here / "model"
    folder.mkdir()
    files = {}
    for name in ("diffusion_pytorch_model.safetensors", "config.json"):
        (folder / name).write_bytes(b"changed")
        files[name] = {"sha256": hashlib.sha256(b"original").hexdigest()}
    (folder / "MANIFEST.json").write_text(json.dumps({"files": files}))
    said = refused(["generate", *SMALL, "--model", "model", "-o", "run"], here, capsys)
    assert "sha256" in said
    assert "model" in said


def test_flipped_byte_of_the_shipped_weights_is_named(here, capsys):
    shipped = Path(lithogen.__file__).parent / "diffusion" / "weights"
    weights = list(shipped.rglob("*.safetensors"))
    if not weights:
        pytest.skip("no weights are shipped in this tree")
    shutil.copytree(shipped, here / "model")
    target = here / "model" / weights[0].relative_to(shipped)
    content = bytearray(target.read_bytes())
    content[-1] ^= 1
    target.write_bytes(content)
    said = refused(["generate", *SMALL, "--model", "model", "-o", "run"], here, capsys)
    assert "sha256" in said


def test_process_ends_with_status_2_and_no_traceback(here):
    code = "import sys; from lithogen.cli import main; sys.exit(main())"
    root = Path(lithogen.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, "generate", "--shape", "0", "16", "16", "-o", "run"],
        cwd=here, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("lithogen: shape is (0, 16, 16)")
    assert done.stderr.count("\n") == 1
