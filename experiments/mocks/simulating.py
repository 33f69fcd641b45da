"""The work of ``kurvs simulate``: make one mock and write its cubes, truth and preview."""

import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import xarray as xr

from experiments.mocks.preview import preview
from experiments.runs.run import Run
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.io.fits.writing import write_eso, write_flux_err
from kurvs_pipeline.io.native import write_native
from kurvs_pipeline.io.survey.layout import field_at
from kurvs_pipeline.io.survey.writing import write_survey
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.observation import metadata_of
from kurvs_pipeline.provenance import as_attribute
from kurvs_sim import ExposureModel, Galaxy, SpaxelGrid, observe, survey_observation
from kurvs_sim.configuration.file import dump_mock, load_mock
from kurvs_sim.effects.effects import NO_EFFECTS
from kurvs_sim.expectation.errors import IntegratedExpectation
from kurvs_sim.observing import DEFAULT_GRID, DEFAULT_NUMERICS, DEFAULT_PSF, NOMINAL_HALPHA_SNR
from kurvs_sim.scene.scene import Scene
from kurvs_sim.survey.galaxies import kurvs_galaxy

DEFAULTS = {"grid": DEFAULT_GRID, "psf": DEFAULT_PSF, "numerics": DEFAULT_NUMERICS}
"""What a scene is made of beside a galaxy, in the order of its arguments."""


@dataclass(frozen=True)
class Mock:
    """A galaxy, and how to observe it: arguments of :func:`~kurvs_sim.observing.observe`."""

    galaxy: Galaxy
    options: dict[str, Any]

    @classmethod
    def chosen(cls, path: Path | None, kurvs_id: int | None, *, seed: int | None = None) -> Self:
        """Take the mock of a TOML file or of a galaxy of the survey, whichever is given.

        Raises
        ------
        ConfigurationError
            If neither or both are, the file cannot be understood, or there is no such galaxy.
        """
        if path is not None and kurvs_id is None:
            return cls.load(path, seed=seed)
        if kurvs_id is not None and path is None:
            return cls.of_survey(kurvs_id, seed=seed)
        found = "neither" if path is None else f"{path} and --kurvs-id {kurvs_id}"
        raise ConfigurationError(
            f"expected either a file such as examples/galaxy.toml or --kurvs-id N, found {found}"
        )

    @classmethod
    def load(cls, path: Path, *, seed: int | None = None) -> Self:
        """Read a TOML file; a seed given here overrides that of the file.

        Raises
        ------
        ConfigurationError
            If the file cannot be understood.
        """
        galaxy, options = load_mock(path)
        return cls(galaxy, options if seed is None else {**options, "seed": seed})

    @classmethod
    def of_survey(cls, kurvs_id: int, *, seed: int | None = None) -> Self:
        """Take a galaxy of the survey (1 to 44, without 37), in the survey's bands and noise.

        Raises
        ------
        ConfigurationError
            If there is no such galaxy.
        """
        options = survey_observation(kurvs_id)
        return cls(kurvs_galaxy(kurvs_id), options if seed is None else {**options, "seed": seed})

    def at_middle_of_spaxel(self) -> Self:
        """Move the galaxy by up to half a spaxel, to where the survey's layout has it."""
        grid = self.options.get("grid", SpaxelGrid())
        galaxy = replace(
            self.galaxy,
            offset_x_arcsec=_nearest_middle(self.galaxy.offset_x_arcsec, grid.n_x, grid),
            offset_y_arcsec=_nearest_middle(self.galaxy.offset_y_arcsec, grid.n_y, grid),
        )
        return replace(self, galaxy=galaxy)

    def observed(self, **options: object) -> Self:
        """Return the mock with some arguments of :func:`~kurvs_sim.observing.observe` replaced."""
        return replace(self, options={**self.options, **options})

    def with_halpha_snr(self, halpha_snr: float) -> Self:
        """Return the mock with noise that gives a ratio, in place of that of its exposures."""
        options = dict(self.options)
        if isinstance(options.get("noise"), ExposureModel):
            del options["noise"]
        return replace(self, options={**options, "halpha_snr": halpha_snr})

    @property
    def noise_in_words(self) -> str:
        """The signal-to-noise ratio of H-alpha, where it comes from, and the bands."""
        names = self.options.get("bands", tuple(KMOS_BANDS))
        observed_um = REST_WAVELENGTH_UM["halpha"] * (1.0 + self.galaxy.redshift)
        ranges = (KMOS_BANDS[name].usable_range_um for name in names)
        held = any(low < observed_um < high for low, high in ranges)
        without = "" if held else ", but H-alpha is in none of its bands"
        return f"{self.galaxy.name} in {', '.join(names)}: {self._snr_in_words}{without}"

    @property
    def _snr_in_words(self) -> str:
        stated = self.options.get("halpha_snr", NOMINAL_HALPHA_SNR)
        if stated is None:
            return "no noise"
        noise = self.options.get("noise")
        if not isinstance(noise, ExposureModel):
            source = "as asked for" if "halpha_snr" in self.options else "the default"
            return f"S/N of H-alpha {stated:g} in 1.5 effective radii, {source}"
        expected = self._expectation(noise)
        if not expected.usable("halpha"):
            return "S/N as its exposures give it"
        snr = expected.expected("halpha").calibrated_snr
        return f"S/N of H-alpha {snr:.1f} in 1.5 effective radii, expected of its exposures"

    def _expectation(self, exposures: ExposureModel) -> IntegratedExpectation:
        scene = Scene(
            self.galaxy, *(self.options.get(name, DEFAULTS[name]) for name in DEFAULTS)
        )  # fmt: skip
        effects = self.options.get("effects", NO_EFFECTS)
        return IntegratedExpectation(scene, exposures, effects.covariance)

    def as_toml(self) -> str:
        """Return the description that :meth:`load` reads the same mock from."""
        return dump_mock(self.galaxy, self.options)

    @property
    def seed(self) -> int:
        """Seed of the noise; 0 if neither the file nor the command line states one."""
        return int(self.options.get("seed", 0))

    @property
    def description(self) -> dict[str, object]:
        """Everything about the mock, by the keys of its TOML file, for the record of the run."""
        described = tomllib.loads(self.as_toml())
        return {**described["galaxy"], **described.get("observation", {})}


