"""Draws the end of a recorded terminal session as an SVG, as the README shows it.

    python3 -m venv build/picture && build/picture/bin/pip install pyte==0.8.2 rich==15.0.0
    stty cols 118 && script -q -c 'npm start' build/picture/session
    build/picture/bin/python docs/images/terminal_picture.py build/picture/session 'npm start' \
        > docs/images/npm-start.svg

pyte carries out what the session wrote, cursor movements included; rich draws what stands there then.
"""

import io
import re
import sys

import pyte
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS = 118
MOST_LINES = 1000

GREY, WHITE, BLUE, GREEN = (139, 148, 158), (230, 237, 243), (121, 192, 255), (126, 231, 135)
THEME = TerminalTheme(background=(13, 17, 23), foreground=WHITE, normal=[GREY] * 8)

# moco prints without colours; these let a reader find the parts of its output.
HIGHLIGHTS = [
    (r"^\$ .*", "bold"),
    (r"^(note:|>) .*", f"rgb{GREY}".replace(" ", "")),
    (r"^[a-z]+(?= )", f"rgb{BLUE}".replace(" ", "")),
    (r"kNN top-1 [\d.]+ %", f"rgb{GREEN}".replace(" ", "")),
]


def lines_at_the_end(session: bytes) -> list[str]:
    """The lines on a terminal that is tall enough for all of them, without `script`'s own."""
    screen = pyte.Screen(COLUMNS, MOST_LINES)
    pyte.ByteStream(screen).feed(session)
    lines = [line.rstrip() for line in screen.display]
    lines = [line for line in lines if line and not line.startswith("Script ")]
    return lines


def drawn(lines: list[str], title: str) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in lines:
        text = Text(line)
        for pattern, style in HIGHLIGHTS:
            text.highlight_regex(pattern, style)
        console.print(text, soft_wrap=True)
    svg = console.export_svg(title=title, theme=THEME)
    # A page that shows a picture loads no fonts for it: the reader's own monospace font is taken.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas")


if __name__ == "__main__":
    recording, command = sys.argv[1:]
    with open(recording, "rb") as file:
        print(drawn([f"$ {command}", *lines_at_the_end(file.read())], "moco"))
