"""Checks a built HTML site in headless Chromium without a network, at the width of a desktop and of a phone."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = None if CHROMIUM and DRIVER else "needs Chromium (Debian packages: chromium chromium-driver)"

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-sync", "--disable-background-networking", "--disable-component-update",
         "--disable-dev-shm-usage", "--mute-audio",
         "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
DESKTOP, PHONE = (1280, 900), (390, 844)
"""Widths and heights in pixels at which each page is shown."""

PATIENCE = 30
"""The seconds that a page may take to settle."""

LOCAL_PATH = re.compile(r"(?:file://|(?<![\w.~/-])/(?:home|root|work|tmp|Users|private|builds)/)[^\s\"'<>]*")
DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s\\]*")
WARNING_LINE = re.compile(r"^.*?(?:\w*Warning: |Traceback \(most recent|\w+Error: ).*$", re.MULTILINE)

SETTLE = """
const done = arguments[arguments.length - 1];
for (const image of document.images) image.loading = 'eager';
const maths = window.MathJax && MathJax.startup ? MathJax.startup.promise : Promise.resolve();
const images = [...document.images].filter(i => !i.complete).map(i => new Promise(r => {
    i.onload = i.onerror = r; }));
const unheard = [...document.querySelectorAll('audio')].filter(a => !a.readyState && !a.error);
const players = unheard.map(a => new Promise(r => {
    a.onloadedmetadata = a.onerror = r; a.preload = 'metadata'; a.load(); setTimeout(r, 5000); }));
Promise.all([maths, ...images, ...players]).then(() => done(null), e => done(String(e)));
"""

INSPECT = r"""
const all = (css) => [...document.querySelectorAll(css)];
const problems = [];
const about = (e) => (e.getAttribute('src') || e.textContent).trim().slice(0, 120);
const say = (kind, e) => problems.push(kind + ': ' + about(e));
const maths = all('.math');
maths.filter(e => !e.querySelector('mjx-container svg')).forEach(e => say('maths not rendered', e));
all('mjx-merror, [data-mjx-error]').forEach(e => say('maths error', e));
const figures = all('img');
figures.filter(i => !(i.complete && i.naturalWidth > 0)).forEach(i => say('figure missing', i));
const ours = figures.filter(i => !i.closest('.modindextable'));
ours.filter(i => i.alt.trim().split(/\s+/).length < 3).forEach(i => say('no phrase stands for figure', i));
const tables = all('table:not(.highlighttable, .indextable)');
tables.filter(t => t.offsetParent && t.rows.length < 2).forEach(t => say('table empty', t));
const players = all('audio');
players.filter(a => !(a.readyState > 0 && a.duration > 0)).forEach(a => say('audio does not play', a));
all('.output.traceback, .cell_output .traceback').forEach(e => say('error output', e));
all('.output.stderr, .cell_output .stderr').forEach(e => say('output on stderr', e));
all('mjx-container:not([display])').filter(e => /auto|scroll/.test(getComputedStyle(e).overflowX))
    .forEach(e => say('maths in a line scrolls', e));
all('.system-message, .problematic').forEach(e => say('error of the book builder', e));
const answer = document.querySelector('.in-short');
return {problems, answerAt: answer && answer.getBoundingClientRect().top + scrollY,
    outputs: all('.cell_output').map(e => e.textContent), counts: {
    maths: maths.length, figures: figures.length, tables: tables.length, players: players.length}};
