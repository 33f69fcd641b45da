"""Maps of f_grad as the literature has it: by inclination and effective radius.

f_grad is the intrinsic over the observed gradient of an exponential disk, without noise, through
annuli of equal weight (Gillman et al. 2021; Li et al. 2025, Section 4). It depends on the
gradient itself and on the wings of the seeing, so that a map holds for one of each.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import xarray as xr
from scipy.interpolate import RegularGridInterpolator

from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.errors import ConfigurationError, CoverageError
from kurvs_pipeline.geometry import axis_ratio
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.provenance import as_attribute
from kurvs_pipeline.smearing.correction import REFERENCE_GRADIENT_DEX_PER_KPC
from kurvs_pipeline.smearing.matrix import HALF_LIGHT_IN_SCALE_LENGTHS, InclinedDisk, SmearingMatrix
from kurvs_pipeline.smearing.point_spread import Seeing
from kurvs_pipeline.smearing.sky_apertures import EllipseApertures

SMALL_GRADIENT = 1e-4
"""dex/kpc: stands for 0, where f_grad is a limit."""

STEEPEST = 1.0
"""dex/kpc: beyond any galaxy, and any calibration."""

INCLINATIONS_DEG = np.linspace(0.0, 85.0, 18)
RADII_ARCSEC = np.geomspace(0.1, 2.0, 25)


@dataclass(frozen=True)
class SmearedDisks:
    """Disks of one gradient behind one seeing, divided into one set of annuli.

    Parameters
    ----------
    gradient : float
        Intrinsic gradient, dex/kpc; 0 gives the limit of small ones.
    abundance_per_log_ratio : float
        d[12 + log(O/H)] / d[log ratio] of the diagnostic; by default that of the survey's N2.

    Raises
    ------
    ConfigurationError
        If there are fewer than two annuli, or gradient or redshift is impossible.
    """

    seeing: Seeing = field(default_factory=lambda: Seeing(0.6))
    gradient: float = REFERENCE_GRADIENT_DEX_PER_KPC
    scheme: BinningScheme = field(default_factory=BinningScheme)
    redshift: float = 1.5
    disk_thickness: float = 0.2
    abundance_per_log_ratio: float = DIAGNOSTICS["n2"].abundance_per_log_ratio()

    def __post_init__(self) -> None:
        if len(self.scheme.edges) < 3:
            raise ConfigurationError(
                "a gradient takes two annuli; expected a scheme such as 3x0.5, found one annulus"
            )
        if not abs(self.gradient) <= STEEPEST:
            raise ConfigurationError(
                f"gradient is {self.gradient} dex/kpc; expected a value within {STEEPEST:g}"
            )
        if not 0.0 < self.redshift < np.inf:
            raise ConfigurationError(f"redshift is {self.redshift}; expected a value > 0")

    def _seen_log_ratios(self, inclination_deg: float, effective_radius_arcsec: float) -> Array:
        """Return log10 of the line ratio in each annulus, relative to the centre of the disk."""
        metadata = ObservationMetadata(
            inclination_deg=inclination_deg,
            position_angle_deg=0.0,
            effective_radius_arcsec=effective_radius_arcsec,
            disk_thickness=self.disk_thickness,
        )
        annuli = self.scheme.annuli(effective_radius_arcsec)
        edges = tuple((annulus.inner_arcsec, annulus.outer_arcsec) for annulus in annuli)
        apertures = EllipseApertures(edges, axis_ratio(inclination_deg, self.disk_thickness))
        matrix = SmearingMatrix(InclinedDisk.of(metadata), self.seeing, apertures)
        slope = self._used_gradient * self.kpc_per_arcsec / self.abundance_per_log_ratio
        return matrix.log_ratios(effective_radius_arcsec, slope)

    @property
    def kpc_per_arcsec(self) -> float:
        """Proper transverse scale at the redshift."""
        return kpc_per_arcsec(self.redshift)

    @property
    def _used_gradient(self) -> float:
        return self.gradient or SMALL_GRADIENT

    @property
    def largest_fading_arcsec(self) -> float:
        """Effective radius beyond which the numerator's line gets brighter outwards.

        Its light then comes from beyond the annuli, seen in the wings of the seeing, and f_grad
        depends on how far out the abundance rises. Infinite for falling gradients.
        """
        rise = self.gradient * self.kpc_per_arcsec / self.abundance_per_log_ratio * np.log(10.0)
        return HALF_LIGHT_IN_SCALE_LENGTHS / rise if rise > 0.0 else float("inf")

    def f_grad(self, inclination_deg: float, effective_radius_arcsec: float) -> float:
        """Return the intrinsic over the observed gradient."""
        edges = self.scheme.annuli(effective_radius_arcsec)
        radius_kpc = self.kpc_per_arcsec * np.array([a.middle_arcsec for a in edges])
        seen = self.abundance_per_log_ratio * self._seen_log_ratios(
            inclination_deg, effective_radius_arcsec
        )
        return self._used_gradient / float(np.polyfit(radius_kpc, seen, 1)[0])

    def map(
        self, inclinations_deg: Array = INCLINATIONS_DEG, radii_arcsec: Array = RADII_ARCSEC,
        *, advance: Callable[[int], None] = lambda _: None,
    ) -> xr.Dataset:  # fmt: skip
        """Return f_grad on a grid of inclinations and effective radii, both increasing.

        ``advance`` is called with the number of disks just done. The dimensions are ``inclination``
        (deg) and ``effective_radius`` (arcsec); attributes hold the parameters of the map.
        """
        values = []
        for place in itertools.product(inclinations_deg.tolist(), radii_arcsec.tolist()):
            values.append(self.f_grad(*place))
            advance(1)
        grid = np.reshape(values, (len(inclinations_deg), len(radii_arcsec)))
        return xr.Dataset(
            {"f_grad": (("inclination", "effective_radius"), grid,
                        {"long_name": "intrinsic over observed gradient", "units": "1"})},
            coords={
                "inclination": ("inclination", inclinations_deg, {"units": "deg"}),
                "effective_radius": ("effective_radius", radii_arcsec, {"units": "arcsec"}),
            },
            attrs={
                "gradient_dex_per_kpc": self.gradient,
                "seeing_fwhm_arcsec": self.seeing.fwhm_arcsec,
                "psf_kind": self.seeing.kind,
                "psf_moffat_beta": self.seeing.moffat_beta,
                "annulus_edges": list(self.scheme.edges),
                "annuli_in_effective_radii": int(self.scheme.in_effective_radii),
                "redshift": self.redshift,
                "disk_thickness": self.disk_thickness,
                **as_attribute(),
            },
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class FGradMap:
    """Interpolation of f_grad in a map of :meth:`SmearedDisks.map`."""

    dataset: xr.Dataset

    @cached_property
    def _interpolator(self) -> RegularGridInterpolator:
        axes = self.dataset["inclination"].to_numpy(), self.dataset["effective_radius"].to_numpy()
        # f_grad explodes for compact disks: its logarithm, along that of the radius, does not.
        return RegularGridInterpolator(
            (axes[0], np.log(axes[1])), np.log(self.dataset["f_grad"].to_numpy()), method="cubic"
        )

    def __call__(self, inclination_deg: float, effective_radius_arcsec: float) -> float:
        """Return f_grad, interpolated to better than 1 per cent.

        CoverageError if the disk is outside the map: nothing is extrapolated.
        """
        for name, value in (("inclination", inclination_deg),
                            ("effective_radius", effective_radius_arcsec)):  # fmt: skip
            known = self.dataset[name]
            low, high = float(known[0]), float(known[-1])
            if not low <= value <= high:
                raise CoverageError(
                    f"{name} is {value:g} {known.attrs['units']}; the map of f_grad holds "
                    f"{low:g} to {high:g}: make one that reaches farther"
                )
        logarithm = self._interpolator((inclination_deg, np.log(effective_radius_arcsec)))
        return float(np.exp(logarithm))
