"""The page about a survey's style."""

import numpy as np
import pytest

import forward
from forward.neutral import neutral_style
from lithogen.errors import OutputError


@pytest.mark.parametrize("name", [*forward.presets(), None])
def test_a_report_shows_spectra_wavelet_record_and_figures(name, tmp_path) -> None:
    style = neutral_style() if name is None else forward.load_style(name)
    figure = style.report(tmp_path / "style.png")
    assert (tmp_path / "style.png").stat().st_size > 10_000
    spectra, wavelet, record, text = figure.axes[:4]
    signal = spectra.lines[0]
    noise = next(line for line in spectra.lines if line.get_label().startswith("noise"))
    assert max(signal.get_ydata()) == pytest.approx(0.0)
    gap = np.square(10 ** (signal.get_ydata() / 20)).sum()
    gap /= max(np.square(10 ** (noise.get_ydata() / 20)).sum(), 1e-12)
    if name is not None:
        assert 10 * np.log10(gap) == pytest.approx(style.snr_db, abs=0.5)
        assert len(spectra.lines) == 6
        assert max(record.lines[0].get_ydata()) == pytest.approx(1e3 * max(style.late_t_star_s))
    assert wavelet.lines[1].get_ydata() == pytest.approx(style.wavelet(style.dt_s))
    assert f"{style.snr_db:.1f} dB" in text.texts[0].get_text()


def test_a_report_of_another_ending_is_refused(tmp_path) -> None:
    with pytest.raises(OutputError, match=r"\.png"):
        neutral_style().report(tmp_path / "style.jpg")
