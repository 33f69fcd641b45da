"""What a user states about a FITS cube, where its file leaves it open or gets it wrong."""

from dataclasses import dataclass, fields
from typing import Any

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.io.fits.extensions import NoiseKind


@takes_quantities
@dataclass(frozen=True)
class CubeOptions:
    """Which cube of a file to read, and what wins over its headers.

    Parameters
    ----------
    wavelength_start_um, wavelength_step_um : float, optional
        Override the header, whose wavelengths are wrong in some cut-outs; both together state
        the axis whatever the header says.
    medium : str, optional
        That wavelengths are stated in: ``air`` or ``vacuum``.
    flux_unit : str, optional
        In place of BUNIT.
    noise_kind : str, optional
        What the noise extension holds: ``standard-deviation``, ``variance``,
        ``inverse-variance``, ``inverse-standard-deviation``, or ``none`` where the noise is to
        be estimated from the cube.
    use_quality : bool
        Whether voxels that a quality extension flags are left out.
    centre_pixel : (float, float), optional
        The galaxy's 0-based pixel (x, y).
    spaxel_arcsec : float, optional
        Side of a spaxel, whatever the header says; its rotation is kept.
    extension : str, optional
        Which cube of a file that holds several: a name, with or without ``.DATA``, or its number,
        where the primary is 0.
    arm : int, optional
        The same by the number of the KMOS arm, 1 to 24.
    target : str, optional
        The same by the target's name, capital letters or not.
    verify_checksum : bool
        Whether a file that is not what its ``CHECKSUM`` and ``DATASUM`` say is refused.
    """

    wavelength_start_um: float | None = None
    wavelength_step_um: float | None = None
    medium: str | None = None
    flux_unit: str | None = None
    noise_kind: str | None = None
    use_quality: bool = True
    centre_pixel: tuple[float, float] | None = None
    spaxel_arcsec: float | None = None
    extension: str | None = None
    arm: int | None = None
    target: str | None = None
    verify_checksum: bool = True

    def __post_init__(self) -> None:
        """Refuse a kind of noise that there is not."""
        kinds = [*(kind.label for kind in NoiseKind), "none"]
        if self.noise_kind not in {None, *kinds}:
            raise ConfigurationError(
                f"--noise-kind is '{self.noise_kind}'; expected {', '.join(kinds)}"
            )

    @property
    def stated(self) -> dict[str, Any]:
        """What was stated, by name."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}
