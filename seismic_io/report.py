"""What a preflight finds: problems with a remedy each, and the report that holds them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong or doubtful in a file.

    Parameters
    ----------
    severity : "error" (the file is refused) or "warning" (it opens, with a note).
    code : short fixed name, for programs.
    got, wanted, action : what came, what was wanted, what to do.

    Examples
    --------
    >>> Problem("error", "traces", "no trace", "at least one", "export again").line()
    'no trace; wanted at least one; export again'
    """

    severity: Severity
    code: str
    got: str
    wanted: str
    action: str

    def line(self) -> str:
        """Return the problem as one line of text."""
        return f"{self.got}; wanted {self.wanted}; {self.action}"


@dataclass(frozen=True, slots=True)
class Report:
    """Preflight of a SEG-Y file; every field is None where it could not be determined.

    Parameters
    ----------
    path : the file as it was named; size_bytes : its size.
    endian : "big" or "little"; format_code, format_name : sample format, bytes 3225-3226.
    revision : "major.minor"; text_encoding : "EBCDIC" or "ASCII"; text : 40 lines of 80.
    n_extended_headers : extended text headers; n_trace_headers : 240-byte headers per trace.
    n_traces, n_samples : counts.
    dt_binary_us, dt_trace_us : sample interval as stored (us, 0 = not given).
    dt_s, dt_source : sample interval in seconds and where it came from.
    t0_s, delay_ms : time of the first sample, and the stored delay times its scalar.
    geometry : "3d", "2d", "prestack" or "unknown".
    iline_range, xline_range : (first, last, step, count) of the grid.
    n_missing, n_duplicate : grid positions without a trace, traces beyond the first of a position.
    n_dead, n_non_finite : among the `n_sampled` traces that were read.
    x_range_m, y_range_m : CDP coordinates after the scalar; xy_residual : rms of the best
    affine grid, same unit.
    problems : everything wrong or doubtful.
    """

    path: str
    size_bytes: int
    endian: str | None = None
    format_code: int | None = None
    format_name: str | None = None
    revision: str | None = None
    text_encoding: str | None = None
    text: str = ""
    n_extended_headers: int | None = None
    n_trace_headers: int | None = None
    n_traces: int | None = None
    n_samples: int | None = None
    dt_binary_us: int | None = None
    dt_trace_us: int | None = None
    dt_s: float | None = None
    dt_source: str | None = None
    t0_s: float | None = None
    delay_ms: float | None = None
    geometry: str = "unknown"
    iline_range: tuple[int, int, int, int] | None = None
    xline_range: tuple[int, int, int, int] | None = None
    n_missing: int | None = None
    n_duplicate: int | None = None
    n_sampled: int = 0
    n_dead: int | None = None
    n_non_finite: int | None = None
    x_range_m: tuple[float, float] | None = None
    y_range_m: tuple[float, float] | None = None
    xy_residual: float | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems for which `open_segy` refuses the file."""
        return tuple(p for p in self.problems if p.severity == "error")

    @property
    def is_readable(self) -> bool:
        """Whether `open_segy` opens the file with its default arguments."""
        return not self.errors

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        plain = dataclasses.asdict(self)
        plain["is_readable"] = self.is_readable
        return plain

    def summary(self) -> str:
        """Return the report as plain text, one fact a line."""
        lines = [f"{self.path}: {self.size_bytes} bytes"]
        lines += [f"  {name:<14}{value}" for name, value in self._facts() if value is not None]
        lines += [f"  {p.severity:<14}{p.line()}" for p in self.problems]
        lines.append(f"  {'readable':<14}{'yes' if self.is_readable else 'no'}")
        return "\n".join(lines)

    def _facts(self) -> list[tuple[str, str | None]]:
        """Return the label and value of every line of the summary but problems."""
        facts: list[tuple[str, str | None]] = [("text header", self.text_encoding)]
        if self.format_code is not None:
            facts.append(("format", f"{self.format_code} ({self.format_name}), {self.endian}"
                                    f" endian, revision {self.revision}"))
        if self.n_traces is not None:
            facts.append(("traces", f"{self.n_traces} of {self.n_samples} samples"))
        if self.dt_s is not None:
            facts.append(("time", f"dt {self.dt_s * 1e3:g} ms ({self.dt_source}), first sample"
                                  f" {0.0 if self.t0_s is None else self.t0_s:g} s"))
        facts.append(("geometry", self.geometry))
        for name, span in (("inlines", self.iline_range), ("crosslines", self.xline_range)):
            if span is not None:
                facts.append((name, f"{span[0]}..{span[1]} step {span[2]} ({span[3]})"))
        if self.n_missing is not None:
            facts.append(("coverage", f"{self.n_missing} positions missing,"
                                      f" {self.n_duplicate} duplicate traces"))
        if self.x_range_m is not None and self.y_range_m is not None:
            facts.append(("coordinates", f"x {self.x_range_m[0]:.2f}..{self.x_range_m[1]:.2f},"
                                         f" y {self.y_range_m[0]:.2f}..{self.y_range_m[1]:.2f}"))
        if self.n_sampled:
            seen = "all" if self.n_sampled == self.n_traces else f"a sample of {self.n_sampled}"
            facts.append(("traces read", f"{seen}: {self.n_dead} dead,"
                                         f" {self.n_non_finite} with NaN or infinity"))
        return facts
