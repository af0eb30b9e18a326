"""The commands end to end, with a small synthetic world in the place of the generator."""

import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import forward
import lithogen.api
import seismic_io
from lithogen import doctor
from lithogen.cli import app, main
from lithogen.cli.blocks import AUXILIARY_TRACES
from lithogen.cli.results import NAMES, Survey, live_traces
from lithogen.scenario import Scenario

SHAPE = ("16", "24", "96")
COMMANDS = ("generate", "inspect", "calibrate", "convert", "forward", "train", "doctor")


@pytest.fixture
def calls(monkeypatch, world_of):
    """Put a synthetic world in the place of the generator; return what it was called with."""
    made = []

    def fake(shape, seed, **options):
        made.append({"shape": shape, "seed": seed, **options})
        store = options.get("store")
        if store is None:
            return world_of(shape)
        if not store.exists():
            seismic_io.to_zarr(world_of(shape), store)
        return xr.open_zarr(store, chunks=None)

    monkeypatch.setattr("lithogen.api.generate", fake)
    return made


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def survey(here, world_of):
    seismic_io.to_segy(world_of((8, 60, 300)), here / "survey.sgy")
    return "survey.sgy"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_generate_writes_every_documented_file(calls, here, capsys):
    assert main(["generate", "--shape", *SHAPE, "-o", "run"]) == 0
    assert set(names(here / "run")) == NAMES
    assert names(here) == ["run"]
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert re.search(r"16 x 24 x 96 voxels in [\d.]+ s, [\d,]+ voxels/s", line)
    assert re.search(r"peak memory [\d,]+ MB", line)
    assert "no survey" in line


def test_generated_files_hold_the_world(calls, here, world_of):
    assert main(["generate", "--shape", *SHAPE, "-o", "run"]) == 0
    wanted = world_of((16, 24, 96))
    stored = xr.open_zarr("run/world.zarr", consolidated=False)
    for variable in ("seismic", "impedance", "lithology"):
        np.testing.assert_array_equal(stored[variable].values, wanted[variable].values)
        with seismic_io.open_segy(f"run/{variable}.sgy") as cube:
            np.testing.assert_array_equal(cube.read(), wanted[variable].values.astype(np.float32))
            assert list(cube.iline[[0, -1]]) == [1000, 1015]


def test_options_reach_the_generator(calls, here):
    words = "--seed -3 --origin -5 2 7 --angles 10,20 --steps 2 --model weights"
    assert main(["generate", "--shape", *SHAPE, "-o", "run", *words.split()]) == 0
    (call,) = calls
    assert call["shape"] == (16, 24, 96)
    assert (call["seed"], call["origin"], call["angles_deg"]) == (-3, (-5, 2, 7), (10.0, 20.0))
    assert (call["steps"], str(call["model"])) == (2, "weights")


def test_scenario_is_a_preset_or_a_file(calls, here):
    words = ["generate", "--shape", *SHAPE, "--seed", "5"]
    Path("dry.toml").write_text("net_to_gross = 0.1\nsalt = 0.5\n", encoding="utf-8")
    assert main([*words, "-o", "one", "--scenario", "salt basin"]) == 0
    assert main([*words, "-o", "two", "--scenario", "dry.toml"]) == 0
    assert main([*words, "-o", "three"]) == 0
    assert [call["scenario"] for call in calls] == [
        Scenario.preset("salt basin", 5), Scenario(net_to_gross=0.1, salt=0.5), None]


def test_report_matches_the_printed_line(calls, here, survey, capsys):
    assert main(["generate", "--shape", *SHAPE, "--like", survey, "-o", "run"]) == 0
    report = json.loads((here / "run" / "report.json").read_text())
    line = capsys.readouterr().out
    assert f"{report['log_spectral_distance_db']['mean']:.2f} dB mean" in line
    assert report["voxels_per_s"] == pytest.approx(16 * 24 * 96 / report["seconds"], rel=0.2)
    assert sum(report["facies_share"].values()) == pytest.approx(1.0, abs=1e-3)
    assert report["shape"] == [16, 24, 96]
    assert calls[0]["like"].name == "survey"


