"""Observe a galaxy: from its description to cubes with noise, variance and truth."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from astropy.io import fits

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import BoolArray, Cube
from kurvs_pipeline.bands import KMOS_BANDS, Band
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.observation import ObservationMetadata, band_dataset, make_observation
from kurvs_pipeline.provenance import as_attribute, software_version
from kurvs_sim.atmosphere.composite_seeing import ExposureSequence
from kurvs_sim.atmosphere.seeing import PointSpreadFunction, Seeing
from kurvs_sim.band_cube import BandCube
from kurvs_sim.channels import near_lines
from kurvs_sim.effects.effects import NO_EFFECTS, Effects
from kurvs_sim.every_exposure import mean_of_exposures
from kurvs_sim.expectation.signal_to_noise import HalphaExpectation
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.instrument.exposures import ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.instrument.noise_level import NoiseLevel, ScaledNoise, StackNoise
from kurvs_sim.instrument.spaxels import NoiseModel, SpaxelGrid
from kurvs_sim.numerics import Numerics
from kurvs_sim.scene.scene import Scene
from kurvs_sim.scene.truth import truth_dataset
from kurvs_sim.survey.catalogue import catalogue_entry
from kurvs_sim.validation import LARGEST_SEED

NOMINAL_HALPHA_SNR = 54.0
"""Median of the survey: the variance that is attached where no noise is drawn."""

HIGHEST_HALPHA_SNR = 1e6
LOWEST_HALPHA_SNR = 1e-3
"""Largest and smallest ratio that can be asked for."""

MOST_VOXELS = 300_000_000
"""In all bands of a mock together, which has 5 million by default: 2.7 GB to keep, 6 GB on the way,
and 10 GB if all are in one band that has every effect. Exposure by exposure, which holds all bands
at once, a third of it."""

DEFAULT_GRID = SpaxelGrid()
DEFAULT_PSF = PointSpreadFunction()
DEFAULT_NOISE = NoiseModel()
DEFAULT_NUMERICS = Numerics()


@takes_quantities
def observe(
    galaxy: Galaxy,
    *,
    bands: Sequence[str] = ("IZ", "YJ", "H"),
    grid: SpaxelGrid = DEFAULT_GRID,
    psf: Seeing = DEFAULT_PSF,
    halpha_snr: float | None = NOMINAL_HALPHA_SNR,
    seed: int = 0,
    noise: NoiseModel | ExposureModel = DEFAULT_NOISE,
    numerics: Numerics = DEFAULT_NUMERICS,
    effects: Effects = NO_EFFECTS,
    within_kms_of_lines: float | None = None,
    every_exposure: bool = False,
) -> xr.DataTree:
    """Simulate the cubes of a galaxy.

    Parameters
    ----------
    galaxy : Galaxy
        Galaxy in the sky.
    bands : sequence of str
        Any of ``IZ``, ``YJ``, ``H``. A band's cube does not depend on which others are made.
    grid : SpaxelGrid
        The spaxels.
    psf : Seeing
        The seeing: a PointSpreadFunction, an ElongatedSeeing, a CompositeSeeing, an
        ExposureSequence or a StarImage.
    halpha_snr : float or None
        Expected signal-to-noise ratio of H-alpha in the ellipse of 1.5 effective radii: flux
        over its error in a least-squares fit of H-alpha and [N II], with shared velocity and
        width and a flat continuum, to the co-added spectrum of spaxels shifted to rest, in the
        airglow of these very channels. None draws no noise, and attaches the variance that
        belongs to a ratio of 54 so that fits still have weights. Exposures set the ratio by
        themselves: with them, leave the default to draw noise, or give None.
    seed : int
        Seed of the noise, >= 0; the same seed gives the same cubes.
    noise : NoiseModel or ExposureModel
        Exposure times and detector: which channels are noisy, on the scale that gives the
        ratio asked for; or the photons and electrons of every exposure, as they are.
    numerics : Numerics
        Choices of accuracy against speed.
    effects : Effects
        Everything that bends a measurement beyond seeing and noise that is independent from voxel
        to voxel; nothing by default.
    within_kms_of_lines : float or None
        Keep of each band only the channels from so far before its first line to so far after
        its last, lines being those of ``REST_WAVELENGTH_UM`` in the band's usable range. A band
        without any is left out. This saves time and memory; 3000 is enough for the pipeline, or
        10 000 where effects leave residuals of sky lines, of which it must see many, and
        less than 1000 leaves it no channels free of lines. None keeps all channels. Galaxy, sky
        residuals, variance and mask are the same voxel for voxel as in the whole band. Noise and
        cosmic rays are drawn for these channels alone: as strong and as correlated as in the
        whole band, but not the same numbers in the same channels.
    every_exposure : bool
        Simulate each exposure by itself, with a seeing, effects and noise of its own, and average
        them, in place of one cube behind their average seeing: as slow as that many mocks. The
        seeing must be an ExposureSequence, or a round profile, which becomes the median of one.
        Each exposure has an equal share of the noise level. Effects are those of a single
        exposure: what is random in them averages out, and dithers are taken in turn.

    Returns
    -------
    xarray.DataTree
        An Observation (:mod:`kurvs_pipeline.observation`) with ``/truth``
        (:func:`kurvs_sim.scene.truth.truth_dataset`).

    Raises
    ------
    ConfigurationError
        If a band, the signal-to-noise ratio, the seed or the distance from lines is not usable,
        or the mock would have more than 300 million voxels, or the ratio is asked for where
        exposures set it, or the seeing is not one of which every exposure can be simulated.
    MetadataError
        If an argument is of another class or unit, or the sky has too many fine pixels.
    CoverageError
        If H-alpha falls outside every band, the galaxy outside the field, or all lines outside
        the bands of which only channels near lines are asked for.
    """
    _check_options(bands, halpha_snr, seed)
    sequence = _sequence(psf) if every_exposure else None
    psf = sequence or psf
    scene = Scene(galaxy, grid, psf, numerics)
    level = _noise_level(scene, noise, effects, halpha_snr)
    observed = [band for name, band in KMOS_BANDS.items() if name in bands]
    if within_kms_of_lines is not None:
        observed = near_lines(observed, galaxy.redshift, within_kms_of_lines)
    _check_size(observed, grid, every_exposure=every_exposure)
    # A generator: only one band is worked on, and in memory, at a time.
    cubes = (
        BandCube(scene, band, effects, seed, level, halpha_snr is not None) for band in observed
    )
    if sequence is None:
        datasets = {cube.band.name: _band_dataset(cube, *cube.voxels()) for cube in cubes}
    else:
        means = mean_of_exposures(list(cubes), sequence)
        datasets = {cube.band.name: _band_dataset(cube, *voxels) for cube, voxels in means}
    metadata = metadata_of_mock(galaxy, psf, seed if halpha_snr is not None else -1)
    observation = make_observation(datasets, metadata, truth_dataset(scene))
    observation.attrs.update(as_attribute())
    return observation


def survey_observation(kurvs_id: int) -> dict[str, Any]:
    """Return how the survey observed one of its galaxies.

    Parameters
    ----------
    kurvs_id : int
        1 to 44, without 37.

    Returns
    -------
    dict
        Arguments of :func:`observe`: the ``bands`` of which the survey has cubes, the ``noise`` of
        its exposures, and the ``effects`` with the covariance that reconstruction leaves.

    Raises
    ------
    ConfigurationError
        If there is no galaxy of this number.
    """
    return {
        "bands": catalogue_entry(kurvs_id).bands,
        "noise": ExposureModel(),
        "effects": Effects(covariance=NoiseCovariance()),
    }


def _check_options(bands: Sequence[str], halpha_snr: float | None, seed: int) -> None:
    named = isinstance(bands, Iterable) and not isinstance(bands, str)
    if not named or not bands or not all(name in KMOS_BANDS for name in bands):
        raise ConfigurationError(f"bands is {bands!r}; expected some of {list(KMOS_BANDS)}")
    if halpha_snr is not None and not LOWEST_HALPHA_SNR <= halpha_snr <= HIGHEST_HALPHA_SNR:
        raise ConfigurationError(
            f"halpha_snr is {halpha_snr}; expected a number from {LOWEST_HALPHA_SNR:g} to "
            f"{HIGHEST_HALPHA_SNR:g}, or none for no noise"
        )
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed <= LARGEST_SEED:
        raise ConfigurationError(
            f"seed is {seed}; expected an integer >= 0, at most {LARGEST_SEED}, which files hold"
        )


def _check_size(bands: Sequence[Band], grid: SpaxelGrid, *, every_exposure: bool) -> None:
    number = sum(band.n_channels for band in bands) * grid.n_x * grid.n_y
    most = MOST_VOXELS // 3 if every_exposure else MOST_VOXELS
    if number > most:
        raise ConfigurationError(
            f"{grid.n_x} x {grid.n_y} spaxels in {', '.join(band.name for band in bands)} are "
            f"{number:,} voxels; expected at most {most:,}: ask for fewer bands or spaxels, or for "
            "channels within_kms_of_lines alone"
        )


def _noise_level(
    scene: Scene,
    noise: NoiseModel | ExposureModel,
    effects: Effects,
    halpha_snr: float | None,
) -> NoiseLevel:
    if isinstance(noise, ExposureModel):
        if halpha_snr not in {None, NOMINAL_HALPHA_SNR}:
            raise ConfigurationError(
                f"halpha_snr is {halpha_snr}, but the exposures set the signal-to-noise ratio; "
                "leave halpha_snr out, or give a NoiseModel"
            )
        return StackNoise(noise, effects.covariance)
    expectation = HalphaExpectation(scene, noise, effects.covariance)
    return ScaledNoise(noise, expectation.variance_scale(halpha_snr or NOMINAL_HALPHA_SNR))


def _sequence(psf: Seeing) -> ExposureSequence:
    if isinstance(psf, ExposureSequence):
        return psf
    if isinstance(psf, PointSpreadFunction):
        return ExposureSequence(median=psf)
    raise ConfigurationError(
        f"every_exposure is on and psf is of type {type(psf).__name__}, which is that of a stack; "
        'expected a round profile (in TOML, kind = "gaussian", "moffat" or "kolmogorov"), the '
        'median of the exposures, or an ExposureSequence (kind = "exposure_sequence")'
    )


def _band_dataset(cube: BandCube, flux: Cube, variance: Cube, mask: BoolArray) -> xr.Dataset:
    scene, band = cube.scene, cube.band
    return band_dataset(
        flux=flux,
        variance=variance,
        mask=mask,
        wavelength_um=band.wavelength_um,
        x_arcsec=scene.x_arcsec,
        y_arcsec=scene.y_arcsec,
        lsf_sigma_um=cube.lsf_sigma_um,
        wcs_header=_wcs_header(scene, band).tostring(sep="\n", endcard=False, padding=False),
    )


def _wcs_header(scene: Scene, band: Band) -> fits.Header:
    """Return the world coordinates, with the galaxy as the reference point."""
    spaxel_arcsec = scene.grid.spaxel_arcsec
    header = fits.Header()
    for axis, (kind, unit, reference, value, step) in enumerate(
        (
            ("RA---TAN", "deg", 1.0 - scene.x_arcsec[0] / spaxel_arcsec, scene.galaxy.ra_deg,
             -spaxel_arcsec / 3600.0),
            ("DEC--TAN", "deg", 1.0 - scene.y_arcsec[0] / spaxel_arcsec, scene.galaxy.dec_deg,
             spaxel_arcsec / 3600.0),
            ("WAVE", "um", 1.0, float(band.wavelength_um[0]), band.channel_width_um),
        ),
        start=1,
    ):  # fmt: skip
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = kind, unit
        header[f"CRPIX{axis}"], header[f"CRVAL{axis}"] = float(reference), value
        header[f"CD{axis}_{axis}"] = step
    header["RADESYS"] = "ICRS"
    return header


def metadata_of_mock(galaxy: Galaxy, seeing: Seeing, seed: int) -> ObservationMetadata:
    """Return what the headers of a mock state; a seed of -1 says that no noise was drawn."""
    psf = seeing.nominal
    kind = "gaussian" if psf.is_gaussian else psf.kind
    return ObservationMetadata(
        name=galaxy.name,
        redshift=galaxy.redshift,
        ra_deg=galaxy.ra_deg,
        dec_deg=galaxy.dec_deg,
        inclination_deg=galaxy.inclination_deg,
        position_angle_deg=galaxy.position_angle_deg,
        effective_radius_arcsec=galaxy.effective_radius_arcsec,
        disk_thickness=galaxy.disk_thickness,
        seeing_fwhm_arcsec=psf.fwhm_arcsec,
        psf_kind=kind,
        psf_moffat_beta=psf.moffat_beta if kind == "moffat" else float("nan"),
        psf_origin=seeing.origin,
        origin="mock",
        software_version=software_version(),
        seed=seed,
    )
