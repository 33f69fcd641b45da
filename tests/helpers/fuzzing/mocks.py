"""TOML descriptions of mocks and recoveries, with values, keys, tables and text damaged."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.recovery.config import load_recovery
from fuzzing.nonsense import pick
from fuzzing.outcome import Outcome
from kurvs_sim import observe
from kurvs_sim.configuration import load_mock

MOCK = """\
[galaxy]
name = "example"
redshift = 1.5
inclination_deg = 45.0
position_angle_deg = 30.0
effective_radius_arcsec = 0.6
disk_thickness = 0.2
halpha_flux = 1.0
dispersion_kms = 50.0
offset_x_arcsec = 0.05
ra_deg = 53.1
dec_deg = -27.8
oxygen_abundance = {central = 8.8, gradient_dex_per_kpc = -0.04}
rotation = {asymptote_kms = 180.0, turnover_radius_kpc = 1.5}

[galaxy.a_v]
kind = "exponential"
central_mag = 0.8
scale_length_kpc = 5.0

[[galaxy.structures]]
kind = "clumps"
seed = 7
number = 4
flux_fraction = 0.3
fwhm_kpc = 1.0
effective_radius_kpc = 5.0
oxygen_abundance_offset_dex = -0.2

[[galaxy.nuclear_sources]]
halpha_flux = 0.1
dispersion_kms = 900.0

[[galaxy.stars]]
flux_density = 2.0
effective_radius_kpc = 5.0

[observation]
bands = ["H"]
halpha_snr = 54.0
seed = 1
within_kms_of_lines = 2000.0

[observation.psf]
kind = "moffat"
fwhm_arcsec = 0.6
moffat_beta = 3.0

[observation.grid]
n_x = 8
n_y = 9
spaxel_arcsec = 0.3

[observation.effects]
covariance = {correlation_x = 0.42, correlation_y = 0.27}
sky_residuals = {wavelength_error_channels = 0.05}
dead_columns = {}
cosmic_rays = {}
"""

RECOVERY = """\
realisations = 1
bands = ["H"]
diagnostics = ["n2"]
scheme = "3x0.5"

