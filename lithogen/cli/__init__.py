"""The command line: `lithogen generate | inspect | calibrate | convert | forward | train | doctor`.

Every error that the packages raise on purpose ends as one line on stderr and exit status 2;
an interrupt ends with 130, anything unexpected with 1.
"""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from lithogen.allocator import keep_freed_memory
from lithogen.cli.commands import app
from lithogen.errors import LithogenError

__all__ = ["app", "main"]

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
# typer carries its own copy of click or takes the installed one, by version.
_UsageError: type[Exception] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    arguments : words after the program's name; those of the process by default.

    Returns
    -------
    0 for success, 1 for a fault in lithogen or its surroundings, 2 for bad input, 130 for
    an interrupt.

    Examples
    --------
    >>> main(["generate", "--shape", "1", "2"])
    2
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if arguments is None:
        keep_freed_memory()
    command: Any = typer.main.get_command(app)
    try:
        with _terminate_as_interrupt():
            status = command.main(given, prog_name="lithogen", standalone_mode=False)
        if status == INTERRUPTED:  # newer typer turns an interrupt into a status by itself
            raise KeyboardInterrupt
        return status if isinstance(status, int) else 0
    except LithogenError as exc:
        return _say(str(exc), REFUSED)
    except _UsageError as exc:
        context = getattr(exc, "ctx", None)
        path = context.command_path if context else "lithogen"
        message = exc.format_message()  # type: ignore[attr-defined]
        return _say(f"{message} See `{path} --help`.", REFUSED)
    except (typer.Abort, KeyboardInterrupt):
        kept = ("repeat the command to go on where it was" if "--store" in given
                else "unfinished files were removed")
        return _say(f"interrupted; {kept}", INTERRUPTED)
    except Exception as exc:
        if "--debug" in given:
            traceback.print_exc()
        hint = "" if "--debug" in given else "; for the traceback run `lithogen --debug ...`"
        return _say(f"unexpected {type(exc).__name__}: {exc}{hint}", FAILED)


def _say(message: str, status: int) -> int:
    print("lithogen:", " ".join(message.split()), file=sys.stderr)
    return status


@contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that unfinished files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
