"""A request to measure one galaxy: its cubes, and what is stated about them."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from experiments.measuring.settings import SETTINGS
from kurvs_pipeline.errors import ConfigurationError, FitError
from kurvs_pipeline.gas.classes import StellarMass
from kurvs_pipeline.io.files import checksum
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.io.images import read_star, read_velocity_map
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.observation import inputs_of
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.plots.summary_page import summary
from kurvs_pipeline.results.writing import write_results
from kurvs_pipeline.smearing.star import StarPsf, fit_star

logger = logging.getLogger(__name__)

NOT_ONE_STAR = ("crowded", "elongated")
"""Flags of images from which no seeing can be measured."""

MASS = {"log_stellar_mass": "log_solar", "log_stellar_mass_err": "err"}
"""Fields of the stellar mass by their names in options and catalogues."""

SEEING = {"seeing_fwhm_arcsec", "psf_moffat_beta"}
"""Metadata that a star provides."""

_CUBE_OPTIONS = tuple(option.name for option in fields(CubeOptions))


@dataclass(frozen=True)
class GalaxyRequest:
    """One galaxy to measure.

    Parameters
    ----------
    properties : mapping
        Fields of :class:`~kurvs_pipeline.observation.ObservationMetadata` that override
        headers.
    cube_options : mapping
        Fields of :class:`~kurvs_pipeline.io.fits.options.CubeOptions`.
    velocity_map : Path or None
        FITS image of velocities measured elsewhere.
    stellar_mass : mapping
        Fields of :class:`~kurvs_pipeline.gas.classes.StellarMass`.
    psf_star : Path or None
        FITS image or cube of a star of the same field, for the seeing.
    """

    cubes: tuple[Path, ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    cube_options: Mapping[str, Any] = field(default_factory=dict)
    velocity_map: Path | None = None
    stellar_mass: Mapping[str, float] = field(default_factory=dict)
    psf_star: Path | None = None

    @classmethod
    def of(cls, cubes: tuple[Path, ...], stated: Mapping[str, Any]) -> "GalaxyRequest":
        """Sort stated values, by field, into properties of the galaxy and options of its cubes.

        Raises
        ------
        ConfigurationError
            If the seeing is stated beside a star that gives it.
        """
        known = {name: value for name, value in stated.items() if value is not None}
        for name, value in known.items():
            if isinstance(value, float) and not math.isfinite(value):
                option = SETTINGS[name].option if name in SETTINGS else name
                raise ConfigurationError(
                    f"{option} is {value}; expected a number: leave out what is not known"
                )
        psf_star = known.pop("psf_star", None)
        if psf_star is not None and SEEING & set(known):
            raise ConfigurationError(
                f"the seeing is stated ({', '.join(sorted(SEEING & set(known)))}) beside the star "
                f"{psf_star} that gives it; expected one of them: leave out --seeing and "
                "--psf-beta, or --psf-star"
            )
        velocity_map = known.pop("velocity_map", None)
        cube_options = {name: known.pop(name) for name in _CUBE_OPTIONS if name in known}
        if "psf_moffat_beta" in known:
            known["psf_kind"] = "moffat"
        stellar_mass = {MASS[name]: known.pop(name) for name in MASS if name in known}
        return cls(cubes, known, cube_options, velocity_map, stellar_mass, psf_star)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All files that are read."""
        return self.cubes + tuple(p for p in (self.velocity_map, self.psf_star) if p is not None)

    def measure(self, pipeline: Pipeline) -> MeasuredGalaxy:
        """Read the cubes and measure the galaxy, to the same bits on any number of cores."""
        with threadpool_limits(limits=1):
            return self._measured(pipeline)

    def _measured(self, pipeline: Pipeline) -> MeasuredGalaxy:
        properties, star = dict(self.properties), self._star()
        if star is not None:
            properties |= star.metadata_fields
            pipeline = replace(pipeline, seeing=star.seeing)
        observation = read_observation(self.cubes, overrides=properties, **self.cube_options)
        notes = [observation.attrs.get("assumptions", ""), *self._notes(star)]
        observation.attrs["assumptions"] = "\n".join(filter(None, notes))
        beside = {str(path): checksum(path) for path in self.inputs if path not in self.cubes}
        observation.attrs["inputs_sha256"] = json.dumps({**inputs_of(observation), **beside})
        stellar_mass = StellarMass(**self.stellar_mass)
        velocity_kms = None
        if self.velocity_map is not None:
            velocity_kms = read_velocity_map(self.velocity_map, **self._verification)
        return pipeline.run(observation, velocity_kms=velocity_kms, stellar_mass=stellar_mass)

    @property
    def _verification(self) -> dict[str, bool]:
        """Whether checksums are verified, for files beside the cubes."""
        return {"verify_checksum": self.cube_options.get("verify_checksum", True)}

    def _notes(self, star: StarPsf | None) -> list[str]:
        """Say what files beside the cubes were used for."""
        notes = [] if star is None else [f"{self.psf_star}: {star}"]
        if self.velocity_map is not None:
            notes.append(f"{self.velocity_map}: velocities as given, not measured in the cube")
        return notes

    def _star(self) -> StarPsf | None:
        """Return the point-spread function of the star, if there is one."""
        if self.psf_star is None:
            return None
        try:
            star = fit_star(read_star(self.psf_star, **self._verification))
        except FitError as error:
            raise FitError(f"{self.psf_star}: {error}") from error
        if star.flag in NOT_ONE_STAR:
            raise FitError(
                f"{self.psf_star}: expected one star alone; found light beside it, or an image too "
                f"long for seeing: {star}; choose another star, or state --seeing"
            )
        if star.flag != "ok":
            logger.warning("%s: the star is %s", self.psf_star, star.flag.replace("_", " "))
        return star


def write_galaxy(galaxy: MeasuredGalaxy, directory: Path) -> None:
    """Write tables, ``measurement.nc`` and ``summary.png`` of a galaxy into an existing folder."""
    write_results(galaxy, directory)
    summary(galaxy).savefig(directory / "summary.png", dpi=150)
