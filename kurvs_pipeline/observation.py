"""The Observation: the data that simulator and pipeline exchange.

It is an ``xarray.DataTree`` whose root attributes are an :class:`ObservationMetadata`: what the
pipeline may know of the galaxy, the same for mocks and real data. Each band (``IZ``, ``YJ``,
``H``) is one child, a Dataset of :func:`band_dataset`; mocks also have ``/truth``, which the
pipeline never reads. Coordinates state their units and directions, and :func:`in_standard_form`
converts them.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Self

import numpy as np
import xarray as xr
from astropy import units as u
from numpy.typing import NDArray

from kurvs_pipeline.arguments import plain_array, takes_quantities
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import MetadataError

FLUX_DENSITY_UNIT = "1e-16 erg / (s cm2 um)"
"""Unit of a calibrated cube, per spaxel."""

CUBE_DIMS = ("wavelength", "y", "x")

UNITS = {"x": u.arcsec, "y": u.arcsec, "wavelength": u.um, "lsf_sigma": u.um}

DIRECTIONS = {"x": {"west": 1.0, "east": -1.0}, "y": {"north": 1.0, "south": -1.0}}
"""Directions of the axes, the standard one first, with the sign that leads to it."""

SMALLEST_SPAXEL_ARCSEC, LARGEST_SPAXEL_ARCSEC = 0.005, 2.0
"""No integral-field spectrograph has spaxels outside of this: such an axis is in another unit."""

UNEVEN = 0.01
"""Relative difference of steps above which spaxels are not evenly spaced."""

SHARPEST_SEEING_ARCSEC, WIDEST_SEEING_ARCSEC = 0.05, 5.0
"""From the diffraction of an 8 m telescope (0.04 in H) to beyond any seeing that is observed in:
what is outside is in another unit, and the forward model's memory grows as 1 / FWHM squared."""

SMALLEST_RADIUS_ARCSEC, LARGEST_RADIUS_ARCSEC = 0.01, 100.0
"""86 pc at z = 1.5 and a twentieth of a spaxel: smaller than any galaxy whose disk can be seen. And
larger than any that lies in the field of a spectrograph."""

LARGEST_INCLINATION_ERR_DEG = 90.0
"""All that an inclination can be; one that is not known at all has a scatter of 26 degrees."""


@cache
def line_flux_unit(flux_density_unit: str) -> u.UnitBase:
    """Return the unit of a flux density integrated over um.

    It is ``1e-16 erg / (s cm2)`` for calibrated cubes, the input's unit times um otherwise.
    """
    unit = u.Unit(flux_density_unit) * u.um
    calibrated = u.Unit("1e-16 erg / (s cm2)")
    return calibrated if unit == calibrated else unit


