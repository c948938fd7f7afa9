"""The bench's plot is a document that every viewer reads."""

from xml.etree import ElementTree

from bench.plot import Panel, write_plot

SVG = "{http://www.w3.org/2000/svg}"
PANEL = Panel("calls & more", ["1", "64"], ["direct", "mesh"], [[100.0, 50.0], [400.0, 0.0]])


def bars() -> list[float]:
    document = ElementTree.fromstring(write_plot("a <title>", [PANEL]))
    return [float(bar.attrib["height"]) for bar in document.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]


def test_there_is_a_bar_for_every_value_and_its_height_is_in_proportion() -> None:
    first, second, highest, nothing = bars()
    assert highest == max(bars())
    assert first == highest / 4
    assert second == highest / 8
    assert nothing == 0


def test_titles_are_text_and_never_markup() -> None:
    document = ElementTree.fromstring(write_plot("a <title>", [PANEL]))
    assert document.attrib["aria-label"] == "a <title>"
    assert "calls & more" in [text.text for text in document.iter(f"{SVG}text")]
