"""Inclined disks on the sky: axis ratios, and apertures placed on spaxels."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.binning import INTEGRATED, Aperture, BinningScheme, annuli_among
from kurvs_pipeline.errors import CoverageError, MetadataError
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.representation import short_repr

FARTHEST_SPAXELS = 1e6
"""An ellipse of this size holds the whole field; the overlap of larger ones overflows."""

MINIMUM_COVERAGE = 0.3
"""An aperture with less of its area on valid spaxels is refused."""


def axis_ratio(inclination_deg: float, disk_thickness: float) -> float:
    """Return the axis ratio b/a of an oblate disk, sqrt(cos^2 i (1 - q0^2) + q0^2)."""
    cos2 = math.cos(math.radians(inclination_deg)) ** 2
    return math.sqrt(cos2 * (1.0 - disk_thickness**2) + disk_thickness**2)


def apertures_for(metadata: ObservationMetadata, scheme: BinningScheme) -> tuple[Aperture, ...]:
    """Return the integrated ellipse, then the annuli of a scheme.

    The integrated ellipse has 1.5 effective radii (Li et al. 2025, Section 3); where the
    effective radius is unknown it covers the annuli.
    """
    annuli = scheme.annuli(metadata.effective_radius_arcsec)
    radius = 1.5 * metadata.effective_radius_arcsec
    if math.isnan(radius):
        radius = annuli[-1].outer_arcsec
    return (Aperture(INTEGRATED, 0.0, radius), *annuli)


@dataclass(frozen=True, eq=False)
class PlacedApertures:
    """Apertures on the spaxels of a galaxy.

    Parameters
    ----------
    apertures : tuple of Aperture
        The integrated ellipse, then the annuli outwards; or some of them.
    weights : array, shape (n_apertures, n_y, n_x)
        Fraction of each spaxel with data in each aperture.
    coverage : tuple of float
        Fraction of each aperture's area on spaxels with data.
    whole_weights : array, same shape, optional
        The same whether a spaxel has data or not; by default all have.
    """

    __repr__ = short_repr

    apertures: tuple[Aperture, ...]
    weights: Array
    coverage: tuple[float, ...]
    whole_weights: Array | None = None

    @classmethod
    def of(
        cls,
        metadata: ObservationMetadata,
        scheme: BinningScheme,
        *,
        x: xr.DataArray,
        y: xr.DataArray,
        valid_spaxels: BoolArray,
    ) -> "PlacedApertures":
        """Place the integrated ellipse and the annuli of a scheme.

        Spaxel centres, arcsec, count from the galaxy's centre to the West and North;
        ``valid_spaxels``, shape (n_y, n_x), have data. MetadataError if the geometry is unknown,
        CoverageError if an annulus lies outside the data.
        """
        apertures = apertures_for(metadata, scheme)
        weights = [aperture_weights(aperture, metadata, x, y) for aperture in apertures]
        coverage = tuple(
            aperture_coverage(aperture, metadata, weight, valid_spaxels, spaxel_size_arcsec(x))
            for aperture, weight in zip(apertures, weights, strict=True)
        )
        whole = np.stack(weights)
        return cls(apertures, whole * valid_spaxels, coverage, whole)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the apertures, in the order of the weights."""
        return tuple(aperture.name for aperture in self.apertures)

    @property
    def integrated_weights(self) -> Array:
        """Fraction of each spaxel in the integrated aperture, shape (n_y, n_x)."""
        return np.asarray(self.weights[self.names.index(INTEGRATED)])

    @property
    def annuli(self) -> "PlacedApertures":
        """The annuli alone."""
        at = annuli_among(self.names)
        return PlacedApertures(
            tuple(self.apertures[i] for i in at),
            self.weights[at],
            tuple(self.coverage[i] for i in at),
            None if self.whole_weights is None else self.whole_weights[at],
        )

    def light_coverage(self, light: Array, valid_fraction: Array) -> Array:
        """Return the fraction of each aperture's light on valid voxels, shape (n_apertures,).

        Spaxels of the field alone count. ``light``, shape (n_y, n_x), is what each spaxel has, or
        would have if it held data, and ``valid_fraction``, same shape, how much of it does;
        apertures without light are covered.
        """
        whole = (self.weights if self.whole_weights is None else self.whole_weights) * light
        total, held = whole.sum(axis=(1, 2)), (whole * valid_fraction).sum(axis=(1, 2))
        return np.asarray(np.divide(held, total, out=np.ones_like(total), where=total > 0.0))

    @property
    def middle_arcsec(self) -> Array:
        """Radius of each aperture in a radial profile, shape (n_apertures,)."""
        return np.array([aperture.middle_arcsec for aperture in self.apertures])


