"""Settings of a galaxy and its cubes: options of a command, and columns of a catalogue.

Each setting is described here once, by the field that it sets. ``kurvs --help`` reads this module:
it imports nothing that takes time.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict, get_args, get_type_hints

from typer import Option
from typer.models import OptionInfo

UNITS = {"DEG": "deg", "ARCSEC": "arcsec", "UM": "um"}
"""Units of catalogue columns, by the placeholder of the option."""


class GalaxySettings(TypedDict, total=False):
    """What headers lack or have wrong: fields of the metadata, of cube options and of the mass."""

    # fmt: off
    redshift: Annotated[float, Option(help="Redshift on the vacuum scale.")]
    inclination_deg: Annotated[
        float, Option("--inclination", metavar="DEG",
                      help="Inclination of the disk; 0 is face-on.")]
    inclination_err_deg: Annotated[
        float, Option("--inclination-err", metavar="DEG",
                      help="Standard error of the inclination, for the forward estimators.  "
                           "[default: 0]")]
    position_angle_deg: Annotated[
        float, Option("--position-angle", metavar="DEG",
                      help="Position angle of the receding major axis, North through East.")]
    effective_radius_arcsec: Annotated[
        float, Option("--effective-radius", metavar="ARCSEC",
                      help="Half-light radius along the major axis.")]
    disk_thickness: Annotated[
        float, Option(metavar="RATIO", help="Axis ratio seen edge-on: 0 is thin, 0.2 usual.")]
    seeing_fwhm_arcsec: Annotated[
        float, Option("--seeing", metavar="ARCSEC", help="Full width at half-maximum of the PSF.")]
    psf_moffat_beta: Annotated[
        float, Option("--psf-beta", help="Moffat wings of the PSF; a Gaussian otherwise.")]
    psf_star: Annotated[
        Path, Option(metavar="FITS",
                     help="Image or cube of a star of the same field, which gives the seeing, its "
                          "wings and their errors; in place of --seeing and --psf-beta.")]
    centre_pixel: Annotated[
        tuple[float, float],
        Option("--centre", metavar="X Y", help="Spaxel of the galaxy's centre, counted from 0.")]
    spaxel_arcsec: Annotated[
        float, Option("--spaxel-size", metavar="ARCSEC",
                      help="Side of a spaxel, where the header is wrong.")]
    wavelength_start_um: Annotated[
        float, Option("--wavelength-start", metavar="UM",
                      help="Wavelength of the first channel, where the header is wrong; in the "
                           "medium of --medium.")]
    wavelength_step_um: Annotated[
        float, Option("--wavelength-step", metavar="UM", help="Width of a channel.")]
    extension: Annotated[
        str, Option(metavar="HDU",
                    help="Extension to read, such as IFU.3.DATA, or its number from 0.")]
    arm: Annotated[int, Option(min=1, max=24, help="Arm of KMOS to read, in files of several.")]
    target: Annotated[str, Option(metavar="NAME", help="Arm to read, by the name of its target.")]
    medium: Annotated[
        str, Option(metavar="air|vacuum",
                    help="Medium of the wavelengths, where the header does not say.")]
    flux_unit: Annotated[
        str, Option(metavar="UNIT",
                    help="Unit of the flux, such as erg/s/cm2/um, in place of BUNIT.")]
    noise_kind: Annotated[
        str, Option(metavar="KIND",
                    help="What the noise extension holds: standard-deviation, variance, "
                         "inverse-variance; none estimates the noise from the cube.")]
    velocity_map: Annotated[
        Path, Option(metavar="FITS",
                     help="Image of velocities on the spaxels of the cube with H-alpha, relative "
                          "to --redshift; km/s unless BUNIT says otherwise. Without it, velocities "
                          "are measured in the cube.")]
    log_stellar_mass: Annotated[
        float, Option(help="Logarithm of the stellar mass in solar masses, for the mass-excitation "
                          "diagram.")]
    log_stellar_mass_err: Annotated[
        float, Option(metavar="DEX",
                      help="Standard error of the logarithm of the mass.  [default: 0.2]")]
    # fmt: on


@dataclass(frozen=True)
class Setting:
    """A setting: the field that it sets, the type of its values, and its option."""

    name: str
    kind: type
    description: OptionInfo

    @property
    def option(self) -> str:
        """Name of the option, such as ``inclination`` of ``--inclination``."""
        stated = self.description.default
        return stated.removeprefix("--").replace("-", "_") if isinstance(stated, str) else self.name

    @property
    def unit(self) -> str | None:
        """Unit of a column."""
        return UNITS.get(str(self.description.metavar))

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest value of an integer setting."""
        return int(self.description.min or 0), int(self.description.max or 0)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a catalogue that state this setting."""
        return ("centre_x", "centre_y") if self.name == "centre_pixel" else (self.name,)


SETTINGS = {
    name: Setting(name, *get_args(hint))
    for name, hint in get_type_hints(GalaxySettings, include_extras=True).items()
}


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes ``**stated`` one typer option per setting.

    The settings come between the command's own arguments and options.
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    settings = [
        inspect.Parameter(
            setting.name, inspect.Parameter.KEYWORD_ONLY, default=None,
            annotation=Annotated[setting.kind | None, setting.description],
        )
        for setting in SETTINGS.values()
    ]  # fmt: skip
    shown = sorted([*settings, *own], key=lambda p: p.kind)
    command.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return command


def by_option(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings by the names of their options, for the record of a run."""
    return {SETTINGS[name].option: value for name, value in stated.items()}