def test_distance_to_the_survey_itself_is_the_one_that_forward_measures(
    calls, here, survey, world_of
):
    assert main(["generate", "--shape", *SHAPE, "--like", survey, "-o", "run"]) == 0
    report = json.loads((here / "run" / "report.json").read_text())
    with seismic_io.open_segy(survey) as cube:
        real = live_traces(cube.read())
    # At the times of the world.
    wanted = forward.log_spectral_distance(
        real[:, :96], world_of((16, 24, 96)).seismic.values, 0.004)
    assert report["log_spectral_distance_db"]["mean"] == pytest.approx(wanted[0], abs=1e-3)


@pytest.mark.parametrize("preset", forward.presets())
def test_presets_are_compared_too(calls, here, preset, capsys):
    assert main(["generate", "--shape", *SHAPE, "--like", preset, "-o", "run"]) == 0
    assert f"log-spectral distance to {preset}" in capsys.readouterr().out
    freq_hz, amplitude = Survey(preset, forward.load_style(preset)).spectrum(np.arange(3.0))
    assert freq_hz.shape == amplitude.shape


def test_overwrite_replaces_an_earlier_result(calls, here):
    words = ["generate", "--shape", *SHAPE, "-o", "run"]
    assert main(words) == 0
    before = (here / "run" / "report.json").stat().st_ino
    assert main(words) == 2
    assert main([*words, "--overwrite"]) == 0
    assert (here / "run" / "report.json").stat().st_ino != before
    assert names(here) == ["run"]


def test_empty_folder_is_taken(calls, here):
    (here / "run").mkdir()
    assert main(["generate", "--shape", *SHAPE, "-o", "run"]) == 0


def test_foreign_files_are_never_deleted(calls, here, capsys):
    words = ["generate", "--shape", *SHAPE, "-o", "run", "--overwrite"]
    (here / "run").mkdir()
    (here / "run" / "thesis.tex").write_text("years of work")
    assert main(words) == 2
    assert "thesis.tex" in capsys.readouterr().err
    assert (here / "run" / "thesis.tex").read_text() == "years of work"
    assert calls == []


def test_folder_of_the_right_names_but_another_origin_is_kept(calls, here):
    (here / "run").mkdir()
    (here / "run" / "report.json").write_text('{"kind": "mine"}')
    assert main(["generate", "--shape", *SHAPE, "-o", "run", "--overwrite"]) == 2
    assert (here / "run" / "report.json").read_text() == '{"kind": "mine"}'


def test_file_that_appears_during_the_run_is_kept(here, monkeypatch, world_of):
    def slow(shape, seed, **_):
        (here / "run").mkdir()
        (here / "run" / "note.txt").write_text("mine")
        return world_of(shape)

    monkeypatch.setattr("lithogen.api.generate", slow)
    assert main(["generate", "--shape", *SHAPE, "-o", "run"]) == 2
    assert names(here) == ["run"]
    assert names(here / "run") == ["note.txt"]


def test_streamed_results_are_the_same_files(calls, here, monkeypatch):
    monkeypatch.setattr("lithogen.cli.blocks.BLOCK_BYTES", 5 * 24 * 96 * 4)
    assert main(["generate", "--shape", *SHAPE, "-o", "whole"]) == 0
    assert main(["generate", "--shape", *SHAPE, "--store", "-o", "run"]) == 0
    assert calls[1]["store"] == Path("run/world.zarr")
    assert set(names(here / "run")) == NAMES
    for name in (n for n in NAMES if n.endswith(".sgy")):
        one, two = (bytearray((here / n / name).read_bytes()) for n in ("whole", "run"))
        one[AUXILIARY_TRACES] = bytes(2)
        assert one == two, name
    reports = [json.loads((here / n / "report.json").read_text()) for n in ("whole", "run")]
    assert reports[0]["facies_share"] == reports[1]["facies_share"]


def test_interrupted_stream_is_kept_and_goes_on(calls, here, monkeypatch, capsys):
    words = ["generate", "--shape", *SHAPE, "--store", "-o", "run"]
    going = lithogen.api.generate

    def stopped(*_, store, **__):
        store.with_name("world.zarr.partial").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr("lithogen.api.generate", stopped)
    assert main(words) == 130
    assert "repeat the command" in capsys.readouterr().err
    assert names(here / "run") == ["world.zarr.partial"]
    (here / "run" / "world.zarr.partial").rmdir()
    (here / "run" / "seismic.tmp-1.sgy").write_bytes(b"half")
    monkeypatch.setattr("lithogen.api.generate", going)
    assert main(words) == 0
    assert main(words) == 2
    assert "finished result" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 2


