"""Write the results of a galaxy: its tables, maps and spectra."""

from pathlib import Path

import numpy as np
import xarray as xr
from astropy import units as u
from astropy.table import Table

from kurvs_pipeline.errors import OutputError
from kurvs_pipeline.io.tables import write_table
from kurvs_pipeline.measured_galaxy import BandSpectra, MeasuredGalaxy
from kurvs_pipeline.observation import line_flux_unit
from kurvs_pipeline.provenance import as_attribute, provenance

RESULTS_VERSION = 1
"""Version of the file layout; raise it when readers of the old layout would misread the new one."""

TABLES = (
    "fluxes", "attenuation", "abundances", "ionization", "classes", "mass_excitation", "gradients",
)  # fmt: skip
"""Names of the tables, as files and as attributes of a measured galaxy."""

ARRAYS_FILE = "measurement.nc"


def _measurement_tree(galaxy: MeasuredGalaxy) -> xr.DataTree:
    """Return labelled arrays: ``/maps``, ``/apertures`` and one group of spectra per band."""
    apertures = [aperture.name for aperture in galaxy.apertures]
    groups = {"/maps": _maps(galaxy), "/apertures": _apertures(galaxy, apertures)}
    for name, band in galaxy.spectra.items():
        groups[f"/{name}"] = _spectra(band, apertures)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(galaxy.metadata.to_attrs(), redshift_err=galaxy.redshift_err)
    tree.attrs.update(as_attribute(galaxy.provenance or None))
    tree.attrs["results_version"] = RESULTS_VERSION
    tree.attrs["assumptions"] = "\n".join(galaxy.assumptions)
    tree.attrs.update({f"noise_scale_{name}": v for name, v in galaxy.noise_scale.items()})
    return tree


def _maps(galaxy: MeasuredGalaxy) -> xr.Dataset:
    plane, maps = ("y", "x"), galaxy.maps
    density = next(iter(galaxy.spectra.values())).units
    return xr.Dataset(
        {
            "velocity": (plane, maps.velocity_kms, {"units": "km/s"}),
            "sigma": (plane, maps.sigma_kms, {"units": "km/s"}),
            "halpha_flux": (plane, maps.halpha_flux, {"units": str(line_flux_unit(density))}),
            "halpha_snr": (plane, maps.halpha_snr, {"units": "1"}),
            "measured": (plane, maps.measured),
        },
        coords=_coordinates(galaxy),
    )


def _apertures(galaxy: MeasuredGalaxy, names: list[str]) -> xr.Dataset:
    return xr.Dataset(
        {
            "weight": (("aperture", "y", "x"), galaxy.weights, {"units": "1"}),
            "coverage": ("aperture", np.array(galaxy.coverage), {"units": "1"}),
            "inner": ("aperture", [a.inner_arcsec for a in galaxy.apertures], {"units": "arcsec"}),
            "outer": ("aperture", [a.outer_arcsec for a in galaxy.apertures], {"units": "arcsec"}),
        },
        coords={"aperture": names, **_coordinates(galaxy)},
    )


def _coordinates(galaxy: MeasuredGalaxy) -> dict[str, tuple[str, object, dict[str, str]]]:
    return {
        "y": ("y", galaxy.y_arcsec, {"units": "arcsec", "direction": "north"}),
        "x": ("x", galaxy.x_arcsec, {"units": "arcsec", "direction": "west"}),
    }


def _spectra(band: BandSpectra, apertures: list[str]) -> xr.Dataset:
    dims = ("aperture", "wavelength")
    wavelength = ("wavelength", band.wavelength_um, {"units": "um", "medium": "vacuum"})
    return xr.Dataset(
        {
            "flux": (dims, band.flux, {"units": band.units}),
            "variance": (dims, band.variance, {"units": _squared(band.units)}),
            "valid": (dims, band.valid),
            "model": (dims, band.model, {"units": band.units}),
        },
        coords={"aperture": apertures, "wavelength": wavelength},
    )


def _squared(unit: str) -> str:
    return str((u.Unit(unit) ** 2).to_string())


def write_results(galaxy: MeasuredGalaxy, directory: str | Path) -> None:
    """Write the tables of a galaxy as ECSV (see ``TABLES``), and its arrays as ``measurement.nc``.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        The measured galaxy.
    directory : str or Path
        The folder, made if it is not there.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(galaxy, directory)
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise OutputError(f"{directory}: cannot be written ({reason})") from error


def _write(galaxy: MeasuredGalaxy, directory: Path) -> None:
    for name in TABLES:
        write_table(
            Table(getattr(galaxy, name)),
            directory / f"{name}.ecsv",
            name=galaxy.metadata.name,
            redshift=galaxy.metadata.redshift,
            redshift_err=galaxy.redshift_err,
            provenance=dict(galaxy.provenance or provenance()),
            coverage=dict(zip([a.name for a in galaxy.apertures], galaxy.coverage, strict=True)),
        )
    _measurement_tree(galaxy).to_netcdf(directory / ARRAYS_FILE, engine="h5netcdf")
