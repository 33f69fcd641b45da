"""Everything that the page shows, as arrays: a pure function of the sliders."""

from dataclasses import dataclass

import numpy as np

from experiments.demo.model.measurement import DemoMeasurement
from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.sky import BAND, REDSHIFT, DemoSky
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.binning import annuli_among
from kurvs_pipeline.geometry import axis_ratio
from kurvs_pipeline.lines import REST_WAVELENGTH_UM

SHOWN_RADIUS_KPC = np.linspace(0.0, 13.0, 27)
OUTLINE_ANGLES = np.linspace(0.0, 2.0 * np.pi, 73)
KINEMATIC_FAINTEST = 0.01
"""Velocities are shown where H-alpha is brighter than this fraction of its peak."""


@dataclass(frozen=True, eq=False)
class SkyMaps:
    """H-alpha, log [N II] / H-alpha and velocity of every spaxel.

    Parameters
    ----------
    halpha : array, shape (n_y, n_x)
        1e-16 erg/s/cm2/arcsec2.
    log_n2 : array, shape (n_y, n_x)
        NaN where a line is not seen.
    velocity_kms : array, shape (n_y, n_x)
        NaN where H-alpha is faint.
    """

    halpha: Array
    log_n2: Array
    velocity_kms: Array


@dataclass(frozen=True, eq=False)
class AnnularSpectra:
    """Spectra of the annuli, each over the peak of its own H-alpha.

    Parameters
    ----------
    velocity_kms : array, shape (n_channels,)
        From H-alpha.
    flux, sigma, fit : array, shape (n_annuli, n_channels)
        With noise, its standard deviation, and the fit; NaN where there is none.
    """

    velocity_kms: Array
    flux: Array
    sigma: Array
    fit: Array


@dataclass(frozen=True, eq=False)
class RadialProfiles:
    """12 + log(O/H) against radius.

    Parameters
    ----------
    radius_kpc, truth, slope, slope_fgrad : array, shape (n_radii,)
        Lines; NaN where an estimator has none.
    forward : array, shape (3, n_radii)
        Lower edge, best, upper edge.
    annulus_kpc, abundance, abundance_err, limit : array, shape (n_annuli,)
        Points; NaN where not detected.
    """

    radius_kpc: Array
    truth: Array
    slope: Array
    slope_fgrad: Array
    forward: Array
    annulus_kpc: Array
    abundance: Array
    abundance_err: Array
    limit: Array


@dataclass(frozen=True)
class Gradients:
    """Gradients in dex/kpc, each with low and high end of its error; NaN where there is none.

    Parameters
    ----------
    truth : float
        What went in.
    slope, slope_fgrad, forward : tuple of float
        Low, best and high.
    f_grad : float
        Correction that the pipeline applies.
    forward_flag : str
        What the forward fit says of itself.
    """

    truth: float
    slope: tuple[float, float, float]
    slope_fgrad: tuple[float, float, float]
    forward: tuple[float, float, float]
    f_grad: float
    forward_flag: str


@dataclass(frozen=True, eq=False)
class DemoState:
    """What the page shows.

    Parameters
    ----------
    parameters : DemoParameters
        The sliders.
    intrinsic, observed : SkyMaps
        Before the seeing, and as measured spaxel by spaxel.
    outlines_arcsec : tuple of array, each of shape (2, n_points)
        West and North of the outer edge of every annulus.
    annulus_names : tuple of str
        Outwards.
    spectra : AnnularSpectra
        Of every annulus, shifted to rest, with their fits.
    profiles : RadialProfiles
        12 + log(O/H) against radius in kpc.
    gradients : Gradients
        Of every estimator, dex/kpc.
    """

    parameters: DemoParameters
    intrinsic: SkyMaps
    observed: SkyMaps
    outlines_arcsec: tuple[Array, ...]
    annulus_names: tuple[str, ...]
    spectra: AnnularSpectra
    profiles: RadialProfiles
    gradients: Gradients


def demo_state(parameters: DemoParameters) -> DemoState:
    """Simulate and measure the galaxy of the sliders.

    Parameters
    ----------
    parameters : DemoParameters
        The sliders.

    Returns
    -------
    DemoState
        The same for the same parameters, whoever asks.
    """
    sky = DemoSky(parameters)
    measured = DemoMeasurement(sky)
    gradients = _gradients(measured)
    return DemoState(
        parameters=parameters,
        intrinsic=intrinsic_maps(sky),
        observed=_observed_maps(measured),
        outlines_arcsec=_outlines(measured),
        annulus_names=measured.geometry.annuli.names,
        spectra=_spectra(measured),
        profiles=_profiles(measured, gradients),
        gradients=gradients,
    )


