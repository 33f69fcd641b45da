"""Read the results of a galaxy from the folder that ``kurvs measure`` wrote."""

import json
from pathlib import Path

import xarray as xr
from astropy.table import MaskedColumn, QTable

from kurvs_pipeline.binning import Aperture
from kurvs_pipeline.errors import CubeFormatError, ResultsError
from kurvs_pipeline.io.files import LARGEST_TEXT_BYTES, regular_file
from kurvs_pipeline.kinematics.velocity_map import KinematicMaps
from kurvs_pipeline.measured_galaxy import BandSpectra, MeasuredGalaxy
from kurvs_pipeline.observation import metadata_of
from kurvs_pipeline.results.writing import ARRAYS_FILE, RESULTS_VERSION, TABLES

_AGAIN = "measure the galaxy again with kurvs measure"
_NOISE_SCALE = "noise_scale_"


def read_results(directory: str | Path) -> MeasuredGalaxy:
    """Read the results of one galaxy.

    Parameters
    ----------
    directory : str or Path
        A folder that ``kurvs measure`` or
        :func:`~kurvs_pipeline.results.writing.write_results` wrote.

    Raises
    ------
    ResultsError
        If the folder holds no results, is incomplete, cannot be understood or was written by
        another version.
    """
    directory = Path(directory)
    _check_files(directory)
    tables = {name: read_result_table(directory / f"{name}.ecsv") for name in TABLES}
    path = directory / ARRAYS_FILE
    try:
        regular_file(path, "a netCDF file")
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            _check_version(tree, path)
            return _results(tree.load(), tables)
    except (CubeFormatError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _not_understood(path, error) from error


def _check_files(directory: Path) -> None:
    """Refuse a folder without results, or with incomplete ones."""
    if not directory.is_dir():
        what = "a file" if directory.exists() else "nothing there"
        raise ResultsError(f"{directory}: expected a folder written by kurvs measure, found {what}")
    expected = [ARRAYS_FILE, *(f"{name}.ecsv" for name in TABLES)]
    missing = [name for name in expected if not (directory / name).is_file()]
    if len(missing) == len(expected):
        raise ResultsError(
            f"{directory}: holds no results; expected a folder written by kurvs measure, with "
            f"{', '.join(expected)}"
        )
    if missing:
        raise ResultsError(f"{directory}: results are incomplete, without {', '.join(missing)}: "
                           f"{_AGAIN}")  # fmt: skip


def _check_version(tree: xr.DataTree, path: Path) -> None:
    found = tree.attrs.get("results_version")
    if found != RESULTS_VERSION:
        stated = "none" if found is None else f"{found}"
        raise ResultsError(
            f"{path}: expected results of version {RESULTS_VERSION}, found {stated}: {_AGAIN}"
        )


def read_result_table(path: str | Path) -> QTable:
    """Read one table of the results of a galaxy.

    Parameters
    ----------
    path : str or Path
        File of the table, such as ``fluxes.ecsv``.

    Raises
    ------
    ResultsError
        If the file cannot be read as such a table.
    """
    path = Path(path)
    try:
        regular_file(path, "an ECSV table", largest_bytes=LARGEST_TEXT_BYTES)
        table = QTable.read(path, format="ascii.ecsv")
    except (CubeFormatError, OSError, ValueError, TypeError, KeyError) as error:
        raise _not_understood(path, error) from error
    # ECSV does not tell empty text from missing text.
    for name in table.colnames:
        if isinstance(table[name], MaskedColumn) and table[name].dtype.kind == "U":
            table[name] = table[name].filled("")
    return table


def _not_understood(path: Path, error: Exception) -> ResultsError:
    reason = str(error).partition("\n")[0] or type(error).__name__
    return ResultsError(f"{path}: cannot be read as results ({reason}): {_AGAIN}")


def _results(tree: xr.DataTree, tables: dict[str, QTable]) -> MeasuredGalaxy:
    apertures = tree["apertures"].to_dataset()
    # The table keeps the order of the bands, which netCDF does not promise.
    bands = list(dict.fromkeys(map(str, tables["fluxes"]["band"])))
    return MeasuredGalaxy(
        metadata=metadata_of(tree),
        redshift_err=float(tree.attrs["redshift_err"]),
        **tables,
        apertures=tuple(
            Aperture(str(name), float(inner), float(outer))
            for name, inner, outer in zip(
                apertures["aperture"].to_numpy(), apertures["inner"], apertures["outer"],
                strict=True,
            )
        ),
        coverage=tuple(apertures["coverage"].to_numpy().tolist()),
        weights=apertures["weight"].to_numpy(),
        x_arcsec=apertures["x"].to_numpy(),
        y_arcsec=apertures["y"].to_numpy(),
        maps=_maps(tree["maps"].to_dataset()),
        spectra={name: _spectra(tree[name].to_dataset()) for name in bands},
        assumptions=tuple(str(tree.attrs.get("assumptions", "")).splitlines()),
        provenance=json.loads(str(tree.attrs.get("provenance", "{}"))),
        noise_scale={
            name: float(tree.attrs[f"{_NOISE_SCALE}{name}"]) for name in bands
        },
    )  # fmt: skip


def _maps(maps: xr.Dataset) -> KinematicMaps:
    return KinematicMaps(
        velocity_kms=maps["velocity"].to_numpy(),
        sigma_kms=maps["sigma"].to_numpy(),
        halpha_flux=maps["halpha_flux"].to_numpy(),
        halpha_snr=maps["halpha_snr"].to_numpy(),
        measured=maps["measured"].to_numpy().astype(bool),
    )


def _spectra(band: xr.Dataset) -> BandSpectra:
    return BandSpectra(
        wavelength_um=band["wavelength"].to_numpy(),
        flux=band["flux"].to_numpy(),
        variance=band["variance"].to_numpy(),
        valid=band["valid"].to_numpy().astype(bool),
        model=band["model"].to_numpy(),
        units=str(band["flux"].attrs["units"]),
    )
