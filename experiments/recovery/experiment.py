"""The experiment behind ``kurvs recover``: each task simulates, measures and compares one mock."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import xarray as xr
from astropy.table import Row

from experiments.campaign.batches import seed_of
from experiments.mocks.annular_truth import annular_gradient
from experiments.recovery.design import NAMES, Design, Grid, MockParameters
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.gas.attenuation import balmer_a_v
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.pipeline import Pipeline
from kurvs_sim import Galaxy, PointSpreadFunction, observe
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.profiles.radial import Arctan, Linear

ABUNDANCE_AT_EFFECTIVE_RADIUS = 8.55
"""12 + log(O/H) by N2 of a KURVS galaxy of median mass (Li et al. 2025, Fig. 4)."""

A_V_AT_EFFECTIVE_RADIUS = 0.38
"""mag, the mean of the survey (Li et al. 2025, Section 3.2)."""

LARGEST_A_V = 10.0
MOST_MOCKS = 1_000_000
"""Days for a hundred processes; a larger number is taken for a typing error."""

TURNOVER_KPC = 1.5
N_CLUMPS = 8
CLUMP_FWHM_KPC = 1.0

LONGEST_FLAG = "<U128"
"""All flags of a slope, joined, have 106 characters."""

ESTIMATORS = ("slope", "slope_fgrad", "forward", "forward_prior")
HALPHA_BAND = "H"
PER_KPC = {"units": "dex / kpc"}
UNITS_OF_PARAMETERS = {
    "gradient_dex_per_kpc": "dex / kpc",
    "inclination_deg": "deg",
    "effective_radius_arcsec": "arcsec",
    "seeing_fwhm_arcsec": "arcsec",
    "dust_gradient_mag_per_kpc": "mag / kpc",
    "rotation_kms": "km / s",
}
"""Of the parameters of a mock that have one."""

FLUX = {"units": "1e-16 erg / (s cm2)"}


@dataclass(frozen=True)
class RecoveryExperiment:
    """Mocks of a design, each measured without knowledge of its truth.

    Parameters
    ----------
    bands : tuple of str
        Bands that are observed; one of them is H, with H-alpha.

    Raises
    ------
    ConfigurationError
        If H-alpha is not observed, a diagnostic is unknown or none of the bands holds a line of
        it, the N2 lines leave the H band, or the abundances or the dust of a galaxy would leave
        their range.
    """

    design: Design = field(default_factory=Grid)
    realisations: int = 1
    bands: tuple[str, ...] = (HALPHA_BAND,)
    diagnostics: tuple[str, ...] = ("n2",)
    scheme: BinningScheme = field(default_factory=BinningScheme)
    redshift: float = 1.5
    seed: int = 2025

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be simulated and measured."""
        if self.realisations < 1:
            raise ConfigurationError(f"realisations is {self.realisations}; expected at least 1")
        if self.n_tasks > MOST_MOCKS:
            raise ConfigurationError(
                f"{self.design.n_galaxies} galaxies in {self.realisations} realisations are "
                f"{self.n_tasks} mocks; expected at most {MOST_MOCKS}: choose fewer"
            )
        if HALPHA_BAND not in self.bands or not set(self.bands) <= set(KMOS_BANDS):
            raise ConfigurationError(
                f"bands is {list(self.bands)}; expected {HALPHA_BAND}, which has H-alpha, and "
                f"others of {', '.join(KMOS_BANDS)}"
            )
        unknown = [name for name in self.diagnostics if name not in DIAGNOSTICS]
        repeated = len(set(self.diagnostics)) < len(self.diagnostics)
        if unknown or repeated or not self.diagnostics:
            raise ConfigurationError(
                f"diagnostics is {list(self.diagnostics)}; expected some of "
                f"{', '.join(DIAGNOSTICS)}, each once"
            )
        low, high = _redshifts_in_reach()
        if not low <= self.redshift <= high:
            raise ConfigurationError(
                f"redshift is {self.redshift}; expected a value between {low:.2f} and {high:.2f}, "
                f"which puts the N2 lines into {HALPHA_BAND}"
            )
        self._require_lines()
        self._require_within(
            "gradient_dex_per_kpc", "12 + log(O/H)", ABUNDANCE_AT_EFFECTIVE_RADIUS, _abundances()
        )
        self._require_within(
            "dust_gradient_mag_per_kpc", "A_V", A_V_AT_EFFECTIVE_RADIUS, (0.0, LARGEST_A_V)
        )

    def _require_lines(self) -> None:
        """Refuse diagnostics whose lines the bands do not hold."""
        ranges = [KMOS_BANDS[name].usable_range_um for name in self.bands]
        for diagnostic in self.diagnostics:
            for line in DIAGNOSTICS[diagnostic].lines:
                observed_um = REST_WAVELENGTH_UM[line] * (1.0 + self.redshift)
                if not any(low <= observed_um <= high for low, high in ranges):
                    raise ConfigurationError(
                        f"diagnostics has {diagnostic}, whose {line} is at {observed_um:.3f} um; "
                        f"expected it within bands, which is {list(self.bands)}: observe more "
                        "bands, or leave the diagnostic out"
                    )

    def _require_within(
        self, name: str, quantity: str, at_radius: float, limits: tuple[float, float]
    ) -> None:
        """Refuse gradients that take the centre of the largest galaxy out of some limits."""
        extremes = self.design.extremes
        largest = extremes["effective_radius_arcsec"][1] * self._kpc_per_arcsec
        lowest, highest = ((at_radius - limit) / largest for limit in reversed(limits))
        found = extremes[name]
        if not lowest <= found[0] <= found[1] <= highest:
            # Rounded inwards: what is offered is accepted.
            offered = math.ceil(lowest * 1e3) / 1e3, math.floor(highest * 1e3) / 1e3
            raise ConfigurationError(
                f"{name} goes from {found[0]:g} to {found[1]:g}: with {quantity} = {at_radius} at "
                f"the effective radius the centre of a galaxy would leave [{limits[0]:g}, "
                f"{limits[1]:g}]; choose between {offered[0]:g} and {offered[1]:g}"
            )

    @cached_property
    def _kpc_per_arcsec(self) -> float:
        return Galaxy(redshift=self.redshift).kpc_per_arcsec

    @property
    def description(self) -> Mapping[str, object]:
        """All that determines the results."""
        return {
            **self.design.description,
            "realisations": self.realisations,
            "bands": list(self.bands),
            "diagnostics": list(self.diagnostics),
            "annuli": {
                "edges": list(self.scheme.edges),
                "in_effective_radii": self.scheme.in_effective_radii,
            },
            "redshift": self.redshift,
            "seed": self.seed,
        }

    @property
    def n_tasks(self) -> int:
        """Number of mocks: every galaxy in every realisation."""
        return self.design.n_galaxies * self.realisations

    def galaxy(self, index: int) -> Galaxy:
        """Return a galaxy of the design, at a position angle drawn from the seed."""
        chosen = self.design.galaxy(index)
        radius_kpc = chosen.effective_radius_arcsec * self._kpc_per_arcsec
        abundance = chosen.gradient_dex_per_kpc
        dust = chosen.dust_gradient_mag_per_kpc
        galaxy = Galaxy(
            name=f"mock-{index:04d}",
            redshift=self.redshift,
            inclination_deg=chosen.inclination_deg,
            position_angle_deg=np.random.default_rng(self._key(index)).uniform(0.0, 360.0),
            effective_radius_arcsec=chosen.effective_radius_arcsec,
            oxygen_abundance=Linear(
                ABUNDANCE_AT_EFFECTIVE_RADIUS - abundance * radius_kpc, abundance
            ),
            a_v=Linear(A_V_AT_EFFECTIVE_RADIUS - dust * radius_kpc, dust, 0.0, LARGEST_A_V),
            rotation=Arctan(chosen.rotation_kms, TURNOVER_KPC),
        )
        if chosen.clump_fraction == 0.0:
            return galaxy
        clumps = Clumps(
            seed=seed_of(self._key(index, 0)), number=N_CLUMPS, fwhm_kpc=CLUMP_FWHM_KPC,
            flux_fraction=chosen.clump_fraction, effective_radius_kpc=radius_kpc,
        )  # fmt: skip
        return replace(galaxy, structures=(clumps,))

    def _key(self, *numbers: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=numbers)

    def template(self) -> xr.Dataset:
        """Return an empty result: truth, gradients, fluxes, dust and velocities of one mock."""
        annuli = self.scheme.annuli(1.0)
        coordinates = {
            "diagnostic": list(self.diagnostics),
            "estimator": list(ESTIMATORS),
            "aperture": ["integrated", *(annulus.name for annulus in annuli)],
            "line": list(REST_WAVELENGTH_UM),
        }
        sizes = {name: len(values) for name, values in coordinates.items()}

        def blank(*dims: str, fill: object = np.nan, **attributes: str) -> xr.Variable:
            return xr.Variable(dims, np.full([sizes[d] for d in dims], fill), attributes)

        by_estimator = ("diagnostic", "estimator")
        by_line = ("aperture", "line")
        return xr.Dataset(
            {
                "galaxy": blank(fill=np.array("", "<U24")),
                "realisation": blank(fill=np.int32(-1)),
                **{name: blank(units=UNITS_OF_PARAMETERS.get(name, "1")) for name in NAMES},
                "gradient_true": blank("diagnostic", **PER_KPC),
                "gradient_annuli": blank(**PER_KPC),
                "snr_halpha": blank(),
                "gradient": blank(*by_estimator, **PER_KPC),
                "gradient_err": blank(*by_estimator, **PER_KPC),
                "f_grad": blank(*by_estimator),
                "n_bins": blank(*by_estimator, fill=np.int32(-1)),
                "flag": blank(*by_estimator, fill=np.array("", LONGEST_FLAG)),
                "flux": blank(*by_line, **FLUX),
                "flux_err": blank(*by_line, **FLUX),
                "flux_true": blank(*by_line, **FLUX),
                "a_v": blank("aperture", units="mag"),
                "a_v_err": blank("aperture", units="mag"),
                "a_v_true": blank("aperture", units="mag"),
                "velocity_bias": blank(units="km / s"),
                "velocity_rms": blank(units="km / s"),
            },
            coords=coordinates,
        )

    def run(self, number: int) -> xr.Dataset:
        """Simulate and measure one mock; all realisations of the first galaxy come first."""
        index, realisation = divmod(number, self.realisations)
        chosen, galaxy = self.design.galaxy(index), self.galaxy(index)
        observation = observe(
            galaxy,
            bands=self.bands,
            psf=_seeing(chosen),
            halpha_snr=chosen.halpha_snr,
            seed=seed_of(self._key(index, 1 + realisation)),
        )
        measured = Pipeline(self.scheme).run(observation)
        result = self.template()
        result["galaxy"][...] = galaxy.name
        result["realisation"][...] = realisation
        for name in NAMES:
            result[name][...] = getattr(chosen, name)
        result["gradient_annuli"][...] = annular_gradient(galaxy, self.scheme)
        result["snr_halpha"][...] = measured.snr("integrated", "halpha")
        truth = observation["truth"].to_dataset()
        _put_gradients(result, measured, truth, chosen)
        _put_fluxes(result, measured, truth)
        _put_velocities(result, measured, truth)
        return result