def _nearest_middle(offset_arcsec: float, n_spaxels: int, grid: SpaxelGrid) -> float:
    """Return the position of the spaxel that holds an offset from the middle of the field."""
    first = -0.5 * (n_spaxels - 1)
    return grid.spaxel_arcsec * (first + round(offset_arcsec / grid.spaxel_arcsec - first))


def _write_survey(observation: xr.DataTree, directory: Path, name: str) -> None:
    write_survey(observation, directory, field=field_at(observation.attrs["dec_deg"]), name=name)


WRITERS: dict[str, Callable[[xr.DataTree, Path, str], object]] = {
    "eso": write_eso,
    "flux-err": write_flux_err,
    "survey": _write_survey,
    "netcdf": lambda tree, directory, name: write_native(tree, directory / f"{name}.nc"),
    "zarr": lambda tree, directory, name: write_native(tree, directory / f"{name}.zarr"),
}
"""Functions that write each layout into a folder, under a name."""


def run_simulate(
    mock: Mock,
    *,
    layout: str,
    run: Run,
    progress: Callable[[str, int], AbstractContextManager[Callable[[int], None]]],
) -> None:
    """Simulate a mock; write cubes, ``truth.nc`` and ``preview.png``.

    Parameters
    ----------
    progress : callable
        Makes a progress bar from a description and a total.

    Raises
    ------
    CoverageError
        If the galaxy lies outside the field, or H-alpha outside every band.
    MetadataError
        If the layout has no room for the mock.
    OutputError
        If results cannot be written.
    """
    with progress("simulating and writing", 3) as advance:
        observation = observe(mock.galaxy, **mock.options)
        advance(1)
        with run.writing() as directory:
            WRITERS[layout](observation, directory, mock.galaxy.name)
            truth_of(observation).to_netcdf(directory / "truth.nc", engine="h5netcdf")
            advance(1)
            preview(observation).savefig(directory / "preview.png")
            advance(1)


def truth_of(observation: xr.DataTree) -> xr.Dataset:
    """Return a mock's truth together with what the pipeline may know of the galaxy."""
    attributes = {**metadata_of(observation).to_attrs(), **as_attribute()}
    return observation["truth"].to_dataset().assign_attrs(attributes)
