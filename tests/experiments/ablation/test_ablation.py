"""``kurvs ablate``: every effect of the simulator switched on alone, and off alone."""

from dataclasses import fields

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from experiments.ablation.ablation import AblationDesign, AblationTask, run_task
from experiments.ablation.summary import set_name, shares
from experiments.cli import execute
from experiments.mocks.effects import EFFECTS, EVERYTHING, MockSetup, with_effects, without
from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim import Galaxy
from kurvs_sim.effects.effects import Effects

ONE_GALAXY = {"inclinations_deg": (30.0,), "effective_radii_arcsec": (0.7,), "realisations": 1}


def slope(design, *names):
    task = AblationTask(design, frozenset(names), 0, 30.0, 0.7, 0)
    return run_task(task)[0]["gradient"]


def made_up(**gradients):
    """Return 40 mocks of a truth of -0.04 with the gradients given for each set of effects."""
    rows = [
        {"effects": name, "estimator": "slope", "gradient_true": -0.04, "gradient": float(value)}
        for name, values in gradients.items() for value in values
    ]  # fmt: skip
    table = QTable(rows=rows)
    for name in ("gradient_true", "gradient"):
        table[name] = table[name] * (u.dex / u.kpc)
    return table


def test_every_effect_of_the_instrument_is_among_them():
    mock = with_effects(MockSetup(Galaxy(), 1), EVERYTHING)
    assert [f.name for f in fields(Effects) if getattr(mock.effects, f.name) is None] == []


def test_each_effect_changes_the_mock():
    plain = with_effects(MockSetup(Galaxy(), 1), ())
    assert [
        name for name in EFFECTS if with_effects(MockSetup(Galaxy(), 1), (name,)) == plain
    ] == []


def test_what_an_effect_needs_is_on_with_it_and_goes_with_it():
    design = AblationDesign(effects=("seeing_wings",))
    assert frozenset({"seeing", "seeing_wings"}) in design.sets_of_effects()
    assert not {"seeing", "seeing_wings", "chromatic_seeing"} & without("seeing")
    assert without("seeing_wings") == EVERYTHING - {"seeing_wings"}


def test_sets_of_effects_share_their_draws():
    design = AblationDesign(**ONE_GALAXY)
    assert len({task.mock().seed for task in design.tasks()}) == 1


def test_seeing_flattens_and_its_wings_flatten_more():
    design = AblationDesign(**ONE_GALAXY)
    plain, seen, winged = (
        slope(design),
        slope(design, "seeing"),
        slope(design, "seeing", "seeing_wings"),
    )
    assert plain < seen < winged < 0.0


def test_shares_are_of_the_same_mocks():
    random = np.random.default_rng(3)
    noise = 0.01 * random.standard_normal(40)
    whole, off = "+".join(EFFECTS), set_name(without("seeing"))
    table = shares(
        made_up(**{"nothing": np.full(40, -0.04), "seeing": np.full(40, -0.02),
                   whole: -0.02 + noise, off: -0.04 + noise}), ["seeing"],
    )  # fmt: skip
    found = table[table["effect"] == "seeing"][0]
    assert found["alone_bias"].value == pytest.approx(0.02)
    assert found["within_scatter"].value == pytest.approx(0.0, abs=1e-12)
    assert found["bias_share"] == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"effects": ("rain",)}, "rain"),
        ({"effects": ("seeing", "seeing")}, "each once"),
        ({"gradient": -0.3}, "-0.3"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options, told):
    with pytest.raises(ConfigurationError, match=told):
        AblationDesign(**options)


def test_the_command_writes_tables_figure_and_record(tmp_path, monkeypatch):
    monkeypatch.setattr(
        AblationDesign, "tasks",
        lambda self: tuple(AblationTask(self, n, 0, 30.0, 0.7, 0) for n in self.sets_of_effects()),
    )  # fmt: skip
    out = tmp_path / "out"
    arguments = ["ablate", "--effects", "rotation", "--realisations", "1", "--workers", "1"]
    assert execute([*arguments, "--output", str(out), "--quiet"]) == 0
    table = QTable.read(out / "ablation.ecsv")
    assert set(table["effect"]) == {"nothing", "everything", "rotation"}
    assert {item.name for item in out.iterdir()} == {
        "ablate.zarr", "ablation.ecsv", "ablation.png", "gradients.ecsv", "run.json",
    }  # fmt: skip