def _put_gradients(
    result: xr.Dataset, measured: MeasuredGalaxy, truth: xr.Dataset, chosen: MockParameters
) -> None:
    for name in result["diagnostic"].to_numpy():
        # By its construction; the truth of others is fitted to their own profiles.
        result["gradient_true"].loc[name] = (
            chosen.gradient_dex_per_kpc
            if name == "n2"
            else float(truth["gradient"].sel(diagnostic=name))
        )
    for row in measured.gradients:
        if row["diagnostic"] in result["diagnostic"].to_numpy():
            _put_row(result, row)


def _put_row(result: xr.Dataset, row: Row) -> None:
    place = {"diagnostic": str(row["diagnostic"]), "estimator": str(row["estimator"])}
    for name in ("gradient", "gradient_err"):
        result[name].loc[place] = float(row[name].value)
    result["f_grad"].loc[place] = float(row["f_grad"])
    result["n_bins"].loc[place] = int(row["n_bins"])
    result["flag"].loc[place] = str(row["flag"])


def _put_fluxes(result: xr.Dataset, measured: MeasuredGalaxy, truth: xr.Dataset) -> None:
    """Put lines and dust beside what noise-free apertures behind the same seeing hold."""
    maps = truth["line_map_smeared"].transpose("line", "y", "x").to_numpy()
    lines = truth["line"].to_numpy().tolist()
    light = np.einsum("ayx,lyx->al", measured.weights, maps)
    apertures = [aperture.name for aperture in measured.apertures]
    for column, line in enumerate(lines):
        result["flux_true"].loc[{"aperture": apertures, "line": line}] = light[:, column]
    result["a_v_true"].loc[{"aperture": apertures}] = balmer_a_v(
        light[:, lines.index("halpha")], light[:, lines.index("hbeta")]
    )
    for row in measured.fluxes:
        if row["line"] in result["line"].to_numpy():
            place = {"aperture": str(row["aperture"]), "line": str(row["line"])}
            result["flux"].loc[place] = float(row["flux"].value)
            result["flux_err"].loc[place] = float(row["flux_err"].value)
    for row in measured.attenuation:
        for name in ("a_v", "a_v_err"):
            result[name].loc[{"aperture": str(row["aperture"])}] = float(row[name].value)


