"""What a run on this machine opens, nobody elsewhere can reach."""

import psutil
import pytest

from experiments.campaign.cluster import local_cluster

LOOPBACK = {"127.0.0.1", "::1"}


def listening():
    """Return the addresses at which this process and its children listen."""
    this = psutil.Process()
    return {
        connection.laddr
        for process in (this, *this.children(recursive=True))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }


@pytest.fixture(scope="module")
def cluster():
    """Give the sockets that a cluster opens, and what it says of its dashboard."""
    before, said = listening(), []
    with local_cluster(2, said.append) as client:
        client.wait_for_workers(2)
        yield listening() - before, said[0]


def test_scheduler_workers_and_dashboard_listen_on_loopback_alone(cluster):
    sockets, _ = cluster
    assert len(sockets) >= 4
    assert {address.ip for address in sockets} <= LOOPBACK


def test_the_dashboard_listens_at_the_address_that_is_printed(cluster):
    sockets, said = cluster
    place = said.removeprefix("dashboard: http://").removesuffix("/status")
    assert place in {f"{address.ip}:{address.port}" for address in sockets}
