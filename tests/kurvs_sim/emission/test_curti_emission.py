"""The second emission model, from one set of galaxies with measured temperatures."""

import numpy as np
import pytest

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.abundances.polynomials import CURTI20_R23
from kurvs_pipeline.errors import MetadataError
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.configuration.file import dump_mock, parse_mock
from kurvs_sim.emission.curti import CurtiCalibrations
from kurvs_sim.profiles.radial import Linear

ABUNDANCE = np.linspace(7.7, 8.8, 23)


def ratios(abundance=ABUNDANCE, density=90.0):
    return CurtiCalibrations().dust_free_ratios(abundance, -2.5, density)


def test_its_lines_close_on_r23():
    """R23, fitted apart, is the sum of [O II] and both [O III]: to its scatter of 0.12 dex."""
    lines = ratios()
    total = sum(lines[name] for name in ("oii_3726", "oii_3729", "oiii_4959", "oiii_5007"))
    log_r23 = np.log10(total / lines["hbeta"])
    assert log_r23 == pytest.approx(CURTI20_R23.log_ratio(ABUNDANCE), abs=0.12)


def test_ratios_are_those_of_the_published_polynomials_at_solar_abundance():
    """At 8.69 every polynomial is its first coefficient."""
    lines = ratios(np.array(8.69))
    assert np.log10(lines["nii_6584"] / lines["halpha"]) == pytest.approx(-0.489)
    assert np.log10(lines["oiii_5007"] / lines["hbeta"]) == pytest.approx(-0.277)
    oii = lines["oii_3726"] + lines["oii_3729"]
    assert np.log10(oii / lines["hbeta"]) == pytest.approx(0.435)


def test_what_it_honours_gives_the_abundance_back():
    for name in CurtiCalibrations().honoured_diagnostics:
        assert DIAGNOSTICS[name].from_fluxes(ratios()) == pytest.approx(ABUNDANCE, abs=2e-3), name


def test_the_pairs_tell_the_density():
    """PyNeb 1.1 at 10^4 K (Luridiana et al. 2015)."""
    lines = ratios(density=1000.0)
    assert lines["oii_3729"] / lines["oii_3726"] == pytest.approx(np.full(23, 0.806), rel=0.05)


def test_abundances_beyond_its_galaxies_are_refused_with_line_and_radius():
    galaxy = Galaxy(
        emission=CurtiCalibrations(), oxygen_abundance=Linear(central=8.6, gradient=0.1)
    )
    with pytest.raises(MetadataError, match=r"oii_3726 is nan at radius 3\.\d+ kpc"):
        galaxy.lines(np.linspace(0.0, 5.0, 101))


def test_truth_is_given_by_every_diagnostic():
    galaxy = Galaxy(
        emission=CurtiCalibrations(),
        oxygen_abundance=Linear(central=8.6, gradient=-0.03, minimum=7.7),
    )
    psf = PointSpreadFunction("gaussian", 0.6)
    truth = observe(galaxy, bands=("H",), psf=psf, halpha_snr=None)["truth"]
    honoured = truth["gradient"].sel(diagnostic=["n2_curti20", "n2s2"])
    assert honoured.to_numpy() == pytest.approx(-0.03, abs=1e-3)
    assert abs(float(truth["gradient"].sel(diagnostic="n2")) + 0.03) > 2e-3


def test_a_file_can_name_it():
    galaxy = Galaxy(emission=CurtiCalibrations())
    assert parse_mock(dump_mock(galaxy))[0] == galaxy
