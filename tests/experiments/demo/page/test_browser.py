"""The teaching demo as a class sees it: a real server and a real browser."""

import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

pytest.importorskip("panel", reason="the demo needs panel: pip install '.[demo]'")

import demo_browser
from bokeh.client import pull_session
from PIL import Image

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.state import demo_state
from experiments.demo.page.lesson import LESSON

MAPS = [f"{row}_{name}" for row in ("intrinsic", "observed")
        for name in ("halpha", "log_n2", "velocity")]  # fmt: skip
OBSERVED = MAPS[3:]

# By slider: where to move it, and the sources that change with it or must not.
SLIDER_EFFECTS = {
    ("Gradient", "gradient", -0.08): (
        ["intrinsic_log_n2", "observed_log_n2", "profile_lines", "profile_points", "spectrum"],
        ["intrinsic_halpha", "intrinsic_velocity", "annuli"],
    ),
    ("Inclination", "inclination_deg", 60.0): ([*MAPS, "annuli", "profile_points"], []),
    ("Effective radius", "effective_radius_arcsec", 0.7): (
        ["intrinsic_halpha", *OBSERVED, "profile_points"], ["annuli"],
    ),
    ("Seeing FWHM", "seeing_fwhm_arcsec", 0.9): (
        [*OBSERVED, "profile_points", "forward_band", "spectrum"], [*MAPS[:3], "annuli"],
    ),
    ("PSF wings", "psf_inverse_beta", 0.3): ([*OBSERVED, "profile_points"], MAPS[:3]),
    ("S/N", "halpha_snr", 150.0): (
        ["observed_halpha", "observed_log_n2", "forward_band", "spectrum"],
        [*MAPS[:3], "observed_velocity", "annuli"],
    ),
    # Velocities are shown where there is light, which dust moves.
    ("Dust gradient", "dust_gradient", -0.2): (
        ["intrinsic_halpha", *OBSERVED[:2], "profile_points"], ["annuli"],
    ),
    ("Annulus width", "annulus_width_arcsec", 0.3): (
        ["annuli", "profile_points", "forward_band", "spectrum"], MAPS,
    ),
}  # fmt: skip
ALL_SOURCES = [*MAPS, "annuli", "profile_lines", "profile_points", "forward_band", "spectrum"]


@pytest.fixture(scope="module")
def served():
    with demo_browser.served_demo() as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    with demo_browser.chromium() as found:
        yield found


@pytest.fixture(scope="module")
def opened(browser, served):
    browser.open(served.url)
    return browser


@pytest.fixture
def page(opened, served):
    """Return the page in the state that it opens with; loading it anew takes its time."""
    if not opened.run("return location.href === arguments[0] && window.kurvs !== undefined",
                      served.url):  # fmt: skip
        opened.open(served.url)
    for label, name, _ in SLIDER_EFFECTS:
        opened.move_slider(label, name, getattr(DemoParameters(), name))
    return opened


def test_the_page_asks_no_other_machine_for_anything(opened):
    opened.move_slider("Seeing FWHM", "seeing_fwhm_arcsec", 0.8)
    opened.press("KURVS 9")
    opened.wait_for("return kurvs.source('summary').inclination_deg[0] === 51")
    addresses = [urlsplit(url) for url in opened.requests()]
    assert len(addresses) > 5
    of_network = {a.hostname for a in addresses if a.scheme not in {"blob", "data"}}
    assert of_network == {"localhost"}


def test_every_slider_changes_what_it_should_and_nothing_else(page):
    start = {name: getattr(DemoParameters(), name) for _, name, _ in SLIDER_EFFECTS}
    before = page.sources(ALL_SOURCES)
    for (label, name, value), (moved, still) in SLIDER_EFFECTS.items():
        page.move_slider(label, name, value)
        after = page.sources(ALL_SOURCES)
        changed = {source for source in ALL_SOURCES if after[source] != before[source]}
        assert set(moved) - changed == set(), label
        assert changed & set(still) == set(), label
        page.move_slider(label, name, start[name])
        assert page.sources(ALL_SOURCES) == before, label


