"""Which kinds of profile, structure, seeing and noise a TOML file names, and its keys' units.

Every profile class is found automatically: each class of :mod:`kurvs_sim.profiles.shapes` and
:mod:`kurvs_sim.profiles.radial` is a kind, and its parameters are keys whose units follow from
their names.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kurvs_sim.atmosphere.composite_seeing import (
    CompositeSeeing,
    ElongatedSeeing,
    ExposureSequence,
)
from kurvs_sim.atmosphere.seeing import PointSpreadFunction, Seeing
from kurvs_sim.atmosphere.star_image import StarImage
from kurvs_sim.emission.calibrated import EmissionModel, SurveyCalibrations
from kurvs_sim.emission.curti import CurtiCalibrations
from kurvs_sim.galaxy.abundance_scatter import AbundanceScatter
from kurvs_sim.galaxy.clump_map import ClumpMap
from kurvs_sim.galaxy.clumps import Clumps
from kurvs_sim.galaxy.structure import DiskStructure
from kurvs_sim.instrument.exposures import ExposureModel
from kurvs_sim.instrument.spaxels import NoiseModel
from kurvs_sim.profiles import radial, shapes
from kurvs_sim.profiles.radial import Composable, Product, RadialProfile, Sum


@dataclass(frozen=True, eq=False)
class Family:
    """Classes that can stand for one another, by the name that a file gives as ``kind``.

    ``base`` is the annotation of a parameter that takes any of them, ``default`` the kind of a
    table that states none. A class with a parameter ``kind`` of its own is given the name. A
    function stands for the class of what it returns.
    """

    base: type
    kinds: Mapping[str, Callable[..., Any]]
    default: str | None = None


_NEW_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def _profile_kinds() -> dict[str, type]:
    """Return the profiles by name, ``freeman_disk`` for ``FreemanDisk``, sums and products last."""
    found = [
        profile for module in (radial, shapes) for name, profile in vars(module).items()
        if isinstance(profile, type) and issubclass(profile, Composable)
        and profile is not Composable and not name.startswith("_")
        and profile.__module__ == module.__name__
    ]  # fmt: skip
    found.sort(key=lambda profile: profile in (Sum, Product))
    return {_NEW_WORD.sub("_", profile.__name__).lower(): profile for profile in found}


PROFILES = Family(base=RadialProfile, kinds=_profile_kinds())


def star_image(file: str, pixel_arcsec: float | None = None) -> StarImage:
    """Read the image of a star as point-spread function.

    Parameters
    ----------
    file : str
        FITS file with the image of a star, background removed; its place counts from the folder
        of the file that names it.
    pixel_arcsec : float, optional
        Side of a pixel; by default that of the file's world coordinates.

    Returns
    -------
    StarImage
    """
    return StarImage.from_fits(file, pixel_arcsec)


SEEING = Family(
    base=Seeing,
    kinds={
        "gaussian": PointSpreadFunction,
        "moffat": PointSpreadFunction,
        "kolmogorov": PointSpreadFunction,
        "elongated": ElongatedSeeing,
        "composite": CompositeSeeing,
        "exposure_sequence": ExposureSequence,
        "star_image": StarImage,
        "image": star_image,
    },
    default="gaussian",
)

NOISE = Family(
    base=object,
    kinds={"relative": NoiseModel, "exposures": ExposureModel},
    default="relative",
)

EMISSION = Family(
    base=EmissionModel,
    kinds={"survey": SurveyCalibrations, "curti20": CurtiCalibrations},
    default="survey",
)

STRUCTURES = Family(
    base=DiskStructure,
    kinds={
        "clumps": Clumps,
        "clump_map": ClumpMap,
        "abundance_scatter": AbundanceScatter,
    },
)

FAMILIES = (PROFILES, SEEING, NOISE, EMISSION, STRUCTURES)


@dataclass(frozen=True)
class Quantity:
    """What a profile is a profile of, and so the units of its keys.

    Units are appended to the names of values and of their changes with radius; empty for none.
    ``default_kind`` is that of a table that states none.
    """

    name: str
    value_unit: str
    gradient_unit: str
    default_kind: str | None = None


PURE_NUMBER = Quantity("number", "", "per_kpc")

QUANTITIES: Mapping[str, Quantity] = {
    "oxygen_abundance": Quantity("abundance", "", "dex_per_kpc", default_kind="linear"),
    "a_v": Quantity("attenuation", "mag", "mag_per_kpc"),
    "electron_density": Quantity("density", "cm3", "cm3_per_kpc", default_kind="constant"),
    "rotation": Quantity("velocity", "kms", "kms_per_kpc", default_kind="arctan"),
    "radial_velocity": Quantity("velocity", "kms", "kms_per_kpc", default_kind="constant"),
}
"""Quantities by the parameter that takes the profile; any other has pure numbers."""

LENGTH_UNIT = "kpc"

LENGTHS = ("radius", "length", "sigma")
WITHOUT_UNIT = ("index", "profiles")
"""Ends of the names of lengths, and of what has no unit. Names of changes with radius end in
``gradient``; all others are values, as is what begins with ``at_``."""


def _unit_of(parameter: str, quantity: Quantity) -> str:
    """Return the unit of a profile's parameter, by the end of its name."""
    last = parameter.rpartition("_")[2]
    if parameter.startswith("at_"):
        return quantity.value_unit
    if last in LENGTHS:
        return LENGTH_UNIT
    if last in WITHOUT_UNIT:
        return ""
    return quantity.gradient_unit if last == "gradient" else quantity.value_unit


def key_of(described: object, parameter: str, quantity: Quantity) -> str:
    """Return the key of a parameter: its name, with the unit if it belongs to a profile."""
    if described not in PROFILES.kinds.values():
        return parameter
    unit = _unit_of(parameter, quantity)
    return f"{parameter}_{unit}" if unit else parameter


def quantity_inside(described: object, quantity: Quantity) -> Quantity:
    """Return what the profiles inside a profile are of.

    The factors of a product are pure numbers: only the product has the unit.
    """
    inherits = described in PROFILES.kinds.values() and described is not Product
    return quantity if inherits else PURE_NUMBER