def test_stream_refuses_a_folder_of_other_things(calls, here, capsys):
    (here / "run").mkdir()
    (here / "run" / "thesis.tex").write_text("years of work")
    assert main(["generate", "--shape", *SHAPE, "--store", "-o", "run"]) == 2
    assert "thesis.tex" in capsys.readouterr().err
    assert names(here / "run") == ["thesis.tex"]
    assert calls == []


def test_wells_come_from_las_files_named_in_toml(calls, here, capsys):
    lasio = pytest.importorskip("lasio")
    las = lasio.LASFile()
    las.well["WELL"].value = "A-1"
    las.append_curve("DEPT", np.arange(1000.0, 1100.0, 0.5), unit="m")
    las.append_curve("VP", np.full(200, 2500.0), unit="m/s")
    las.write(str(here / "a.las"), version=2.0)
    table = "time_depth = [[0.0, 0.0], [4000.0, 3.2]]"
    Path("wells.toml").write_text(f'[[well]]\nfile = "a.las"\niline = 3\nxline = 4\n{table}\n')
    words = ["generate", "--shape", *SHAPE, "--wells", "wells.toml"]
    assert main([*words, "-o", "run"]) == 0
    (well,) = calls[0]["wells"]
    assert (well.iline[0], well.xline[0]) == (3, 4)
    for text, said in (("", "one [[well]]"), ("[[well]]\niline = 1\n", "no entry file"),
                       ('[[well]]\nfile = "a.las"\ninline = 3\n', "does not know")):
        Path("wells.toml").write_text(text)
        assert main([*words, "-o", "other"]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("how", ["interrupt", "terminate"])
def test_interrupt_ends_with_130_and_leaves_nothing(here, monkeypatch, capsys, how):
    def stopped(*_, **__):
        if how == "interrupt":
            raise KeyboardInterrupt
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([], 5)

    monkeypatch.setattr("lithogen.api.generate", stopped)
    assert main(["generate", "--shape", *SHAPE, "-o", "run"]) == 130
    assert names(here) == []
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [[], ["--debug"]])
def test_unexpected_error_is_one_line_unless_debugging(here, monkeypatch, capsys, flag):
    def broken(*_, **__):
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr("lithogen.api.generate", broken)
    assert main([*flag, "generate", "--shape", *SHAPE, "-o", "run"]) == 1
    told = capsys.readouterr().err
    assert names(here) == []
    assert "unexpected ZeroDivisionError: by zero" in told
    assert ("Traceback" in told) == bool(flag)
    assert (told.count("\n") == 1) == (not flag)