@takes_quantities
@dataclass(frozen=True)
class ObservationMetadata:
    """What is known of a galaxy and its observation before anything is measured.

    Parameters
    ----------
    name : str
        Name of the galaxy.
    redshift : float
        Redshift on the vacuum scale.
    ra_deg, dec_deg : float
        Coordinates of the target, NaN where unknown.
    inclination_deg : float
        Inclination; 0 is face-on.
    inclination_err_deg : float
        Standard error of the inclination, for the forward estimators; 0 takes it as exact.
    position_angle_deg : float
        Position angle of the receding side of the major axis, North through East, in [0, 360).
    effective_radius_arcsec : float
        Half-light radius along the major axis.
    disk_thickness : float
        Intrinsic axis ratio q0: 0 for a thin disk, 0.2 for real galaxies (Li et al. 2025).
    seeing_fwhm_arcsec : float
        Full width at half-maximum of the point-spread function; 0 for none.
    psf_kind : str
        ``gaussian``, ``moffat`` or ``kolmogorov``.
    psf_moffat_beta : float
        Exponent of a Moffat profile's wings, NaN otherwise.
    psf_origin : str
        What the point-spread function is beyond its kind and width, such as the image of a star of
        which they are a summary; empty for nothing.
    target_position : str
        ``stated`` where x and y count from the galaxy; ``unknown`` where they count from the middle
        of the field and the galaxy has to be found in the cube.
    origin : str
        ``mock`` or the name of a file.
    software_version : str
        Version of this package that made the Observation.
    seed : int
        Seed of a mock's noise, -1 otherwise.
    """

    name: str = "unnamed"
    redshift: float = math.nan
    ra_deg: float = math.nan
    dec_deg: float = math.nan
    inclination_deg: float = math.nan
    inclination_err_deg: float = 0.0
    position_angle_deg: float = math.nan
    effective_radius_arcsec: float = math.nan
    disk_thickness: float = 0.0
    seeing_fwhm_arcsec: float = math.nan
    psf_kind: str = "gaussian"
    psf_moffat_beta: float = math.nan
    psf_origin: str = ""
    target_position: str = "stated"
    origin: str = "mock"
    software_version: str = ""
    seed: int = -1

    def __post_init__(self) -> None:
        _require(not self.redshift < 0.0, "redshift", self.redshift, "a value >= 0")
        _require(not self.inclination_deg < 0.0 and not self.inclination_deg > 90.0,
                 "inclination_deg", self.inclination_deg, "a value in [0, 90]")  # fmt: skip
        _require(0.0 <= self.inclination_err_deg <= LARGEST_INCLINATION_ERR_DEG,
                 "inclination_err_deg", self.inclination_err_deg,
                 f"degrees from 0 to {LARGEST_INCLINATION_ERR_DEG:g}")  # fmt: skip
        _require(not math.isinf(self.position_angle_deg), "position_angle_deg",
                 self.position_angle_deg, "degrees, or NaN where it is unknown")  # fmt: skip
        self._require_sizes()
        _require(0.0 <= self.disk_thickness < 1.0, "disk_thickness", self.disk_thickness,
                 "a value in [0, 1)")  # fmt: skip
        _require(not (self.inclination_deg == 90.0 and self.disk_thickness == 0.0),
                 "inclination_deg", self.inclination_deg,
                 "less than 90 for a disk without thickness (or disk_thickness > 0)")  # fmt: skip
        _require(self.psf_kind in {"gaussian", "moffat", "kolmogorov"}, "psf_kind",
                 self.psf_kind, "gaussian, moffat or kolmogorov")  # fmt: skip
        _require(self.target_position in {"stated", "unknown"}, "target_position",
                 self.target_position, "stated or unknown")  # fmt: skip

    def _require_sizes(self) -> None:
        radius, seeing = self.effective_radius_arcsec, self.seeing_fwhm_arcsec
        _require(math.isnan(radius) or SMALLEST_RADIUS_ARCSEC <= radius <= LARGEST_RADIUS_ARCSEC,
                 "effective_radius_arcsec", radius,
                 f"a finite value from {SMALLEST_RADIUS_ARCSEC:g} to {LARGEST_RADIUS_ARCSEC:g}: "
                 "state it in arcsec")  # fmt: skip
        _require(math.isnan(seeing) or seeing == 0.0
                 or SHARPEST_SEEING_ARCSEC <= seeing <= WIDEST_SEEING_ARCSEC,
                 "seeing_fwhm_arcsec", seeing,
                 f"a finite value: 0 for none, or {SHARPEST_SEEING_ARCSEC:g} to "
                 f"{WIDEST_SEEING_ARCSEC:g}: state it in arcsec")  # fmt: skip

    @classmethod
    def from_attrs(cls, attrs: Mapping[Any, Any]) -> Self:
        """Read metadata from the root attributes of an Observation.

        Missing ones take their default, unknown ones are ignored. MetadataError if a value has
        another type or is impossible.
        """
        defaults = asdict(cls())
        known = {key: _as(type(value), key, attrs[key]) for key, value in defaults.items()
                 if key in attrs}  # fmt: skip
        return cls(**known)

    def to_attrs(self) -> dict[str, str | float | int]:
        """Return plain attributes."""
        return asdict(self)


