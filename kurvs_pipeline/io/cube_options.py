"""What a user states about a FITS cube, where its file leaves it open or gets it wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CubeOptions:
    """Which cube of a file to read, and what wins over its headers.

    Parameters
    ----------
    wavelength_start_um, wavelength_step_um : float, optional
        Override the header, whose wavelengths are wrong in some cut-outs; both together state
        the axis whatever the header says.
    centre_pixel : (float, float), optional
        The galaxy's 0-based pixel (x, y).
    extension : str, optional
        Which cube of a file that holds several: a name, with or without ``.DATA``.
    arm : int, optional
        The same by the number of the KMOS arm, 1 to 24.
    target : str, optional
        The same by the target's name, capital letters or not.
    """

    wavelength_start_um: float | None = None
    wavelength_step_um: float | None = None
    centre_pixel: tuple[float, float] | None = None
    extension: str | None = None
    arm: int | None = None
    target: str | None = None
