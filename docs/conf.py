"""How Sphinx makes the site, for `make site`: stored outputs are shown, nothing is executed."""

from pathlib import Path

project = "Build a diffusion U-Net"
language = "en"

extensions = ["myst_nb", "sphinx-mathjax-offline"]
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

html_theme = "sphinx_book_theme"
html_title = project
html_context = {"default_mode": "auto"}  # dark or light, as the browser asks
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the field for searching is in the sidebar
    "footer_content_items": [],
}
# The front page's pictures lie beside the notebooks.
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
PICTURES = [*NOTEBOOKS.glob("digits.*"), NOTEBOOKS / "clothes.png"]
# The page on which the course's network draws, which `make site` has written there.
html_extra_path = ["../build/extra"]
html_static_path = ["static", *map(str, PICTURES)]
html_css_files = ["site.css", "front.css", "sliders.css"]
html_js_files = [("sliders.js", {"defer": "defer"})]
html_sidebars = {"index": []}
html_copy_source = False
html_use_index = False
# The lines around a hit could be those of a solution.
html_show_search_summary = False
