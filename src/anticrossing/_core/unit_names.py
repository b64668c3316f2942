"""Units by the names that people and programs give them in the heads of tables."""

from __future__ import annotations

from anticrossing._core.checks import InputError

_ELECTRONVOLT = 1.602176634e-19
_PER_MOLE = 1 / (6.02214076e23 * _ELECTRONVOLT)  # J/mol in eV
_NAMES: dict[str, dict[str, tuple[str, float]]] = {
    "energy": {
        **dict.fromkeys(("hartree", "hartrees", "eh", "e_h", "ha", "a.u."), ("hartree", 1.0)),
        **dict.fromkeys(("au", "a.u", "atomic"), ("hartree", 1.0)),
        **dict.fromkeys(("cm^-1", "cm-1", "1/cm", "cm⁻¹", "cm**-1", "invcm"), ("cm^-1", 1.0)),
        **dict.fromkeys(("uev", "µev", "μev"), ("ueV", 1.0)),
        "ev": ("eV", 1.0),
        "mev": ("meV", 1.0),
        "kcal/mol": ("eV", 4184 * _PER_MOLE),
        "kj/mol": ("eV", 1000 * _PER_MOLE),
        "rydberg": ("hartree", 0.5),
        "ry": ("hartree", 0.5),
        **{name.lower(): (name, 1.0) for name in ("GHz", "kHz", "Hz")},
    },
    "length": {
        **dict.fromkeys(("bohr", "a0", "a_0", "a.u.", "au", "a.u", "atomic"), ("bohr", 1.0)),
        **dict.fromkeys(("angstrom", "angstroms", "å", "ang", "a", "Å"), ("angstrom", 1.0)),
        **{name: (name, 1.0) for name in ("nm", "pm", "m", "um")},
        "µm": ("um", 1.0),
        "μm": ("um", 1.0),
    },
    "time": {
        **dict.fromkeys(("a.u.", "au", "a.u", "atomic", "ħ/hartree"), ("atomic", 1.0)),
        **{name: (name, 1.0) for name in ("fs", "ps", "ns", "ms", "s", "us")},
        "as": ("fs", 1e-3),
        "µs": ("us", 1.0),
        "μs": ("us", 1.0),
    },
}
# Names that lose their meaning in small letters.
_EXACT = {"energy": {"MHz": ("MHz", 1.0), "K": ("K", 1.0), "mK": ("mK", 1.0), "J": ("J", 1.0)}}
TIME_BESIDE = {
    **{"hartree": "atomic", "eV": "fs", "meV": "ps", "ueV": "ns", "cm^-1": "ps", "J": "s"},
    **{"GHz": "ns", "MHz": "us", "kHz": "ms", "Hz": "s", "K": "ps", "mK": "ns"},
}
"""The unit of time that goes with an energy where nothing else is said."""


def find_unit(kind: str, text: str) -> tuple[str, float] | None:
    """Return the name in `anticrossing.units` and how many of it one unit is, None if unknown.

    Examples
    --------
    >>> find_unit("energy", "Eh"), find_unit("time", "as"), find_unit("length", "furlong")
    (('hartree', 1.0), ('fs', 0.001), None)
    """
    exact = _EXACT.get(kind, {})
    return exact.get(text) or _NAMES[kind].get(text.lower())


def known_unit(kind: str, text: str, where: str) -> tuple[str, float]:
    """Return the same, or raise `InputError` that begins with `where`."""
    found = find_unit(kind, text)
    if found is None:
        known = ", ".join({name: None for name, _ in _NAMES[kind].values()})
        raise InputError(f"{where} must have a known unit ({known} …), but it has {text!r}.")
    return found
