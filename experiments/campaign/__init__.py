"""Campaigns: many tasks on any number of workers, with their results in one store."""

from experiments.campaign.batches import Experiment, seed_of
from experiments.campaign.campaign import CampaignOutcome, Failure, run_campaign
from experiments.campaign.command import Conclusion, run_command
from experiments.campaign.rows import RowsExperiment
from experiments.campaign.store import open_campaign
from experiments.campaign.tasks import run_tasks

__all__ = [
    "CampaignOutcome", "Conclusion", "Experiment", "Failure", "RowsExperiment", "open_campaign",
    "run_campaign", "run_command", "run_tasks", "seed_of",
]  # fmt: skip
