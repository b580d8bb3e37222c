"""Page: one HTML file that needs no other, made of sections, tables and pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

import polars as pl

STYLE = """
:root{--ink:#2b2f36;--soft:#6b7280;--rule:#e3e6ea;--blue:#0072b2;--red:#d55e00}
body{margin:0;background:#f6f7f9;color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:960px;margin:0 auto;padding:32px 40px 40px;background:#fff}
h1{font-size:26px;line-height:1.25;margin:4px 0 18px}h2{font-size:17px;margin:34px 0 10px}
.kicker{margin:0;color:var(--soft);font-size:13px}
.verdict{margin:2px 0;font-size:18px;font-weight:600;color:var(--blue)}
.gate{margin:16px 0 0;padding:8px 12px;border-left:4px solid var(--blue);background:#f3f8fb;font-size:14px}
.gate p{margin:0 0 4px}.stages{font-size:13px;color:var(--soft)}.gate a{color:var(--blue)}
.trials{margin:12px 0 0;font-size:13px;color:var(--soft)}.trials p{margin:0 0 4px}.trials b{color:var(--ink)}
.gate.failed{border-color:var(--red);background:#fdf4ef}
table{border-collapse:collapse;width:100%;font-size:13px;margin:0 0 14px}
th,td{padding:5px 8px;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:600}.text{text-align:left;vertical-align:top}td:first-child{white-space:nowrap}
.number{text-align:right;white-space:nowrap;vertical-align:top;font-variant-numeric:tabular-nums}
td.text:last-child{color:var(--soft)}
.words{max-width:76ch;margin:0 0 10px}dt{font-weight:600}dd{margin:0 0 6px 18px;color:var(--soft)}
img{display:block;width:100%;margin:0 0 14px}
summary{cursor:pointer;color:var(--blue)}footer{margin-top:34px;padding-top:12px;border-top:1px solid var(--rule);
color:var(--soft);font-size:13px}
"""


def page(title: str, blocks: Sequence[str]) -> str:
    """The whole document; `blocks` are HTML already."""
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{''.join(blocks)}</main></body></html>"
    )


def section(title: str, *parts: str) -> str:
    """A headed section; empty when all its parts are."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>" if any(parts) else ""


def image(png: bytes, caption: str) -> str:
    """A picture inside the page itself."""
    data = base64.b64encode(png).decode()
    return f"<img alt='{escape(caption, quote=True)}' src='data:image/png;base64,{data}'>"


def pictured(name: str, pictures: Mapping[str, bytes], captions: Mapping[str, str]) -> str:
    """The picture of a name with its caption; empty where there is none."""
    return image(pictures[name], captions[name]) if name in pictures else ""


def words(text: str) -> str:
    """A paragraph of plain words, as wide as one reads well."""
    return f"<p class=words>{escape(text)}</p>"


def table(frame: pl.DataFrame, numbers: tuple[str, ...]) -> str:
    """A frame as a table; the columns named in `numbers` stand to the right, whole numbers with separators."""
    kinds = ["number" if name in numbers else "text" for name in frame.columns]
    head = "".join(f"<th class={kind}>{escape(name)}" for name, kind in zip(frame.columns, kinds, strict=True))
    lines = []
    for row in frame.iter_rows():
        texts = [f"{cell:,}" if isinstance(cell, int) else "" if cell is None else str(cell) for cell in row]
        cells = "".join(f"<td class={kind}>{escape(text)}" for text, kind in zip(texts, kinds, strict=True))
        lines.append(f"<tr>{cells}")
    return f"<table><thead><tr>{head}</thead><tbody>{''.join(lines)}</tbody></table>"