def aperture_weights(
    aperture: Aperture, metadata: ObservationMetadata, x: xr.DataArray, y: xr.DataArray
) -> Array:
    """Return the exact fraction of every spaxel inside an aperture, shape (n_y, n_x).

    Spaxel centres, arcsec from the target to the West and North, are evenly spaced. MetadataError
    if the inclination, or the position angle of an inclined disk, is unknown.
    """
    from photutils.geometry import elliptical_overlap_grid

    step_x, step_y = _step(x), _step(y)
    centre = (-float(x[0]) / step_x, -float(y[0]) / step_y)
    pa_rad = math.radians(_position_angle_deg(metadata))
    # The axis points to (-sin PA, cos PA) in (West, North); the array may run either way.
    theta = math.atan2(math.cos(pa_rad) / np.sign(step_y), -math.sin(pa_rad) / np.sign(step_x))
    ratio = axis_ratio(metadata.inclination_deg, metadata.disk_thickness)
    left, bottom = -0.5 - centre[0], -0.5 - centre[1]

    def inside(radius_arcsec: float) -> Array:
        # On the field only: the mask of a whole ellipse may not fit into memory.
        semimajor = min(radius_arcsec / abs(step_x), FARTHEST_SPAXELS)
        overlap = elliptical_overlap_grid(
            left, left + x.size, bottom, bottom + y.size, x.size, y.size,
            semimajor, semimajor * ratio, theta, 1, 1,
        )  # fmt: skip
        return np.asarray(overlap)

    weights = inside(aperture.outer_arcsec)
    if aperture.inner_arcsec > 0.0:
        weights = weights - inside(aperture.inner_arcsec)
    return np.clip(weights, 0.0, 1.0)


def aperture_coverage(
    aperture: Aperture,
    metadata: ObservationMetadata,
    weights: Array,
    valid: BoolArray,
    spaxel_arcsec: float,
) -> float:
    """Return the fraction of an aperture's area that lies on valid spaxels.

    The aperture need not fit into the field. ``weights``, from :func:`aperture_weights`, and
    ``valid`` have shape (n_y, n_x). CoverageError if the fraction is below 30 per cent.
    """
    ratio = axis_ratio(metadata.inclination_deg, metadata.disk_thickness)
    area = math.pi * ratio * (aperture.outer_arcsec**2 - aperture.inner_arcsec**2)
    coverage = float(weights[valid].sum()) * spaxel_arcsec**2 / area
    if coverage < MINIMUM_COVERAGE:
        raise CoverageError(
            f"aperture {aperture.name} ({aperture.inner_arcsec:g}-{aperture.outer_arcsec:g} "
            f"arcsec) has only {coverage:.0%} of its area on spaxels with data (at least "
            f"{MINIMUM_COVERAGE:.0%} needed): choose fewer or narrower annuli with --scheme, "
            "or check --centre"
        )
    return coverage


def spaxel_size_arcsec(x: xr.DataArray) -> float:
    """Return the side of a spaxel from one of its coordinates, evenly spaced."""
    return abs(_step(x))


def _step(coordinate: xr.DataArray) -> float:
    values = coordinate.to_numpy()
    return float(values[-1] - values[0]) / (values.size - 1)


def _position_angle_deg(metadata: ObservationMetadata) -> float:
    if math.isnan(metadata.inclination_deg):
        raise MetadataError("inclination_deg is unknown: give it with --inclination (0 is face-on)")
    if metadata.inclination_deg == 0.0:
        return 0.0
    if math.isnan(metadata.position_angle_deg):
        raise MetadataError(
            "position_angle_deg is unknown for an inclined disk: give it with --position-angle "
            "(degrees, North through East)"
        )
    return metadata.position_angle_deg
