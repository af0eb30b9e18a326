"""What a store was asked to hold, as JSON, so that only the same request goes on with it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lithogen.errors import ConfigError

if TYPE_CHECKING:
    from hashlib import _Hash

_PLAIN = (bool, int, float, str, bytes)


def fingerprint(value: object) -> str:
    """Return a SHA-256 of what an object holds: equal content, equal text.

    Parameters
    ----------
    value : numbers, text, arrays, tensors, containers, dataclasses (by the fields that they are
        built from), Datasets and objects of these.

    Raises
    ------
    ConfigError : it holds something without content of its own, such as a function.

    Examples
    --------
    >>> fingerprint((1, np.zeros(2))) == fingerprint((1, np.zeros(2)))
    True
    """
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest: _Hash, value: Any) -> None:
    """Add one value, with its type, so that neither order nor nesting can be mistaken."""
    digest.update(f"<{type(value).__qualname__}>".encode())
    if value is None or isinstance(value, (*_PLAIN, np.generic)):
        digest.update(repr(value).encode())
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif hasattr(value, "detach") and hasattr(value, "numpy"):
        _feed(digest, value.detach().float().cpu().numpy())
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            _feed(digest, key)
            _feed(digest, value[key])
    elif isinstance(value, list | tuple | set | frozenset):
        for item in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            _feed(digest, item)
    elif dataclasses.is_dataclass(value):
        _feed(digest, {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init})
    elif hasattr(value, "to_dict"):
        _feed(digest, value.to_dict())
    elif hasattr(value, "__dict__") and not callable(value):
        _feed(digest, vars(value))
    else:
        raise ConfigError(f"{type(value).__qualname__} has no content that a store could compare, "
                          "wanted numbers, arrays and dataclasses; generate without store=")
    digest.update(b"</>")


def differences(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return one text for every entry in which two requests differ, in their order.

    What lies inside of entries comes last: one seed more changes many controls of a scenario.

    Examples
    --------
    >>> differences({"seed": "7"}, {"seed": "8"})
    ["seed is '7' there, '8' here"]
    """
    plain: list[str] = []
    inner: list[str] = []
    for name in {**known, **wanted}:
        there, here = known.get(name), wanted.get(name)
        if there == here:
            continue
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            inner += [f"{name}.{text}" for text in differences(there, here)]
        else:
            plain.append(f"{name} is {_short(there)} there, {_short(here)} here")
    return plain + inner


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 48 else f"{text[:44]}...{text[-1]}"


def as_json(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request as it reads after a round trip through JSON.

    Raises
    ------
    ValueError, TypeError : an entry that JSON cannot hold.
    """
    out: dict[str, Any] = json.loads(json.dumps(dict(request), allow_nan=False))
    return out