def _put_velocities(result: xr.Dataset, measured: MeasuredGalaxy, truth: xr.Dataset) -> None:
    """Put by how much velocities of measured spaxels differ from those of the disk."""
    own = measured.maps.measured
    if own.any():
        difference = (measured.maps.velocity_kms - truth["velocity_map"].to_numpy())[own]
        result["velocity_bias"][...] = difference.mean()
        result["velocity_rms"][...] = np.sqrt(np.mean(difference**2))


def _seeing(chosen: MockParameters) -> PointSpreadFunction:
    if math.isinf(chosen.psf_beta):
        return PointSpreadFunction("gaussian", chosen.seeing_fwhm_arcsec)
    return PointSpreadFunction("moffat", chosen.seeing_fwhm_arcsec, chosen.psf_beta)


def _abundances() -> tuple[float, float]:
    limits = Linear(central=ABUNDANCE_AT_EFFECTIVE_RADIUS, gradient=0.0)
    return limits.minimum, limits.maximum


def _redshifts_in_reach() -> tuple[float, float]:
    """Return the redshifts at which both lines of N2 lie in the band."""
    low, high = KMOS_BANDS[HALPHA_BAND].usable_range_um
    return low / REST_WAVELENGTH_UM["halpha"] - 1.0, high / REST_WAVELENGTH_UM["nii_6584"] - 1.0