def intrinsic_maps(sky: DemoSky) -> SkyMaps:
    """Return the maps before the seeing.

    Parameters
    ----------
    sky : DemoSky
        The galaxy.
    """
    scene = sky.scene
    halpha, nii = scene.line_maps["halpha"], scene.line_maps["nii_6584"]
    velocity = np.where(_bright(halpha), scene.velocity_map_kms, np.nan)
    per_arcsec2 = scene.grid.spaxel_arcsec**-2
    return SkyMaps(halpha * per_arcsec2, np.log10(nii / halpha), velocity)


def _observed_maps(measured: DemoMeasurement) -> SkyMaps:
    sky = measured.sky
    shape = sky.cube.shape[1:]
    fits = measured.spaxel_fits
    halpha = fits.flux[:, fits.names.index("halpha")].reshape(shape)
    bright = _bright(sky.scene.smeared_line_maps["halpha"])
    velocity = np.where(bright, sky.smeared_velocity_kms, np.nan)
    return SkyMaps(halpha * sky.scene.grid.spaxel_arcsec**-2, measured.log_n2_map, velocity)


def _bright(halpha: Array) -> BoolArray:
    return np.asarray(halpha > KINEMATIC_FAINTEST * halpha.max())


def _outlines(measured: DemoMeasurement) -> tuple[Array, ...]:
    """Return the ellipses; the major axis lies along x."""
    ratio = axis_ratio(measured.sky.parameters.inclination_deg, 0.0)
    unit = np.stack([np.cos(OUTLINE_ANGLES), ratio * np.sin(OUTLINE_ANGLES)])
    return tuple(annulus.outer_arcsec * unit for annulus in measured.geometry.annuli.apertures)


def _spectra(measured: DemoMeasurement) -> AnnularSpectra:
    annuli = annuli_among(measured.geometry.apertures.names)
    spectra, fit = measured.spectra.at(annuli), measured.fits.model_spectra()[annuli]
    flux, sigma = spectra.flux, np.sqrt(spectra.variance)
    fitted = np.where(np.isfinite(fit), fit, 0.0).max(axis=1)
    peak = np.where(fitted > 0.0, fitted, flux.max(axis=1))[:, None]
    halpha_um = REST_WAVELENGTH_UM["halpha"] * (1.0 + REDSHIFT)
    velocity = (BAND.wavelength_um / halpha_um - 1.0) * SPEED_OF_LIGHT_KMS
    return AnnularSpectra(velocity, flux / peak, sigma / peak, fit / peak)


def _gradients(measured: DemoMeasurement) -> Gradients:
    slope, factor = measured.slope, measured.f_grad
    ends = slope.gradient + slope.gradient_err * np.array([-1.0, 0.0, 1.0])
    corrected = np.sort(factor * ends)
    low, best, high = measured.forward.gradient
    return Gradients(
        truth=measured.sky.parameters.gradient,
        slope=(float(ends[0]), float(ends[1]), float(ends[2])),
        slope_fgrad=(float(corrected[0]), float(corrected[1]), float(corrected[2])),
        forward=(float(low), float(best), float(high)),
        f_grad=factor,
        forward_flag=measured.forward.flag,
    )


def _profiles(measured: DemoMeasurement, gradients: Gradients) -> RadialProfiles:
    radius, found = SHOWN_RADIUS_KPC, measured.abundances
    middle_kpc, middle = _middle(measured)
    return RadialProfiles(
        radius_kpc=radius,
        truth=measured.sky.scene.galaxy.oxygen_abundance(radius),
        slope=middle + gradients.slope[1] * (radius - middle_kpc),
        slope_fgrad=middle + gradients.slope_fgrad[1] * (radius - middle_kpc),
        forward=measured.forward.at(radius),
        annulus_kpc=measured.geometry.radius_kpc,
        abundance=found.value,
        abundance_err=found.error,
        limit=found.limit,
    )


def _middle(measured: DemoMeasurement) -> tuple[float, float]:
    """Return the weighted middle of the points, which every line through them goes through."""
    found = measured.abundances
    seen = np.isfinite(found.value)
    if not seen.any():
        return float("nan"), float("nan")
    weight = found.error[seen] ** -2
    return (
        float(np.average(measured.geometry.radius_kpc[seen], weights=weight)),
        float(np.average(found.value[seen], weights=weight)),
    )