def band_dataset(
    *,
    flux: NDArray[Any],
    variance: NDArray[Any],
    mask: BoolArray,
    wavelength_um: Array,
    x_arcsec: Array,
    y_arcsec: Array,
    lsf_sigma_um: Array,
    units: str = FLUX_DENSITY_UNIT,
    wcs_header: str = "",
) -> xr.Dataset:
    """Build one band of an Observation.

    Parameters
    ----------
    flux, variance : array or Quantity, shape (n_channels, n_y, n_x)
        Flux density per spaxel and its variance, NaN where unknown; kept as float32. A Quantity is
        converted to ``units`` and their square; voxels that are masked are left out, as by
        ``mask``.
    mask : bool array, same shape
        Whether a voxel must not be used.
    wavelength_um : array, shape (n_channels,)
        Vacuum wavelength of channel centres.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Spaxel centres from the target, x to the West and y to the North.
    lsf_sigma_um : array, shape (n_channels,)
        Standard deviation of the line-spread function.
    units : str
        Unit of the flux density, as astropy parses it.
    wcs_header : str
        FITS header of the cube, as ``astropy.io.fits.Header.tostring`` writes it.

    Raises
    ------
    MetadataError
        If a Quantity has a unit that cannot be converted.
    """
    flux, no_flux = plain_array("flux", flux, units)
    variance, no_variance = plain_array("variance", variance, units, power=2)
    left_out = np.asarray(np.ma.filled(mask, fill_value=True), dtype=bool)
    for missing in (no_flux, no_variance):
        if missing is not None:
            left_out = left_out | missing
    axes = {
        name: plain_array(name, values, str(UNITS[name]))[0]
        for name, values in (("wavelength", wavelength_um), ("y", y_arcsec), ("x", x_arcsec),
                             ("lsf_sigma", lsf_sigma_um))
    }  # fmt: skip
    return xr.Dataset(
        {
            "flux": (CUBE_DIMS, np.asarray(flux, dtype=np.float32), {"units": units}),
            "variance": (CUBE_DIMS, np.asarray(variance, dtype=np.float32)),
            "mask": (CUBE_DIMS, left_out),
            "lsf_sigma": ("wavelength", np.asarray(axes["lsf_sigma"], float), {"units": "um"}),
        },
        coords={
            "wavelength": ("wavelength", axes["wavelength"], {"units": "um", "medium": "vacuum"}),
            "y": ("y", axes["y"], {"units": "arcsec", "direction": "north"}),
            "x": ("x", axes["x"], {"units": "arcsec", "direction": "west"}),
        },
        attrs={"wcs": wcs_header},
    )


def make_observation(
    bands: Mapping[str, xr.Dataset],
    metadata: ObservationMetadata,
    truth: xr.Dataset | None = None,
) -> xr.DataTree:
    """Build an Observation from its parts, in standard form, and validate it.

    Bands, one or more, are by name: ``IZ``, ``YJ``, ``H``. The metadata become root attributes.
    MetadataError if a band breaks the contract of :func:`validate`, or its units or directions are
    not understood (:func:`in_standard_form`).
    """
    children = dict(bands) if truth is None else {**bands, "truth": truth}
    tree = xr.DataTree.from_dict({f"/{name}": dataset for name, dataset in children.items()})
    tree.attrs.update(metadata.to_attrs())
    return in_standard_form(tree)


def in_standard_form(observation: xr.DataTree) -> xr.DataTree:
    """Return an Observation with x to the West and y to the North in arcsec, wavelengths in um.

    Axes to the East or South are turned round. Flux densities per Hz, a spaxel or a solid angle,
    become 1e-16 erg / (s cm2 um) per spaxel. An Observation in this form already is returned as it
    is. MetadataError if a unit or a direction is missing or not understood, or :func:`validate`
    refuses the outcome.
    """
    _require_tree(observation)
    bands = {name: observation[name].to_dataset() for name in band_names(observation)}
    standard = {name: _standard_band(name, band) for name, band in bands.items()}
    changed = {name: band for name, band in standard.items() if band is not bands[name]}
    if changed:
        observation = observation.copy()
        for name, band in changed.items():
            observation[name] = xr.DataTree(band)
    validate(observation)
    return observation