def test_the_page_shows_the_state_of_its_sliders(page):
    page.move_slider("Seeing FWHM", "seeing_fwhm_arcsec", 0.3)
    seed = int(page.number("noise_seed"))
    expected = demo_state(DemoParameters(seeing_fwhm_arcsec=0.3, noise_seed=seed))
    for name in ("slope", "slope_fgrad", "forward"):
        assert page.number(name) == getattr(expected.gradients, name)[1]
    points = page.source("profile_points")["abundance"]
    np.testing.assert_array_equal(np.array(points, float), expected.profiles.abundance)


def test_sliders_move_by_the_keyboard(page):
    from selenium.webdriver import ActionChains, Keys  # noqa: PLC0415 - an extra

    focused = """let e = document.activeElement;
        while (e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
        return e.className;"""
    for _ in range(12):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        if "noUi-handle" in page.run(focused):
            break
    ActionChains(page.driver).send_keys(Keys.ARROW_RIGHT).perform()
    page.wait_for("return Math.abs(kurvs.source('summary').gradient[0] + 0.045) < 1e-9")


def test_new_noise_moves_the_points_and_not_the_galaxy(page):
    before, seed = page.sources(ALL_SOURCES), page.number("noise_seed")
    page.press("New noise")
    page.wait_for("return kurvs.source('summary').noise_seed[0] !== arguments[0]", seed)
    assert page.source("profile_points") != before["profile_points"]
    assert page.source("intrinsic_log_n2") == before["intrinsic_log_n2"]


def test_presets_move_all_sliders(page):
    page.press("Compact")
    page.wait_for("return kurvs.source('summary').effective_radius_arcsec[0] === 0.25")
    assert page.run("return kurvs.slider('Gradient').value") == -0.08


def test_a_preset_takes_back_an_answer_that_was_given_for_another_galaxy(page):
    page.press("Show answer")
    answer = LESSON[0].answer[:40]
    page.wait_for("return kurvs.text().includes(arguments[0])", answer)
    page.press("Compact")
    page.wait_for("return !kurvs.text().includes(arguments[0])", answer)


def test_sliders_have_names_for_screen_readers(page):
    names = page.run(
        "return [...kurvs.deep(document)].filter(e => e.classList.contains('noUi-handle'))"
        ".map(e => e.getAttribute('aria-label'))"
    )
    assert len(names) == len(SLIDER_EFFECTS)
    for (label, _, _), name in zip(SLIDER_EFFECTS, names, strict=True):
        assert name.startswith(label)


def test_words_of_the_page_are_defined_on_it(page):
    words = page.run("return document.querySelector('#words').textContent")
    assert all(word in words for word in ("log(O/H)", "fgrad", "Limit", "forward"))


def test_bad_parameters_of_the_url_are_clamped_with_a_message(browser, served):
    browser.open(served.url + "?seeing_fwhm_arcsec=9&gradient=steep&volume=11")
    assert browser.number("seeing_fwhm_arcsec") == 1.2
    assert browser.number("gradient") == DemoParameters().gradient
    text = browser.run("return kurvs.text()")
    assert "seeing_fwhm_arcsec is 9; set to 1.20, the most that this page shows" in text
    assert "gradient is 'steep', not a number" in text
    assert "volume is no parameter of this page" in text


def test_a_shared_link_opens_the_same_state(page, served):
    page.move_slider("Effective radius", "effective_radius_arcsec", 0.66)
    page.press("Share link")
    query = page.wait_for("return location.search")
    shown = page.source("summary")
    page.open(served.url + query)
    assert page.source("summary") == shown


