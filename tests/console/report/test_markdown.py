"""Escaping: whatever people wrote comes out of a Markdown reader as exactly that text."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from console.report import html as page
from console.report.markdown import Md, block, code, fence, finalize, inline
from console.sanitize import is_clean, one_line, visible

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NASTY = st.text(alphabet=st.sampled_from(list("\\`*_[](){}<>#+-=.!|~$&:%/ \n\tab1é\"'\x1b\u202e")), max_size=40)
TEXTS = NASTY | st.text(max_size=60)


def shown(markdown: str) -> str:
    """The text that a reader of the rendered page sees, one paragraph expected."""
    rendered = READER.render(markdown).strip()
    match = re.fullmatch(r"<p>(.*)</p>", rendered, re.DOTALL)
    assert match, rendered
    assert "<" not in match[1], rendered
    return html.unescape(match[1])


@given(TEXTS.filter(lambda text: one_line(text)))
@example("# heading")
@example("1. list")
@example("- [x] task")
@example("+ a")
@example("=== ")
@example("![x](javascript:alert(1))")
@example("<script>alert(1)</script>")
@example("&lt;b&gt; &amp; &#60;")
@example("[a]: http://x")
@example("`` ` ```")
@example("a | b\\|c")
@example("__init__ *x* ~~y~~ $z$")
@example("\\")
@example("{{ secret }} {% raw %}")
def test_inline_text_reads_as_it_was_written(text: str) -> None:
    assert shown(inline(text)) == one_line(text)
    assert is_clean(inline(text))
    assert "{{" not in inline(text)


@given(TEXTS.filter(lambda text: one_line(text)))
def test_inline_text_stays_in_its_table_cell(text: str) -> None:
    rendered = READER.render(f"| a | b |\n|---|---|\n| {inline(text)} | {code(text)} |\n")
    cells = re.findall(r"<td>(.*?)</td>", rendered, re.DOTALL)
    assert len(cells) == 2
    assert html.unescape(cells[0]) == one_line(text)
    assert html.unescape(re.sub(r"</?code>", "", cells[1])).strip() == one_line(text).strip()


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_blocks_hold_no_markup(lines: list[str]) -> None:
    rendered = READER.render(block("\n".join(lines)))
    assert set(re.findall(r"<[^>]*>", rendered)) <= {"<p>", "</p>"}
    assert html.unescape(re.sub(r"</?p>", " ", rendered)).split() == visible("\n".join(lines)).split()


@given(TEXTS, st.sampled_from([0, 2]))
def test_nothing_leaves_a_fence(text: str, indent: int) -> None:
    before = "- item\n\n" if indent else ""
    rendered = READER.render(f"{before}{fence(text, indent=indent)}\n\nafter\n")
    assert len(re.findall("<pre>", rendered)) == 1
    assert rendered.rstrip().endswith("<p>after</p>")
    inside = re.search(r'<pre><code class="language-text">(.*?)</code></pre>', rendered, re.DOTALL)
    assert inside
    assert "<" not in inside[1]
    if not indent:
        assert html.unescape(inside[1]).rstrip("\n") == visible(text).rstrip("\n")


def test_a_fence_is_longer_than_any_run_of_backticks() -> None:
    assert fence("a\n`````\nb").startswith("``````text\n")


@pytest.mark.parametrize(("value", "printed"), [(None, ""), (3, "3"), ("*a*", "\\*a\\*"), (Md("*a*"), "*a*")])
def test_templates_print_escaped_unless_it_is_ours(value: object, printed: str) -> None:
    assert finalize(value) == printed


PLAIN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@settings(max_examples=400)
@given(st.text(alphabet="ab1 _\\*`[](){}<>&;~!#-+=.:\"'|@★üß~x\u00a0\u2028", min_size=1, max_size=30))
def test_plain_items_are_what_the_reader_makes_of_them(text: str) -> None:
    for line in (f"- {text}", f"- {inline(text)}", f"- 23:09 T+00:17 [note] {inline(text)} — @{inline(text)}"):
        if page.ITEM.fullmatch(line):
            assert f"<ul>\n{page.item(line)}</ul>\n" == PLAIN.render(line + "\n"), line


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                "- a",
                "- b \\* c",
                "- &lt;b&gt;",
                "- **c**",
                "",
                "## h",
                "  more",
                "lazy",
                "```text",
                "```",
                "- d",
                "- 1. x",
            ]
        ),
        max_size=40,
    )
)
def test_runs_of_plain_items_change_no_word_of_a_page(lines: list[str]) -> None:
    part = "\n".join([*lines, ""])

    def words(rendered: str) -> str:  # how items are grouped into lists, and how loose they are, is all that may differ
        return "".join(re.sub(r"</?(?:ul|p)>", "", rendered).split())

    assert words("".join(page.rendered(PLAIN, part))) == words(PLAIN.render(part))