def test_inspect_describes_a_file(survey, capsys):
    assert main(["inspect", survey]) == 0
    assert "480 of 300 samples" in capsys.readouterr().out
    assert main(["inspect", survey, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_readable"] is True


def test_calibrate_writes_a_style_that_generate_takes(survey, calls, here, capsys):
    assert main(["calibrate", survey, "-o", "style.json", "--name", "mine",
                 "--report", "style.png"]) == 0
    assert Path("style.png").read_bytes()[:4] == b"\x89PNG"
    assert "'mine'" in capsys.readouterr().out
    style = forward.load_style("style.json")
    assert (style.name, style.dt_s) == ("mine", 0.004)
    assert main(["calibrate", survey, "-o", "style.json"]) == 2
    assert main(["calibrate", survey, "-o", "style.json", "--overwrite"]) == 0
    assert main(["generate", "--shape", *SHAPE, "--like", "style.json", "-o", "run"]) == 0


def test_convert_there_and_back_keeps_every_sample(survey, here):
    assert main(["convert", survey, "cube.zarr"]) == 0
    assert main(["convert", "cube.zarr", "back.sgy"]) == 0
    with seismic_io.open_segy(survey) as one, seismic_io.open_segy("back.sgy") as two:
        np.testing.assert_array_equal(one.read(), two.read())
        np.testing.assert_array_equal(one.cdp_x, two.cdp_x)
    assert names(here) == ["back.sgy", "cube.zarr", "survey.sgy"]


def test_convert_writes_one_variable_and_one_angle(here, world):
    seismic_io.to_netcdf(world, here / "world.nc")
    assert main(["convert", "world.nc", "vp.sgy", "--variable", "vp"]) == 0
    words = ["--variable", "angle_stack", "--angle", "15"]
    assert main(["convert", "world.nc", "mid.sgy", *words]) == 0
    with seismic_io.open_segy("vp.sgy") as vp, seismic_io.open_segy("mid.sgy") as mid:
        np.testing.assert_array_equal(vp.read(), world.vp.values)
        np.testing.assert_array_equal(mid.read(), world.angle_stack.sel(angle=15).values)


def test_forward_models_what_the_library_models(here, world):
    seismic_io.to_zarr(world, here / "world.zarr")
    words = ["forward", "world.zarr", "-o", "made.zarr", "--angles", "5,25", "--wavelet-freq", "25"]
    assert main(words) == 0
    made = xr.open_zarr("made.zarr", consolidated=False)
    wanted = forward.synthesize(
        vp=world.vp.values, vs=world.vs.values, rho=world.rho.values, dt_s=0.004,
        wavelet=forward.ricker(25.0, 0.004, 61), angles_deg=(5.0, 25.0),
    )
    np.testing.assert_allclose(made.angle_stack.values, wanted, atol=1e-5 * np.abs(wanted).max())
    assert main(["forward", "world.zarr", "-o", "made.sgy", "--style", "npra_31_81"]) == 0
    with seismic_io.open_segy("made.sgy") as cube:
        assert cube.shape == tuple(world.seismic.shape)
        assert np.abs(cube.read()).max() > 0


def test_train_passes_recipe_and_folder_on(here, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr("lithogen.diffusion.training.train.train",
                        lambda *a, **k: seen.append((a, k)) or {"held_out_loss": 0.5})
    words = ["train", "litho", "-o", "run", "--no-progress", "--workers", "2", "--resume"]
    assert main(words) == 0
    (recipe, out), options = seen[0]
    assert (str(out), recipe.n_worlds > 1000) == ("run", True)
    assert (options["resume"], options["progress"], options["workers"]) == (True, False, 2)
    assert capsys.readouterr().out == "run: held_out_loss 0.5\n"


def test_train_forward_runs_to_the_end(here, monkeypatch):
    def fake(config, out, progress):
        progress(1, 2, 0.5)
        return {"loss": 0.25}

    monkeypatch.setattr("forward.train.train", fake)
    assert main(["train", "forward", "-o", "run"]) == 0


def test_doctor_reports_line_by_line(monkeypatch, capsys):
    checks = [doctor.Check("one", True, "fine"), doctor.Check("two", False, "broken")]
    monkeypatch.setattr(doctor, "examine", lambda run: iter(checks[: 1 + run]))
    assert main(["doctor"]) == 0
    assert main(["doctor", "--run"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "FAIL  two: broken"


def test_doctor_sees_shipped_weights_and_memory():
    found = {check.name: check for check in doctor.examine()}
    names = ("lithogen weights", "forward weights")
    assert {"python", "threads", "free memory", *names} <= set(found)
    for name in names:
        assert found[name].is_ok, found[name].line()


def test_doctor_finds_a_flipped_byte(tmp_path, monkeypatch):
    folder = tmp_path / "forward" / "weights"
    folder.mkdir(parents=True)
    (folder / "net.safetensors").write_bytes(b"other")
    (folder / "MANIFEST.json").write_text('{"files": {"net.safetensors": {"sha256": "00"}}}')
    monkeypatch.setattr(doctor.importlib.resources, "files", lambda name: tmp_path / name)
    checks = {check.name: check for check in doctor.examine()}
    assert not checks["forward weights"].is_ok
    assert "corrupt" in checks["forward weights"].found
    assert "no MANIFEST.json" in checks["lithogen weights"].found


def test_doctor_looks_where_the_weights_of_stage_1_are(tmp_path, monkeypatch):
    folder = tmp_path / "lithogen" / "diffusion" / "weights"
    folder.mkdir(parents=True)
    (folder / "net.safetensors").write_bytes(b"other")
    (folder / "MANIFEST.json").write_text('{"files": {"net.safetensors": {"sha256": "00"}}}')
    monkeypatch.setattr(doctor.importlib.resources, "files", lambda name: tmp_path / name)
    checks = {check.name: check for check in doctor.examine()}
    assert "corrupt" in checks["lithogen weights"].found


def test_help_names_every_command():
    text = CliRunner().invoke(app, ["--help"]).stdout
    for command in COMMANDS:
        assert command in text
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_no_arguments_show_the_help(capsys):
    assert main([]) == 0
    assert "generate" in capsys.readouterr().out
