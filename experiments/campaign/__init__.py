"""Many tasks on any number of workers, in one store."""

from experiments.campaign.batches import Experiment, seed_of
from experiments.campaign.campaign import CampaignOutcome, Failure, run_campaign
from experiments.campaign.rows import Conclusion, RowsExperiment, run_rows
from experiments.campaign.store import open_campaign

__all__ = [
    "CampaignOutcome", "Conclusion", "Experiment", "Failure", "RowsExperiment", "open_campaign",
    "run_campaign", "run_rows", "seed_of",
]  # fmt: skip
