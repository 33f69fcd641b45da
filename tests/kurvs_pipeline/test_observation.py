"""What an Observation may say of its galaxy and hold in its bands, and what is refused."""

import math

import numpy as np
import pytest

from kurvs_pipeline.errors import MetadataError
from kurvs_pipeline.observation import (
    ObservationMetadata,
    band_dataset,
    make_observation,
    metadata_of,
    validate,
)


def observation():
    """Return a small Observation of one band."""
    shape = (5, 3, 4)
    band = band_dataset(
        flux=np.ones(shape), variance=np.ones(shape), mask=np.zeros(shape, bool),
        wavelength_um=np.linspace(1.5, 1.6, 5), x_arcsec=np.arange(4.0), y_arcsec=np.arange(3.0),
        lsf_sigma_um=np.full(5, 1e-4),
    )  # fmt: skip
    return make_observation({"H": band}, ObservationMetadata(redshift=1.5))


@pytest.mark.parametrize("seeing", [0.0, 0.05, 0.6, 5.0, math.nan])
def test_seeing_is_none_or_unknown_or_that_of_telescopes(seeing):
    found = ObservationMetadata(seeing_fwhm_arcsec=seeing).seeing_fwhm_arcsec
    assert found == pytest.approx(seeing, nan_ok=True)


@pytest.mark.parametrize("seeing", [-0.6, 1e-9, 0.01, 0.049, 5.1, 1e9, math.inf])
def test_seeing_that_no_telescope_has_is_refused(seeing):
    with pytest.raises(MetadataError, match=r"seeing_fwhm_arcsec is .* 0 for none, or 0\.05 to 5"):
        ObservationMetadata(seeing_fwhm_arcsec=seeing)


@pytest.mark.parametrize("radius", [-1.0, 0.0, 1e-9, 0.009, 1e300, math.inf])
def test_a_radius_that_no_galaxy_has_is_refused(radius):
    with pytest.raises(
        MetadataError, match=r"effective_radius_arcsec is .* value from 0\.01 to 100"
    ):
        ObservationMetadata(effective_radius_arcsec=radius)


@pytest.mark.parametrize("error", [-1.0, 91.0, 1e9, math.nan])
def test_an_error_beyond_all_inclinations_is_refused(error):
    with pytest.raises(MetadataError, match=r"inclination_err_deg is .* degrees from 0 to 90"):
        ObservationMetadata(inclination_err_deg=error)


def test_a_position_angle_without_end_is_refused():
    with pytest.raises(MetadataError, match="position_angle_deg is inf; expected degrees"):
        ObservationMetadata(position_angle_deg=math.inf)


@pytest.mark.parametrize("found", ["x", None, [1.5, 1.6]])
def test_an_attribute_of_another_type_is_named(found):
    tree = observation()
    tree.attrs["redshift"] = found
    with pytest.raises(MetadataError, match=r"redshift is .*; expected a number: correct"):
        metadata_of(tree)


def test_variances_that_are_all_negative_are_refused():
    tree = observation()
    tree["H"]["variance"] = -tree["H"]["variance"]
    with pytest.raises(MetadataError, match="H: every variance is negative; expected values >= 0"):
        validate(tree)


def test_some_negative_variances_are_left_to_the_calibration():
    tree = observation()
    tree["H"]["variance"][0, 0, 0] = -1.0
    validate(tree)


@pytest.mark.parametrize("width_um", [0.0, -1e-4, math.nan, math.inf])
def test_a_line_spread_function_without_width_is_refused(width_um):
    tree = observation()
    tree["H"]["lsf_sigma"][2] = width_um
    with pytest.raises(
        MetadataError, match=r"H: lsf_sigma is .* um in 1 channels; expected finite"
    ):
        validate(tree)


@pytest.mark.parametrize("places", [[math.nan] * 4, [0.0] * 4, [0.0, 2.0, 1.0, 3.0]])
def test_spaxels_without_places_are_refused(places):
    tree = observation()
    tree["H"] = tree["H"].to_dataset().assign_coords(x=places)
    with pytest.raises(MetadataError, match="H: 'x' must hold the places of two or more spaxels"):
        validate(tree)
