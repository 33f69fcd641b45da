"""What others find in a store: no warning, and a unit for every number."""

import pytest
import xarray as xr
from astropy import units as u

from experiments.ablation.ablation import AblationDesign
from experiments.ablation.ablation import experiment as ablation
from experiments.binning.sensitivity import BinningDesign
from experiments.binning.sensitivity import experiment as binning
from experiments.campaign.description import described
from experiments.campaign.store import CampaignStore
from experiments.recovery.experiment import RecoveryExperiment
from experiments.studies.ensemble.ensemble import SurveyEnsemble

EXPERIMENTS = {
    "ablate": lambda: ablation(AblationDesign()),
    "binning": lambda: binning(BinningDesign()),
    "recover": RecoveryExperiment,
    "ensemble": lambda: SurveyEnsemble(n_twins=1),
}


@pytest.fixture(params=EXPERIMENTS)
def store(request, tmp_path):
    experiment = EXPERIMENTS[request.param]()
    made = CampaignStore.of(experiment, tmp_path / "x.zarr")
    made.create(described(experiment))
    return made.path


@pytest.mark.filterwarnings("error")
def test_a_store_is_opened_by_xarray_without_a_warning(store):
    assert "done" in xr.open_zarr(store)


@pytest.mark.filterwarnings("ignore:.*:FutureWarning")
def test_every_number_of_a_store_has_a_unit(store):
    opened = xr.open_zarr(store)
    numbers = [name for name in opened.data_vars if opened[name].dtype.kind == "f"]
    assert numbers
    for name in numbers:
        unit = u.Unit(opened[name].attrs["units"])
        named = {"_deg": u.deg, "_arcsec": u.arcsec, "_kms": u.km / u.s}
        for ending, expected in named.items():
            assert not str(name).endswith(ending) or unit == expected
