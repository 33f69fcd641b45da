"""The galaxy on an oversampled sky, behind the seeing."""

from kurvs_sim.scene.scene import Scene
from kurvs_sim.scene.truth import truth_dataset

__all__ = ["Scene", "truth_dataset"]