"""

WEIGHT = """
return performance.getEntries().reduce((bytes, entry) => bytes + (entry.encodedBodySize || 0), 0);
"""

OVERFLOW = r"""
const width = document.documentElement.clientWidth, page = document.documentElement.scrollWidth;
if (page <= width) return null;
const scrolls = (e) => e && (getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
const wide = [...document.body.querySelectorAll('*')].find(e => e.getBoundingClientRect().right > width + 1
    && !scrolls(e.parentElement) && getComputedStyle(e).position !== 'fixed');
return page + ' px wide' + (wide ? `, by <${wide.tagName.toLowerCase()} class="${wide.className}">` : '');
"""


@dataclass
class Visit:
    """What a page holds and what is wrong with it.

    `counts` has the number of its elements by kind (maths, figures, tables, players), `problems` one line for each
    problem. `weight` is what its first load takes, in bytes, before anything is played, and `answer_at` where its box
    *In short* begins on a desktop, in pixels from the top; None where it has none.
    """

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    weight: int = 0
    answer_at: float | None = None


def check_site(html: Path) -> list[str]:
    """Returns one line for each problem of the site in folder `html`, with its page first; none for a sound site.

    Raises FileNotFoundError for a folder that holds no page.
    """
    return [f"{page}: {problem}" for page, visit in visit_site(html).items() for problem in visit.problems]


def visit_site(html: Path) -> dict[str, Visit]:
    """Shows each page of the site in folder `html` in Chromium, and returns the visits by the page's path in it.

    Of the pages of source code, which are alike, only the first is shown; paths of this machine are looked for in all
    of them, and in all other files of text. Raises FileNotFoundError for a folder that holds no page.
    """
    pages = sorted(p.relative_to(html).as_posix() for p in html.rglob("*.html") if "_static" not in p.parts)
    if not pages:
        raise FileNotFoundError(f"{html}: holds no page")
    not_shown = [page for page in pages if page.startswith("_modules/")][1:]
    with served(html) as address, browser() as driver:
        visits = {page: Visit() if page in not_shown else visit(driver, f"{address}/{quote(page)}", address)
                  for page in pages}
    for page, seen in visits.items():
        seen.problems += local_paths((html / page).read_text(encoding="utf-8"))
    for source in sorted(p for p in html.rglob("*") if p.suffix in (".ipynb", ".md", ".txt", ".csv", ".svg")):
        found = local_paths(source.read_text(encoding="utf-8", errors="replace"))
        if found:
            visits[source.relative_to(html).as_posix()] = Visit(problems=found)
    return visits


def visit(driver: webdriver.Chrome, url: str, address: str) -> Visit:
    """Shows the page at `url`, first as wide as on a desktop, then as on a phone, and returns what it held.

    A request to anything but `address`, the site's own, is a problem.
    """
    for log in ("browser", "performance"):
        driver.get_log(log)  # what the page before left there
    set_width(driver, DESKTOP)
    driver.get(url)
    weight = driver.execute_script(WEIGHT)
    failure = driver.execute_async_script(SETTLE)
    seen = driver.execute_script(INSPECT)
    problems = seen["problems"] + ([f"does not settle: {failure}"] if failure else [])
    lines = [line.strip() for text in seen["outputs"] for line in WARNING_LINE.findall(text)]
    problems += [f"warning in a cell: {line[:120]}" for line in lines]
    set_width(driver, PHONE)
    overflow = driver.execute_script(OVERFLOW)
    problems += [f"scrolls sideways at {PHONE[0]} px: {overflow}"] if overflow else []
    # Where a page, such as a redirection, names no icon, a browser may ask for /favicon.ico by itself.
    problems += [f"console: {e['message']}" for e in driver.get_log("browser")
                 if e["level"] != "INFO" and "/favicon.ico " not in e["message"]]
    problems += remote_requests(driver.get_log("performance"), address)
    return Visit(seen["counts"], problems, weight, seen["answerAt"])


def remote_requests(log: list[dict], address: str) -> list[str]:
    """Returns one line for each request in Chromium's performance log that went elsewhere than to `address`."""
    events = [json.loads(entry["message"])["message"] for entry in log]
    urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    urls += [e["params"]["url"] for e in events if e["method"] == "Network.webSocketCreated"]
    return [f"remote request: {url}" for url in urls
            if urlsplit(url).scheme in ("http", "https", "ws", "wss") and not url.startswith(address + "/")]


def local_paths(text: str) -> list[str]:
    """Returns one line for each path in a page's text that belongs to the machine which built it."""
    text = DATA_URI.sub("", text)
    here = re.findall(re.escape(str(Path.cwd())) + r"[^\s\"'<>]*", text) if len(Path.cwd().parts) > 2 else []
    return [f"local path: {found}" for found in sorted({*LOCAL_PATH.findall(text), *here})]


def set_width(driver: webdriver.Chrome, size: tuple[int, int]) -> None:
    """Shows the page at this width and height in pixels. (A window could not be as narrow as a phone.)"""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False})


@contextlib.contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """Yields a headless Chromium, the system's own, that resolves no host name and keeps nothing."""
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            driver.set_page_load_timeout(PATIENCE)
            driver.set_script_timeout(PATIENCE)
            driver.get("about:blank")  # away from the browser's own start page
            driver.execute_cdp_cmd("Network.enable", {})
            driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})  # each load is a first one
            yield driver
        finally:
            driver.quit()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves `folder` on the loopback interface, and yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