def band_names(observation: xr.DataTree) -> tuple[str, ...]:
    """Return the bands of an Observation in order of wavelength."""
    return tuple(name for name in KMOS_BANDS if name in observation.children)


def metadata_of(observation: xr.DataTree) -> ObservationMetadata:
    """Return the root attributes as one checked object."""
    return ObservationMetadata.from_attrs(observation.attrs)


def inputs_of(observation: xr.DataTree) -> dict[str, str]:
    """Return the SHA-256 of every file that an Observation was read from, by path."""
    found: dict[str, str] = json.loads(str(observation.attrs.get("inputs_sha256", "{}")))
    return found


def validate(observation: xr.DataTree) -> None:
    """Check an Observation: bands, dimensions, coordinates, units and metadata.

    MetadataError names the band and the fix.
    """
    _require_tree(observation)
    metadata_of(observation)
    names = band_names(observation)
    if not names:
        raise MetadataError(f"no band in the observation; expected one of {list(KMOS_BANDS)}")
    for name in names:
        _validate_band(name, observation[name].to_dataset())


def _require_tree(observation: object) -> None:
    if not isinstance(observation, xr.DataTree):
        raise MetadataError(
            f"observation is of class {type(observation).__name__}; expected an Observation, which "
            "is a DataTree: read files with read_observation, or build one with band_dataset and "
            "make_observation"
        )


def _standard_band(name: str, band: xr.Dataset) -> xr.Dataset:
    for variable, unit in UNITS.items():
        if variable in band.variables:
            factor = _factor(name, band, variable, unit) * _sign(name, band, variable)
            if factor != 1.0:
                band = _scaled(band, variable, factor, str(unit))
    return _per_um(band)


def _factor(name: str, band: xr.Dataset, variable: str, unit: u.UnitBase) -> float:
    found = band[variable].attrs.get("units")
    try:
        return float(u.Unit(found).to(unit))
    except (TypeError, ValueError):  # a conversion that is impossible is both
        raise MetadataError(
            f"{name}: unit of '{variable}' is {found!r}; expected one that converts to {unit}: "
            f"state it as the attribute 'units' of '{variable}'"
        ) from None


def _sign(name: str, band: xr.Dataset, variable: str) -> float:
    if variable not in DIRECTIONS:
        return 1.0
    found, known = band[variable].attrs.get("direction"), DIRECTIONS[variable]
    if found not in known:
        raise MetadataError(
            f"{name}: direction of '{variable}' is {found!r}; expected {' or '.join(known)}: state "
            f"it as the attribute 'direction' of '{variable}'"
        )
    return known[found]


def _scaled(band: xr.Dataset, variable: str, factor: float, unit: str) -> xr.Dataset:
    old = band[variable]
    attributes = old.attrs | {"units": unit}
    if variable in DIRECTIONS:
        attributes["direction"] = next(iter(DIRECTIONS[variable]))
    new = {variable: (old.dims, factor * old.to_numpy().astype(float), attributes)}
    return band.assign(new) if variable in band.data_vars else band.assign_coords(new)


def _per_um(band: xr.Dataset) -> xr.Dataset:
    """Convert flux densities per Hz, which are scaled differently in every channel."""
    factor = _per_um_factor(band)
    if factor is None:
        return band
    by_channel = factor[:, None, None]
    flux, variance = band["flux"], band["variance"]
    new_flux = (flux.to_numpy() * by_channel).astype(np.float32)
    new_variance = (variance.to_numpy() * by_channel**2).astype(np.float32)
    return band.assign(
        flux=(CUBE_DIMS, new_flux, flux.attrs | {"units": FLUX_DENSITY_UNIT}),
        variance=(CUBE_DIMS, new_variance, variance.attrs),
    )


