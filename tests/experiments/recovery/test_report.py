"""``kurvs report``: where estimators may be trusted, by stated rules."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from experiments.cli import execute
from experiments.statistics.trust import Judgement, Trust, groups, judged_by

N_MOCKS = 120
OTHER_TABLE = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\na\n1\n"


def recovery(*, bias=0.0, scatter=0.01, stated=0.01, missing=0.0):
    """Return a recovery whose estimators are as good as stated, at two effective radii."""
    random = np.random.default_rng(4)
    number = np.arange(N_MOCKS)
    table = QTable({
        "galaxy": [f"mock-{n:04d}" for n in number],
        "realisation": np.zeros(N_MOCKS, dtype=int),
        "gradient_true": random.choice([-0.04, 0.0], N_MOCKS) * (u.dex / u.kpc),
        "inclination_deg": np.full(N_MOCKS, 45.0) * u.deg,
        "effective_radius_arcsec": np.where(number < N_MOCKS // 2, 0.3, 0.7) * u.arcsec,
        "seeing_fwhm_arcsec": np.full(N_MOCKS, 0.6) * u.arcsec,
        "snr_halpha": np.full(N_MOCKS, 54.0),
        "diagnostic": np.full(N_MOCKS, "n2"),
        "estimator": np.full(N_MOCKS, "forward"),
    })  # fmt: skip
    error = bias + scatter * random.standard_normal(N_MOCKS)
    gradient = table["gradient_true"].value + error
    gradient[random.random(N_MOCKS) < missing] = np.nan
    table["gradient"] = gradient * (u.dex / u.kpc)
    table["gradient_err"] = np.full(N_MOCKS, stated) * (u.dex / u.kpc)
    return table


class Page(HTMLParser):
    """What a page refers to, and whether its elements are closed."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, text):
        super().__init__()
        self.sources, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in {"src", "href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_an_estimator_that_is_right_is_trusted():
    assert Judgement.of(recovery()).trust is Trust.YES


@pytest.mark.parametrize(
    ("fault", "told"),
    [({"bias": 0.03, "stated": 0.05}, "bias +0.03"), ({"stated": 0.004}, "inside"),
     ({"missing": 0.5}, "have a gradient")],
)  # fmt: skip
def test_an_estimator_that_breaks_one_rule_is_not_trusted(fault, told):
    judgement = Judgement.of(recovery(**fault))
    assert judgement.trust is Trust.NO
    assert [told in problem for problem in judgement.problems] == [True]


def test_errors_that_are_too_large_are_told_and_trusted():
    judgement = Judgement.of(recovery(stated=0.05))
    assert judgement.is_cautious
    assert judgement.trust is Trust.YES


def few(errors, stated):
    """Return a recovery of a flat gradient that was found with these errors, dex/kpc."""
    table = recovery()[: len(errors)]
    table["gradient"] = table["gradient_true"] + np.asarray(errors) * (u.dex / u.kpc)
    table["gradient_err"] = np.full(len(errors), stated) * (u.dex / u.kpc)
    return Judgement.of(table)


def test_six_mocks_decide_where_the_bias_is_many_times_its_error():
    judgement = few(0.055 + 0.012 * np.array([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0]), 0.02)
    assert judgement.n_inside == 0
    assert judgement.trust is Trust.NO


def test_few_mocks_that_differ_much_decide_nothing():
    assert few([-0.05, 0.04, 0.01, 0.05, -0.03], 0.05).trust is Trust.OPEN


def test_two_perfect_mocks_decide_nothing():
    judgement = few([0.0, 0.0], 0.02)
    assert judgement.trust is Trust.OPEN
    assert judgement.problems == ()


def test_the_interval_of_a_fraction_has_a_width_where_all_are_inside():
    low, high = few([0.001, -0.001, 0.002, -0.002], 0.02).inside_interval
    assert 0.5 < low < 1.0
    assert high == pytest.approx(1.0)


def test_few_values_stand_alone_and_many_in_quarters():
    assert [label for label, _ in groups(np.array([0.3, 0.7, 0.3]))] == ["0.3", "0.7"]
    quarters = groups(np.linspace(0.0, 1.0, 40))
    assert [int(chosen.sum()) for _, chosen in quarters] == [10, 10, 10, 10]
    assert groups(np.full(5, 0.6)) == []


def test_a_gaussian_seeing_is_judged_beside_its_moffat_wings():
    beta = np.array([3.0, np.inf, 3.0, np.inf, np.nan])
    judged = {label: chosen.tolist() for label, chosen in groups(beta)}
    assert judged == {"3": [True, False] * 2 + [False], "inf": [False, True] * 2 + [False]}
    many = groups(np.append(np.linspace(2.0, 5.0, 12), [np.inf] * 4))
    assert [int(chosen.sum()) for _, chosen in many] == [4, 4, 4, 4]


def test_mocks_are_judged_where_they_are_bad():
    table = recovery()
    compact = table["effective_radius_arcsec"].value == 0.3
    table["gradient"][compact] += 0.05 * (u.dex / u.kpc)
    judged = dict(judged_by(table, "effective_radius_arcsec"))
    assert judged["0.3"].trust is Trust.NO
    assert judged["0.7"].trust is Trust.YES


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    recovery(bias=0.05).write(folder / "recovery.ecsv")
    assert execute(["report", str(folder), "--output", str(folder / "out"), "--quiet"]) == 0
    return (folder / "out" / "report.html").read_text(encoding="utf-8")


def test_the_page_refers_to_nothing_outside(page):
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in parsed.sources)


def test_the_page_states_rules_numbers_and_verdicts(page):
    text = re.sub(r"<[^>]+>", "", page)
    assert "within 0.01 dex/kpc" in text
    assert "120 simulated galaxies" in text
    assert "not trusted over all 120 mocks (bias +0.05" in text
    assert "By effective radius" in text


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("gradient", np.full(N_MOCKS, "steep"), "column gradient holds no numbers"),
        ("inclination_deg", np.full(N_MOCKS, "face-on"), "column inclination_deg holds no numbers"),
        ("gradient", np.zeros(N_MOCKS) * u.km, "column gradient is in 'km', not in dex / kpc"),
        ("gradient_err", np.full(N_MOCKS, -0.01) * (u.dex / u.kpc), "gradient_err holds -0.01"),
        ("estimator", np.full(N_MOCKS, "guess"), "estimator 'guess' is unknown"),
    ],
)
def test_columns_that_cannot_be_judged_are_named(tmp_path, capsys, name, values, told):
    table = recovery()
    table[name] = values
    table.write(tmp_path / "recovery.ecsv")
    assert execute(["report", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "not a table", OTHER_TABLE])
def test_what_is_no_recovery_is_refused_in_one_line(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "recovery.ecsv").write_text(content)
    assert execute(["report", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert "recovery.ecsv" in message
    assert message.count("\n") == 1
