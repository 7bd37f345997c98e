"""A view shows what it was given, with and without its script, and is gone through by keyboard."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest

from burst2vec.config import project_root
from burst2vec.report.interactive import EDGES, OTHERS, SCRIPT, SHAPES, Axes, View
from burst2vec.report.sounds import encode

VILLAIN = "Burst 3 by <script>alert(1)</script> & \"Co\"</script>."


@pytest.fixture(scope="module")
def view():
    """Four bursts in two panels, with two things to draw, two kinds of marks, and two bursts that can be heard."""
    places = np.array([[0, 0], [0.5, 0.5], [1, 0], [1, 1]])
    marks = {"country": pd.Series(pd.Categorical(["USA", "China", "USA", None])),
             "sex": pd.Series(pd.Categorical(["f", "f", "m", "m"]))}
    tone = encode(np.sin(np.arange(3200) / 4))
    return View({"Awe": {"V4": places, "V5": places[::-1]}, "Fear & fright": {"V4": places / 2, "V5": places / 4}},
                ["Burst 0.", "Burst 1.", "Burst 2.", VILLAIN], "predicted <against> true",
                "emotion", Axes("true", "predicted", (0, 1), diagonal=True), marks,
                {"Awe": [f"Awe {i}." for i in range(4)]},
                {1: tone, 3: tone}, {"Awe": [3, 1]})


def embedded(html):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])


def test_the_embedded_data_are_those_that_were_given(view):
    data = embedded(view.show().data)
    left, right, top, bottom = EDGES
    for name, panels in view.places.items():
        for found, wanted in zip(data["places"][name], panels.values(), strict=True):
            x, y = np.array(found).T
            shown = np.stack([(x - left) / (right - left), (bottom - y) / (bottom - top)], axis=1)
            np.testing.assert_allclose(shown, wanted, atol=5e-4)
    assert data["texts"] == list(view.texts) and data["sounds"] == {str(i): s for i, s in view.sounds.items()}
    assert data["marks"] == {"country": [1, 0, 1, -1], "sex": [0, 0, 1, 1]}
    assert data["heard"] == {"Awe": [3, 1], "Fear & fright": [1, 3]}


def test_without_a_script_the_first_choice_is_drawn_whole(view):
    html = view.show().data
    body = re.sub(r"<(script|style).*?</\1>", "", html, flags=re.DOTALL)
    panels = re.findall(r'<svg viewBox="0 0 300.*?</svg>', body, re.DOTALL)
    assert [panel.count("<use ") for panel in panels] == [4, 4] and "true" in panels[0]
    assert 'x="292" y="8" class="m-1 heard"' in panels[0] and 'x="166" y="134" class="m0 heard"' in panels[0]
    assert re.findall(r'data-marks="(\w+)"[^>]*?( hidden)?>', body) == [("country", ""), ("sex", " hidden")]
    assert 'class="controls" hidden' in body and "V4: predicted &lt;against&gt; true" in body


def test_no_text_ends_the_script_or_becomes_a_tag(view):
    html = view.show().data
    assert html.count("</script>") == 2 and "<script>alert" not in html
    assert embedded(html)["texts"][3] == VILLAIN


def test_the_same_view_is_the_same_page_and_another_has_another_name(view):
    html = view.show().data
    assert html == dataclasses.replace(view).show().data
    key = re.search(r'id="(bursts-\w+)"', html)[1]
    assert key not in dataclasses.replace(view, texts=["a", "b", "c", "d"]).show().data


def test_without_sounds_nothing_says_that_one_could_listen(view):
    html = dataclasses.replace(view, sounds={}, heard={}).show().data
    assert "can be heard" not in html and "audio/mpeg" not in html and ' heard"' not in html


def test_the_script_is_small_and_loads_nothing():
    script = (project_root() / SCRIPT).read_text(encoding="utf-8")
    assert len(script) < 10_000 and not re.search(r"https?:|fetch|import|innerHTML|</script", script)


def test_more_classes_than_marks_share_the_last(view):
    names = [name for i in range(14) for name in [f"c{i:02d}"] * (20 - i)]
    many = dataclasses.replace(view, marks={"class": pd.Series(pd.Categorical(names))}, texts=names, sounds={},
                               places={"all": {"V4": np.zeros((len(names), 2))}}, readings={})
    assert embedded(many.show().data)["marks"]["class"][-1] == len(SHAPES) - 1
    legend = re.findall(r"</svg>([^<]*)</li>", many.show().data)
    assert legend == [*(f"c{i:02d}" for i in range(len(SHAPES) - 1)), OTHERS]


@pytest.fixture(scope="module")
def driver():
    """A browser without a network."""
    pytest.importorskip("selenium")
    from tests.support import browser
    if browser.MISSING:
        pytest.skip(browser.MISSING)
    with browser.browser() as driver:
        yield driver


@pytest.fixture
def page(view, driver, tmp_path):
    """The view twice, once without sounds, in a page that the browser shows, 390 pixels wide."""
    from tests.support import browser
    mute = dataclasses.replace(view, sounds={}, heard={})
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{view.show().data}{mute.show().data}", encoding="utf-8")
    browser.set_width(driver, browser.PHONE)
    driver.get(path.as_uri())
    return driver


def test_a_burst_is_chosen_by_keyboard_described_and_heard(page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    from tests.support.browser import OVERFLOW
    first, second = page.find_elements(By.CSS_SELECTOR, ".bursts")
    plot, said = (first.find_element(By.CSS_SELECTOR, css) for css in (".panels", "[aria-live]"))
    assert not first.find_elements(By.CSS_SELECTOR, "audio")
    plot.send_keys(Keys.ARROW_RIGHT)
    assert said.text == f"{VILLAIN} Awe 3. (1 of 2)"
    plot.send_keys(Keys.ARROW_RIGHT)
    assert said.text == "Burst 1. Awe 1. (2 of 2)"
    [audio] = first.find_elements(By.CSS_SELECTOR, "audio")
    loaded = "const [audio, done] = arguments; audio.ondurationchange = () => done(audio.duration); audio.load();"
    assert page.execute_async_script(loaded, audio) == pytest.approx(0.2, abs=0.1)
    ring = first.find_element(By.CSS_SELECTOR, ".chosen")
    assert (ring.get_attribute("cx"), ring.get_attribute("cy")) == ("166", "134")
    second.find_element(By.CSS_SELECTOR, '[data-step="1"]').send_keys(Keys.ENTER)
    assert second.find_element(By.CSS_SELECTOR, "[aria-live]").text == "Burst 0. Awe 0. (1 of 4)"
    assert page.execute_script(OVERFLOW) is None
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_choice_moves_the_bursts_and_changes_their_marks(page):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select
    view = page.find_element(By.CSS_SELECTOR, ".bursts")
    last = view.find_element(By.CSS_SELECTOR, ".points use:last-child")
    Select(view.find_element(By.CSS_SELECTOR, '[data-sets="places"]')).select_by_visible_text("Fear & fright")
    assert (last.get_attribute("x"), last.get_attribute("y")) == ("166", "134")
    Select(view.find_element(By.CSS_SELECTOR, '[data-sets="marks"]')).select_by_visible_text("sex")
    assert last.get_attribute("class") == "m1 heard"
    shown = [legend.get_attribute("data-marks") for legend in view.find_elements(By.CSS_SELECTOR, ".legend")
             if legend.is_displayed()]
    assert shown == ["sex"]


def test_a_press_chooses_the_nearest_burst(page):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    view = page.find_element(By.CSS_SELECTOR, ".bursts")
    panel = view.find_element(By.CSS_SELECTOR, ".panels svg")
    ActionChains(page).move_to_element(panel).click().perform()
    assert view.find_element(By.CSS_SELECTOR, "[aria-live]").text.startswith("Burst 1.")
