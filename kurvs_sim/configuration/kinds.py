"""Which kinds of profile, structure, seeing and noise a TOML file names, and its keys' units.

To make a new kind of profile known, give it a line in :data:`PROFILES`; its parameters become
keys by themselves. A parameter that is neither a pure number nor named in :data:`DIMENSIONS`
needs a line there too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

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
from kurvs_sim.profiles.radial import (
    Arctan,
    Constant,
    Exponential,
    Linear,
    Product,
    RadialProfile,
    Sum,
)
from kurvs_sim.profiles.shapes import Broken, FreemanDisk, Ring, Sersic, Tabulated


@dataclass(frozen=True, eq=False)
class Family:
    """Classes that can stand for one another, by the name that a file gives as ``kind``.

    ``base`` is the annotation of a parameter that takes any of them, ``default`` the kind of a
    table that states none. A class with a parameter ``kind`` of its own is given the name.
    """

    base: type
    kinds: Mapping[str, type]
    default: str | None = None


PROFILES = Family(
    base=RadialProfile,
    kinds={
        "constant": Constant,
        "exponential": Exponential,
        "linear": Linear,
        "broken": Broken,
        "sersic": Sersic,
        "ring": Ring,
        "tabulated": Tabulated,
        "arctan": Arctan,
        "freeman_disk": FreemanDisk,
        "sum": Sum,
        "product": Product,
    },
)

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

DIMENSIONS: Mapping[str, str] = {
    "value": "value",
    "central": "value",
    "minimum": "value",
    "maximum": "value",
    "asymptote": "value",
    "peak": "value",
    "at_effective_radius": "value",
    "gradient": "gradient",
    "inner_gradient": "gradient",
    "outer_gradient": "gradient",
    "radius": "length",
    "scale_length": "length",
    "turnover_radius": "length",
    "break_radius": "length",
    "effective_radius": "length",
    "ring_radius": "length",
    "ring_sigma": "length",
}
"""What a parameter of a profile is, by its name; others are pure numbers."""


def key_of(described: object, parameter: str, quantity: Quantity) -> str:
    """Return the key of a parameter: its name, with the unit if it belongs to a profile."""
    if described not in PROFILES.kinds.values():
        return parameter
    units = {
        "value": quantity.value_unit,
        "gradient": quantity.gradient_unit,
        "length": LENGTH_UNIT,
    }
    unit = units.get(DIMENSIONS.get(parameter, ""), "")
    return f"{parameter}_{unit}" if unit else parameter


def quantity_inside(described: object, quantity: Quantity) -> Quantity:
    """Return what the profiles inside a profile are of.

    The factors of a product are pure numbers: only the product has the unit.
    """
    inherits = described in PROFILES.kinds.values() and described is not Product
    return quantity if inherits else PURE_NUMBER