def test_the_lesson_has_six_steps_with_an_answer_each(page):
    assert len(LESSON) == 6
    for number, step in enumerate(LESSON, start=1):
        page.wait_for("return kurvs.text().includes(arguments[0])", f"Lesson {number} of 6")
        assert step.question in page.run("return kurvs.text()")
        assert step.answer not in page.run("return kurvs.text()")
        page.press("Show answer")
        page.wait_for("return kurvs.text().includes(arguments[0])", step.answer)
        if number < len(LESSON):
            page.press("Next")
    assert page.number("halpha_snr") == LESSON[-1].parameters.halpha_snr


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_everything_fits_on_a_screen_without_scrolling(browser, served, tmp_path, width, height):
    browser.open(served.url, width, height)
    browser.press("Show answer")
    browser.wait_for("return kurvs.text().includes(arguments[0])", LESSON[0].answer)
    page_size = browser.run(
        "const e = document.scrollingElement; return [e.scrollWidth, e.scrollHeight]"
    )
    assert page_size[0] <= width
    assert page_size[1] <= height
    outside = """return [...kurvs.deep(document)]
        .filter(e => ["CANVAS", "BUTTON"].includes(e.tagName)).map(e => e.getBoundingClientRect())
        .filter(r => r.width > 0 && (r.left < 0 || r.top < 0 || r.right > innerWidth + 1 ||
        r.bottom > innerHeight + 1)).length"""
    assert browser.run(outside) == 0
    cut_off = """return [...kurvs.deep(document)].filter(e => e.tagName === "BUTTON" &&
        e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"""
    assert browser.run(cut_off) == []
    shot = Path(os.environ.get("KURVS_SCREENSHOTS", tmp_path)) / f"demo-{width}x{height}.png"
    browser.driver.save_screenshot(str(shot))
    with Image.open(shot) as image:
        assert image.size == (width, height)
    assert shot.stat().st_size < 400_000


def test_a_telephone_shows_one_column_large_enough_to_read(browser, served):
    browser.open(served.url, 420, 800)
    assert browser.run("return document.scrollingElement.scrollWidth") <= 420
    size = "return parseFloat(getComputedStyle(document.body).fontSize)"
    assert browser.run(size) >= 14.0
    widths = """return [...kurvs.deep(document)].filter(e => e.classList.contains("noUi-target"))
        .map(e => e.getBoundingClientRect().width)"""
    assert min(browser.run(widths)) > 300.0


def test_on_a_telephone_nothing_covers_or_leaves_the_page(browser, served):
    browser.open(served.url, 390, 2200)
    boxes = browser.run(
        "return ['Back', 'Set sliders', 'Show answer', 'Next'].map(label => {"
        "const box = kurvs.button(label).getBoundingClientRect();"
        "return [box.left, box.right, box.top, box.bottom]; })"
    )
    for one, (left, right, top, bottom) in enumerate(boxes):
        assert left >= 0
        assert right <= 390
        for other in boxes[one + 1 :]:
            apart = right <= other[0] or left >= other[1] or bottom <= other[2] or top >= other[3]
            assert apart
    grid = browser.run("return document.querySelector('#map-grid').getBoundingClientRect().right")
    assert grid <= 390


def test_ten_sessions_at_once_stay_apart_and_small(served):
    places = np.linspace(0.2, 1.1, 10).round(2)
    sessions = [
        pull_session(url=served.url, arguments={"gradient": f"{-0.01 * number:.3f}"})
        for number in range(10)
    ]
    try:
        for session, place in zip(sessions, places, strict=True):
            _slider(session, "Seeing FWHM").value = float(place)
        for number, (session, place) in enumerate(zip(sessions, places, strict=True)):
            shown = _summary_at(session, float(place))
            expected = demo_state(
                DemoParameters(gradient=-0.01 * number, seeing_fwhm_arcsec=float(place))
            )
            assert shown["gradient"][0] == pytest.approx(-0.01 * number)
            assert shown["slope"][0] == pytest.approx(expected.gradients.slope[1], rel=1e-9)
            assert shown["forward"][0] == pytest.approx(expected.gradients.forward[1], rel=1e-9)
        assert served.memory_mb() < 1000.0
    finally:
        for session in sessions:
            session.close()


def _slider(session, start):
    (found,) = [m for m in session.document.models
                if type(m).__name__ == "Slider" and m.title.startswith(start)]  # fmt: skip
    return found


def _summary_at(session, seeing):
    session.force_roundtrip()  # cheaper than to pull a document that is not yet new
    for _ in range(100):
        session.pull()
        source = session.document.get_model_by_name("summary")
        if source.data["seeing_fwhm_arcsec"][0] == pytest.approx(seeing):
            return source.data
        time.sleep(0.05)
    raise AssertionError(f"the session never came to a seeing of {seeing}")


def test_other_machines_cannot_reach_the_page(served):
    # 127.0.0.2 is this machine by another address: a server of all addresses answers there.
    with socket.socket() as outside:
        outside.settimeout(2.0)
        assert outside.connect_ex(("127.0.0.2", served.port)) != 0