[latin_hypercube]
n_galaxies = 20
gradient_dex_per_kpc = [-0.07, 0.05]
inclination_deg = [20.0, 70.0]
effective_radius_arcsec = [0.25, 0.9]
seeing_fwhm_arcsec = [0.4, 0.9]
psf_beta = [2.5, 6.0]
halpha_snr = [20.0, 100.0]
clump_fraction = [0.0, 0.5]
rotation_kms = [50.0, 250.0]
"""

VALUES = (
    "-1", "0", "-1.0", "1e300", "-1e300", "1e-300", "nan", "inf", "-inf", "true", '""', '"many"',
    "0.01", "2.0", "30", "5", "1e3", "0.5", "1e5", "3", "[]", "[1.0, 2.0]", "{}", "1979-05-27",
    "99999999999", "9223372036854775807", '"1.5"', "0x7f", '"noise-free"', "1_000", "'τ'",
    "{kind = 'none'}", "[[1]]", "1e9",
)  # fmt: skip
UNKNOWN = ("_unknown", "nonsense]")

_VALUE = re.compile(r"(?<== )(\"[^\"]*\"|-?[\d.]+|\[[^\[\]]*\])")
_KEY = re.compile(r"\b([a-z_]+)(?= = )")
_TABLE = re.compile(r"^\[+[a-z_.]+\]+$", re.MULTILINE)

Damage = Callable[[np.random.Generator, str], tuple[str, str]]


class Mocks:
    """Descriptions of a small mock, which is simulated, and of a recovery, which is only read."""

    name = "TOML"
    full = 600

    def __init__(self) -> None:
        self._refused = False

    def damage(self, rng: np.random.Generator, folder: Path) -> str:
        """Write one of the two with one or two damages."""
        kind, text = pick(rng, (("mock", MOCK), ("mock", MOCK), ("recovery", RECOVERY)))
        said = []
        for _ in range(int(rng.choice([1, 1, 2]))):
            text, what = pick(rng, DAMAGES)(rng, text)
            said.append(what)
        self._refused = any(mark in text for mark in UNKNOWN)
        content = text.encode()
        if rng.uniform() < 0.15:
            content, what = pick(rng, DAMAGES_OF_BYTES)(rng, content)
            said.append(what)
        (folder / f"{kind}.toml").write_bytes(content)
        return f"{kind}: {'; '.join(said)}"

    def judge(self, folder: Path) -> tuple[Outcome, str]:
        """Simulate the mock, and look for fluxes that are no numbers; read the recovery."""
        (path,) = folder.iterdir()
        if path.stem == "recovery":
            load_recovery(path, 0)
            problem = ""
        else:
            galaxy, options = load_mock(path)
            problem = _problem(observe(galaxy, **options))
        if self._refused:
            return Outcome.WRONG, "an unknown key is taken"
        return (Outcome.WRONG, problem) if problem else (Outcome.RIGHT, "")


def _problem(mock) -> str:
    for name, band in mock.children.items():
        if name == "truth":
            continue
        seen = ~band["mask"].to_numpy()
        for quantity in ("flux", "variance"):
            values = band[quantity].to_numpy()[seen]
            if not np.isfinite(values).all():
                return f"{name}: {quantity} is {values[~np.isfinite(values)][0]}"
        if (band["variance"].to_numpy()[seen] < 0.0).any():
            return f"{name}: variance is negative"
    return ""


def _random_match(rng: np.random.Generator, pattern: re.Pattern[str], text: str) -> re.Match[str]:
    return pick(rng, list(pattern.finditer(text)) or list(re.finditer(r"^|$", text)))


def _put(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def _change_value(rng: np.random.Generator, text: str) -> tuple[str, str]:
    match, value = _random_match(rng, _VALUE, text), str(pick(rng, VALUES))
    key = text[: match.start()].rpartition("\n")[2]
    return _put(text, match, value), f"{key}{match[0]} -> {value}"


def _rename_key(rng: np.random.Generator, text: str) -> tuple[str, str]:
    match = _random_match(rng, _KEY, text)
    return _put(text, match, f"{match[0]}_unknown"), f"unknown key {match[0]}"


def _drop_line(rng: np.random.Generator, text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    line = lines.pop(int(rng.integers(len(lines))))
    return "".join(lines), f"drop {line.strip()!r}"


def _repeat_line(rng: np.random.Generator, text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    line = pick(rng, lines)
    lines.insert(int(rng.integers(len(lines))), line)
    return "".join(lines), f"{line.strip()!r} once more somewhere"


def _rename_table(rng: np.random.Generator, text: str) -> tuple[str, str]:
    match = _random_match(rng, _TABLE, text)
    new = str(pick(rng, ("[galaxy]", "[x]", "[galaxy.x]", "[observation.psf.grid]", "[[galaxy]]",
                         "[observation.observation]", "[]", "[[galaxy.stars]]")))  # fmt: skip
    return _put(text, match, new), f"{match[0]} -> {new}"


def _add_table(rng: np.random.Generator, text: str) -> tuple[str, str]:
    name = str(pick(rng, ("nonsense", "galaxy.nonsense", "observation.nonsense")))
    return f"{text}\n[{name}]\nvalue = 1.0\n", f"unknown table {name}"


def _stray_character(rng: np.random.Generator, text: str) -> tuple[str, str]:
    place, character = int(rng.integers(len(text) + 1)), str(pick(rng, tuple("[]{}\"'=,#\n\t\0é")))
    return text[:place] + character + text[place:], f"stray {character!r} at {place}"


def _cut(rng: np.random.Generator, text: str) -> tuple[str, str]:
    length = int(rng.integers(len(text) + 1))
    return text[:length], f"cut at {length}"


def _other_encoding(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    name = str(pick(rng, ("utf-16", "utf-8-sig", "utf-32", "cp500")))
    return content.decode(errors="replace").encode(name, errors="replace"), f"in {name}"


def _line_ends(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    end = pick(rng, (b"\r\n", b"\r", b"\n\n"))
    return content.replace(b"\n", end), f"lines end in {end!r}"


def _flip(rng: np.random.Generator, content: bytes) -> tuple[bytes, str]:
    damaged = bytearray(content or b"\0")
    place = int(rng.integers(len(damaged)))
    damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged), f"byte {place} flipped"


DAMAGES: tuple[Damage, ...] = (
    _change_value, _change_value, _change_value, _change_value, _change_value, _rename_key,
    _drop_line, _repeat_line, _rename_table, _add_table, _stray_character, _cut,
)  # fmt: skip
DAMAGES_OF_BYTES = (_other_encoding, _line_ends, _flip)
