"""Quantities for plain numbers with their unit in the name."""

import inspect

import numpy as np
import pytest
from astropy import units as u

from kurvs_pipeline import Pipeline
from kurvs_pipeline.arguments import takes_quantities, unit_in
from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.gas.attenuation import AssumedAttenuation
from kurvs_pipeline.io.fits.options import CubeOptions
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.seeing import SeeingKnowledge


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("seeing_fwhm_arcsec", u.arcsec),
        ("velocity_kms", u.km / u.s),
        ("within_kms_of_lines", u.km / u.s),
        ("gradient_dex_per_kpc", u.dex / u.kpc),
        ("kpc_per_arcsec", u.kpc / u.arcsec),
        ("electron_density_cm3", u.cm**-3),
        ("halpha_absorption_angstrom", u.AA),
        ("exposure_hours_h", u.hour),
        ("pixels_per_scale_length", u.dimensionless_unscaled),
        ("redshift", u.dimensionless_unscaled),
    ],
)
def test_the_unit_is_that_of_the_name(name, unit):
    assert unit_in(name) == unit


@pytest.mark.parametrize(
    ("cls", "given", "plain"),
    [
        (ObservationMetadata, {"inclination_deg": 0.8 * u.rad}, np.degrees(0.8)),
        (ObservationMetadata, {"effective_radius_arcsec": 500.0 * u.mas}, 0.5),
        (CubeOptions, {"wavelength_start_um": 14_000.0 * u.AA}, 1.4),
        (SeeingKnowledge, {"fwhm_arcsec": 600.0 * u.mas}, 0.6),
        (BalmerAbsorption, {"halpha_angstrom": 0.2 * u.nm, "hbeta_angstrom": 2.0}, 2.0),
        (AssumedAttenuation, {"a_v": 0.4 * u.mag, "a_v_err": 0.1 * u.mag}, 0.4),
    ],
)
def test_quantities_are_converted(cls, given, plain):
    assert getattr(cls(**given), next(iter(given))) == pytest.approx(plain)


def test_a_unit_that_cannot_be_meant_names_the_parameter():
    with pytest.raises(MetadataError, match=r"^effective_radius_arcsec is 3\.0 kpc; expected"):
        ObservationMetadata(effective_radius_arcsec=3.0 * u.kpc)


def test_the_signature_stays_that_of_the_function():
    @takes_quantities
    def distance_of(radius_kpc: float, *, scale: float = 1.0) -> float:
        return radius_kpc * scale

    assert list(inspect.signature(distance_of).parameters) == ["radius_kpc", "scale"]
    assert distance_of(2000.0 * u.pc, scale=2.0) == pytest.approx(4.0)
    assert "velocity_kms" in inspect.signature(Pipeline.run).parameters


def test_masked_places_of_an_array_are_no_data():
    @takes_quantities
    def total_of(pixels: tuple[tuple[float, ...], ...]) -> float:
        return float(np.sum(pixels))

    assert np.isnan(total_of(np.ma.array([[1.0, 2.0]], mask=[[False, True]])))