def _per_um_factor(band: xr.Dataset) -> Array | None:
    """Return what each channel is multiplied by, shape (n_channels,); None for other units."""
    if "flux" not in band or "variance" not in band:
        return None  # validate says so
    try:
        unit = u.Unit(band["flux"].attrs.get("units"))
    except (TypeError, ValueError):
        return None
    if unit.is_equivalent(u.Jy / u.sr):
        x, y = (float(np.abs(np.diff(band[axis].to_numpy())).mean()) for axis in ("x", "y"))
        unit = u.Unit(x * y * unit * u.arcsec**2)
    if not unit.is_equivalent(u.Jy):
        return None
    of_channels = u.spectral_density(band["wavelength"].to_numpy() * u.um)
    return np.asarray((1.0 * unit).to_value(FLUX_DENSITY_UNIT, of_channels), dtype=float)


def _as(kind: type, name: str, found: Any) -> Any:  # noqa: ANN401 - as attributes are
    """Convert numpy scalars, which netCDF and zarr return, to the plain type of a field."""
    try:
        return kind(found)
    except (TypeError, ValueError, OverflowError):
        raise MetadataError(
            f"{name} is {found!r}; expected a number: correct this attribute of the observation"
        ) from None


def _require(condition: bool, name: str, found: object, expected: str) -> None:  # noqa: FBT001
    if not condition:
        raise MetadataError(f"{name} is {found}; expected {expected}")


def _validate_band(name: str, band: xr.Dataset) -> None:
    for variable in ("flux", "variance", "mask"):
        if variable not in band or band[variable].dims != CUBE_DIMS:
            found = band[variable].dims if variable in band else "nothing"
            raise MetadataError(f"{name}: '{variable}' must have dims {CUBE_DIMS}, found {found}")
    if "lsf_sigma" not in band:
        raise MetadataError(f"{name}: 'lsf_sigma' (wavelength) is missing")
    _validate_values(name, band)
    for axis in ("y", "x"):
        _validate_axis(name, band, axis)
    wavelength = band["wavelength"].to_numpy()
    if wavelength.size < 2 or not np.all(np.diff(wavelength) > 0):
        raise MetadataError(f"{name}: wavelengths must increase")
    if band["wavelength"].attrs.get("medium") != "vacuum":
        raise MetadataError(f"{name}: wavelengths must be stated to be in vacuum")
    try:
        u.Unit(band["flux"].attrs["units"])
    except (KeyError, ValueError) as error:
        raise MetadataError(f"{name}: flux has no unit that astropy can parse: {error}") from None


def _validate_values(name: str, band: xr.Dataset) -> None:
    lsf = band["lsf_sigma"].to_numpy()
    good = np.isfinite(lsf) & (lsf > 0.0)
    if not good.all():
        raise MetadataError(
            f"{name}: lsf_sigma is {lsf[~good][0]:g} um in {np.count_nonzero(~good)} channels; "
            "expected finite values > 0: state the width of the line-spread function"
        )
    variance = band["variance"].to_numpy()
    if np.any(variance < 0.0) and not np.any(variance >= 0.0):
        raise MetadataError(
            f"{name}: every variance is negative; expected values >= 0, or NaN where it is "
            "unknown: is it another quantity, or has its sign been changed?"
        )


def _validate_axis(name: str, band: xr.Dataset, axis: str) -> None:
    steps = np.diff(band[axis].to_numpy()) if axis in band.coords else np.zeros(0)
    if steps.size == 0 or not (np.all(steps > 0.0) or np.all(steps < 0.0)):
        raise MetadataError(
            f"{name}: '{axis}' must hold the places of two or more spaxels that increase or "
            "decrease; found missing, unknown or equal ones: state them in arcsec"
        )
    size = float(np.median(np.abs(steps)))
    if not SMALLEST_SPAXEL_ARCSEC <= size <= LARGEST_SPAXEL_ARCSEC:
        raise MetadataError(
            f"{name}: spaxels along '{axis}' are {size:.3g} arcsec wide; expected "
            f"{SMALLEST_SPAXEL_ARCSEC:g} to {LARGEST_SPAXEL_ARCSEC:g}: state the unit of '{axis}'"
        )
    if np.abs(np.abs(steps) / size - 1.0).max() > UNEVEN:
        raise MetadataError(
            f"{name}: spaxels along '{axis}' are {np.abs(steps).min():.4g} to "
            f"{np.abs(steps).max():.4g} arcsec apart; expected even steps: resample the cube"
        )
