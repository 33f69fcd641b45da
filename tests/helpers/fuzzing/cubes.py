"""FITS cubes of one small galaxy, with headers, voxels, extensions and bytes damaged."""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from experiments.measuring.request import GalaxyRequest
from fuzzing.nonsense import nonsense, pick
from fuzzing.outcome import Outcome
from kurvs_pipeline import Pipeline
from kurvs_pipeline.io import write_eso
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_sim import Galaxy, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.profiles import Linear

ALLOWED_ERRORS = 3.0
"""How far, in errors of the undamaged gradient, a gradient may be off with the flag ``ok``."""

KNOWN: dict[str, Any] = {
    "redshift": 1.5, "inclination_deg": 30.0, "position_angle_deg": 40.0,
    "effective_radius_arcsec": 0.6, "seeing_fwhm_arcsec": 0.6,
}  # fmt: skip
FACTS = ("KURVS ", "CD", "CDELT", "CRPIX", "CRVAL", "CTYPE", "CUNIT", "RA", "DEC", "PC")
"""Keywords that state what only the header knows: another possible value is another statement."""

STRUCTURE = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "END")

Damage = Callable[[np.random.Generator, fits.HDUList], str]


class Cubes:
    """A cube of a galaxy with a known gradient, as ESO's, without its own keywords, or noise."""

    name = "FITS cubes"
    full = 2000

    def __init__(self) -> None:
        self._variants = {name: make() for name, make in VARIANTS.items()}
        self._pipeline = Pipeline()
        self._undamaged = {name: self._gradients(name) for name in self._variants}
        self._variant = ""
        self._restated = False

    def damage(self, rng: np.random.Generator, folder: Path) -> str:
        """Write one of the cubes with one or two damages."""
        self._variant, path = pick(rng, list(self._variants)), folder / "cube.fits"
        hdus = fits.HDUList([hdu.copy() for hdu in self._variants[self._variant]])
        said, self._restated = [], False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Later damages may leave nothing for the earlier ones.
            for number in sorted(rng.integers(0, len(DAMAGES), int(rng.choice([1, 1, 1, 2])))):
                facts = _facts(hdus)
                said.append(DAMAGES[number](rng, hdus))
                if DAMAGES[number] in OF_HEADERS:
                    self._restated |= _restated(facts, _facts(hdus))
            _write(hdus, path)
        if rng.uniform() < 0.2:
            damage = pick(rng, DAMAGES_OF_BYTES)
            facts = _facts_of_file(path)
            said.append(damage(rng, path))
            if damage is not _damage_structure:  # which readers may choke on, and states no fact
                self._restated |= _restated(facts, _facts_of_file(path))
        return f"{self._variant}: {'; '.join(said)}"

    def judge(self, folder: Path) -> tuple[Outcome, str]:
        """Measure, and compare every gradient with that of the undamaged cube."""
        expected = self._undamaged[self._variant]
        found = self._measure(folder / "cube.fits", self._variant)
        rows = {
            (str(row["diagnostic"]), str(row["estimator"])): row
            for row in found.gradients
        }  # fmt: skip
        flagged = ""
        for key, (gradient, error) in expected.items():
            row = rows.get(key)
            if row is None or str(row["flag"]) != "ok":
                flagged = f"{' '.join(key)}: {'none' if row is None else row['flag']}"
                continue
            off = (row["gradient"].value - gradient) / error
            if not abs(off) <= ALLOWED_ERRORS:
                if self._restated:
                    return Outcome.RESTATED, f"{' '.join(key)} is {off:+.1f} errors off"
                return Outcome.WRONG, f"{' '.join(key)} is {off:+.1f} errors off; {_notes(found)}"
        return (Outcome.FLAGGED, flagged) if flagged else (Outcome.RIGHT, "")

    def _gradients(self, variant: str) -> dict[tuple[str, str], tuple[float, float]]:
        """Measure a cube without damage."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cube.fits"
            _write(self._variants[variant], path)
            table = self._measure(path, variant).gradients
        gradients = {
            (str(row["diagnostic"]), str(row["estimator"])): (
                row["gradient"].value,
                row["gradient_err"].value,
            )
            for row in table
            if np.isfinite(row["gradient"].value)
        }
        assert gradients, f"{variant}: no gradient without damage"
        return gradients

    def _measure(self, path: Path, variant: str) -> MeasuredGalaxy:
        stated = {} if variant == "eso" else KNOWN
        return GalaxyRequest.of((path,), stated).measure(self._pipeline)


def _notes(found: MeasuredGalaxy) -> str:
    return " | ".join(found.assumptions)


def _eso(spaxels: int = 10) -> fits.HDUList:
    galaxy = Galaxy(
        name="disk",
        redshift=1.5,
        inclination_deg=30.0,
        position_angle_deg=40.0,
        effective_radius_arcsec=0.6,
        oxygen_abundance=Linear(central=8.7, gradient=-0.04),
    )
    mock = observe(
        galaxy,
        bands=["H"],
        grid=SpaxelGrid(n_x=spaxels + 1, n_y=spaxels, spaxel_arcsec=0.2),
        psf=PointSpreadFunction("gaussian", 0.6),
        halpha_snr=100.0,
        within_kms_of_lines=3000.0,
        seed=11,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = write_eso(mock, Path(folder), "disk")["H"]
        with fits.open(path, memmap=False) as hdus:
            return fits.HDUList([hdu.copy() for hdu in hdus])


def _foreign(spaxels: int = 10) -> fits.HDUList:
    hdus = _eso(spaxels)
    for hdu in hdus:
        for keyword in [word for word in hdu.header if word.startswith("KURVS")]:
            del hdu.header[keyword]
    return hdus


def _without_noise() -> fits.HDUList:
    return fits.HDUList(_foreign(14)[:2])


def example_cube() -> fits.HDUList:
    """Return the cube without damage, and without our own keywords."""
    return _foreign()


VARIANTS = {"eso": _eso, "foreign": _foreign, "no noise": _without_noise}


def _write(hdus: fits.HDUList, path: Path) -> None:
    hdus.writeto(path, output_verify="ignore", overwrite=True)


def _facts(hdus: fits.HDUList) -> dict[tuple[int, str], Any]:
    found = {}
    for number, hdu in enumerate(hdus):
        for keyword in hdu.header:
            if keyword.startswith(FACTS):
                try:
                    found[number, keyword] = hdu.header[keyword]
                except (ValueError, fits.VerifyError):
                    found[number, keyword] = "unreadable"
    return found


def _facts_of_file(path: Path) -> dict[tuple[int, str], Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False, ignore_missing_end=True) as hdus:
                return _facts(hdus)
    except Exception:  # noqa: BLE001 - a damaged file states nothing
        return {}


def _restated(before: dict[tuple[int, str], Any], after: dict[tuple[int, str], Any]) -> bool:
    """Tell whether a fact has another value that is possible, or is not stated any more."""
    for fact, value in before.items():
        if fact not in after:
            return True
        changed = after[fact]
        if isinstance(value, str):
            if changed != value and str(changed).strip():
                return True
        elif _is_number(changed) and changed != value and abs(changed) < 1e6:
            return True
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# Headers


def _any_hdu(rng: np.random.Generator, hdus: fits.HDUList) -> Any:
    return hdus[int(rng.integers(len(hdus)))]


def _keyword(rng: np.random.Generator, header: fits.Header) -> str:
    words = [word for word in header if word and not word.startswith(STRUCTURE)]
    return str(pick(rng, words))


def _drop_keyword(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    hdu = _any_hdu(rng, hdus)
    keyword = _keyword(rng, hdu.header)
    del hdu.header[keyword]
    return f"drop {keyword} of {hdu.name}"


def _change_keyword(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    hdu, value = _any_hdu(rng, hdus), nonsense(rng)
    keyword = _keyword(rng, hdu.header)
    if value == "τ":
        value = "furlong"
    hdu.header[keyword] = value
    return f"{keyword} of {hdu.name} = {value!r}"


def _change_axis(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    """Change a number of the world coordinates by a factor, its sign, or an offset."""
    header = pick(rng, hdus[1:]).header
    keyword = str(pick(rng, ("CRVAL3", "CD3_3", "CRPIX3", "CD1_1", "CD2_2", "CRPIX1", "CRVAL1")))
    change = str(pick(rng, ("* 1.05", "* 0.5", "* 2", "* -1", "* 0", "+ 0.01", "+ 1", "* 1000")))
    if keyword in header and _is_number(header[keyword]):
        operation, number = change.split()
        old = header[keyword]
        header[keyword] = old * float(number) if operation == "*" else old + float(number)
    return f"{keyword} {change}"


def _change_unit(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    units = {
        "CUNIT3": ("nm", "Angstrom", "m", "Hz", "km/s", "furlong", "", "MICRON", "um ", "cm"),
        "CUNIT1": ("arcsec", "rad", "m", "", "pixel", "mas"),
        "CTYPE3": ("AWAV", "FREQ", "VELO", "WAVE-LOG", "LINEAR", "", "VRAD", "ZOPT", "wave"),
        "CTYPE1": ("LINEAR", "GLON-TAN", "RA", "DEC--TAN", "", "X", "RA---SIN"),
        "BUNIT": (
            "erg/s/cm2/Angstrom", "Jy", "MJy/sr", "adu", "", "1e-20 erg/s/cm2/um", "furlong",
            "W/m2/um", "erg/s/cm2/um/arcsec2", "0 erg/(s cm2 um)", "counts/s", "mag",
        ),
        "RADESYS": ("FK5", "GALACTIC", ""),
        "INSTRUME": ("SINFONI", "MUSE", ""),
    }  # fmt: skip
    keyword = str(pick(rng, tuple(units)))
    value = pick(rng, units[keyword])
    for hdu in hdus[1:] if rng.uniform() < 0.7 else hdus[1:2]:
        hdu.header[keyword] = value
    return f"{keyword} = {value!r}"


def _swap_keywords(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    header = pick(rng, hdus[1:]).header
    a, b = _keyword(rng, header), _keyword(rng, header)
    header[a], header[b] = header[b], header[a]
    return f"swap {a} and {b}"


# Voxels


def _data(hdus: fits.HDUList) -> Any:
    return hdus[1].data


def _box(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[slice, ...]:
    box = []
    for length in shape:
        start, stop = sorted(rng.integers(0, length + 1, 2))
        box.append(slice(int(start), int(max(stop, start + 1))))
    return tuple(box)


def _fill_block(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    extension = pick(rng, hdus[1:])
    box = _box(rng, extension.data.shape)
    if rng.uniform() < 0.5:
        box = (slice(None), *box[1:]) if rng.uniform() < 0.5 else (box[0], *(slice(None),) * 2)
    value = float(pick(rng, (np.nan, 0.0, np.inf, -np.inf, 1e30, -1.0)))
    extension.data[box] = value
    where = ",".join(f"{s.start}:{s.stop}" for s in box)
    return f"{extension.name}[{where}] = {value}"


def _lose_spaxels(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    fraction = float(rng.uniform(0.05, 0.9))
    lost = rng.uniform(size=_data(hdus).shape[1:]) < fraction
    value = float(pick(rng, (np.nan, 0.0)))
    _data(hdus)[:, lost] = value
    return f"{fraction:.0%} of the spaxels = {value}"


def _lose_voxels(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    fraction = float(rng.uniform(0.01, 0.9))
    _data(hdus)[rng.uniform(size=_data(hdus).shape) < fraction] = np.nan
    return f"{fraction:.0%} of the voxels = nan"


def _hot_voxels(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    data, number = _data(hdus), int(rng.choice([1, 3, 30]))
    factor = float(rng.choice([30.0, 1e3, 1e10, -1e3]))
    size = np.nanstd(data[np.isfinite(data)]) if np.isfinite(data).any() else 1.0
    for _ in range(number):
        voxel = tuple(int(rng.integers(length)) for length in data.shape)
        data[voxel] += factor * size
    return f"{number} hot voxels of {factor:g} rms"


def _scale(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    factor = float(rng.choice([-1.0, 1e-20, 1e10, 1e30, 0.0, 3.0]))
    which = pick(rng, (hdus[1:], hdus[1:2], hdus[2:3]))
    for hdu in which:
        hdu.data = np.asarray(hdu.data * np.float32(factor), ">f4")
    return f"{' and '.join(hdu.name for hdu in which)} times {factor:g}"


def _change_dtype(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    kind = str(rng.choice(["f8", "i2", "i4", "u1", "i8"]))
    for hdu in hdus[1:]:
        finite = np.nan_to_num(hdu.data, nan=0.0, posinf=0.0, neginf=0.0).astype(float)
        top = max(float(np.abs(finite).max()), 1e-300)
        scaled = finite if kind == "f8" else np.round(finite / top * (100 if kind == "u1" else 3e4))
        hdu.data = scaled.astype(kind)
    return f"data of type {kind}"


def _transpose(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    axes = pick(rng, ((0, 2, 1), (2, 1, 0), (1, 0, 2), (1, 2, 0)))
    for hdu in hdus[1:] if rng.uniform() < 0.7 else hdus[1:2]:
        hdu.data = np.ascontiguousarray(hdu.data.transpose(axes))
    return f"axes {axes}"


def _swap_bytes(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    hdu = pick(rng, hdus[1:])
    hdu.data = hdu.data.byteswap()
    return f"bytes of {hdu.name} swapped"


def _reverse(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    """Turn the channels of data and noise round, as where the direction of the axis is lost."""
    hdu = pick(rng, hdus[1:])
    hdu.data = np.ascontiguousarray(hdu.data[::-1])
    return f"channels of {hdu.name} reversed"


def _crop(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    box = _box(rng, _data(hdus).shape)
    for hdu in hdus[1:] if rng.uniform() < 0.5 else hdus[1:2]:
        hdu.data = np.ascontiguousarray(hdu.data[box])
        for axis, part in zip((3, 2, 1), box, strict=True):
            if _is_number(hdu.header.get(f"CRPIX{axis}")):
                hdu.header[f"CRPIX{axis}"] -= part.start
    for keyword in ("KURVS CENTRE X", "KURVS CENTRE Y"):
        hdus[0].header.pop(keyword, None)
    return f"cropped to {_data(hdus).shape}"


# Extensions


def _rename(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    hdu = _any_hdu(rng, hdus)
    name = str(pick(rng, ("", "FLUX", "SCI", "NOISE", "DATA", "ERR", "STAT", "VARIANCE", "IVAR",
                          "IFU.1.DATA", "IFU.1.NOISE", "DQ", "MASK", "IFU.99.DATA")))  # fmt: skip
    old, hdu.name = hdu.name, name
    return f"{old} named {name!r}"


def _drop_extension(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    number = int(rng.integers(len(hdus)))
    name = hdus[number].name
    del hdus[number]
    return f"drop {number} {name}"


def _duplicate(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    hdu = pick(rng, hdus[1:])
    hdus.append(hdu.copy())
    return f"{hdu.name} twice"


def _reorder(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    order = rng.permutation(np.arange(1, len(hdus)))
    others = [hdus[int(number)] for number in order]
    while len(hdus) > 1:
        hdus.pop()
    hdus.extend(others)
    return f"order {order}"


def _add_extension(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    shape = _data(hdus).shape
    kind = str(rng.choice(["mask of ones", "random mask", "image", "table", "small cube"]))
    name = str(rng.choice(["MASK", "DQ", "QUALITY", "BADPIX", "WHITE", "SKY", "EXTRA"]))
    hdu: Any
    if kind == "mask of ones":
        hdu = fits.ImageHDU(np.ones(shape, np.int16), name=name)
    elif kind == "random mask":
        hdu = fits.ImageHDU((rng.uniform(size=shape) < 0.1).astype(np.uint8), name=name)
    elif kind == "image":
        hdu = fits.ImageHDU(rng.normal(size=shape[1:]), name=name)
    elif kind == "small cube":
        hdu = fits.ImageHDU(rng.normal(size=(5, 4, 3)), name=name)
    else:
        column = fits.Column("a", "E", array=np.arange(4.0))
        hdu = fits.BinTableHDU.from_columns([column], name=name)
    hdus.append(hdu)
    return f"{name}: {kind}"


def _noise(rng: np.random.Generator, hdus: fits.HDUList) -> str:
    if len(hdus) < 3:
        return "no noise to change"
    kind, noise = str(rng.choice(["variance", "inverse variance", "image", "cut"])), hdus[-1]
    if kind == "variance":
        noise.data = noise.data**2
    elif kind == "inverse variance":
        with np.errstate(all="ignore"):
            noise.data = 1 / noise.data**2
    elif kind == "image":
        noise.data = np.nanmedian(noise.data, axis=0)
    else:
        noise.data = noise.data[: len(noise.data) // 2]
    return f"noise as {kind}"


# Bytes


def _cut_short(rng: np.random.Generator, path: Path) -> str:
    content = path.read_bytes()
    length = int(rng.integers(len(content)))
    path.write_bytes(content[:length])
    return f"cut at byte {length} of {len(content)}"


def _flip_bytes(rng: np.random.Generator, path: Path) -> str:
    content, number = bytearray(path.read_bytes()), int(rng.choice([1, 10, 100]))
    end = len(content) if rng.uniform() < 0.5 else min(len(content), 20_000)
    for place in rng.integers(0, end, number):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)
    return f"{number} bytes of the first {end} flipped"


def _damage_structure(rng: np.random.Generator, path: Path) -> str:
    content = path.read_bytes()
    keyword = str(pick(rng, STRUCTURE[1:]))
    start = content.find(keyword.encode(), int(rng.integers(len(content) // 2)))
    value = str(pick(rng, ("0", "-64", "'TABLE'", "99999999", "-1", "T", "nan")))
    if start >= 0:
        card = f"{keyword.ljust(8)}= {value:>20}".encode().ljust(80)
        path.write_bytes(content[:start] + card + content[start + 80 :])
    return f"card {keyword} = {value}"


def _insert_bytes(rng: np.random.Generator, path: Path) -> str:
    content, number = path.read_bytes(), int(rng.choice([1, 80, 2880]))
    place = int(rng.integers(len(content)))
    path.write_bytes(content[:place] + bytes(number) + content[place:])
    return f"{number} zero bytes at {place}"


OF_HEADERS: tuple[Damage, ...] = (
    _drop_keyword, _change_keyword, _change_keyword, _change_axis, _change_unit, _swap_keywords,
)  # fmt: skip
DAMAGES: tuple[Damage, ...] = (
    *OF_HEADERS, _fill_block, _fill_block, _lose_spaxels, _lose_voxels, _hot_voxels, _scale,
    _change_dtype,
    _transpose, _swap_bytes, _reverse, _crop, _noise, _rename, _duplicate, _reorder,
    _add_extension, _drop_extension,
)  # fmt: skip
DAMAGES_OF_BYTES = (_cut_short, _flip_bytes, _damage_structure, _insert_bytes)
