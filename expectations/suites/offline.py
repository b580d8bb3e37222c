"""Offline: a page of Great Expectations that asks no other machine for style, script or picture, and lacks nothing.

Its index is filled by a script that it fetches; the few lines here stand for what that script does.
"""

from __future__ import annotations

import re

ADDRESS = r"""["']?(?:https?:)?//"""
FETCHED = re.compile(
    rf"<script[^>]*\bsrc={ADDRESS}[^>]*>\s*</script>|<link[^>]*\bhref={ADDRESS}[^>]*>|<img[^>]*\bsrc={ADDRESS}[^>]*>",
    re.IGNORECASE,
)
NOT_HERE = re.compile(r"<link[^>]*\brel=\"shortcut icon\"[^>]*>|<footer>.*?</footer>", re.DOTALL)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
STYLE = """
:root{--ink:#2b2f36;--soft:#6b7280;--rule:#e3e6ea;--blue:#0072b2;--red:#d55e00;--green:#009e73}
body{margin:0 auto;max-width:1100px;padding:24px 32px;color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
a{color:var(--blue)}.float-left,.page-item,.btn,.card.mb-3,[data-toggle=collapse],.ge-walkthrough-modal{display:none}
nav.navbar{height:auto!important;border:0}ol.breadcrumb,.nav{list-style:none;padding:0;margin:0;display:flex;
flex-wrap:wrap;gap:2px 12px}ol.breadcrumb li+li::before{content:"/ ";color:var(--soft)}
.nav-item,.nav-link{font-size:14px}.ge-section{margin:0 0 18px;padding:0 0 6px;border-bottom:1px solid var(--rule)}
h5,h6{font-size:14px;margin:10px 0 2px}.alert{font-weight:600;font-size:17px;margin:14px 0 6px}.badge{font-weight:600}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{padding:5px 10px 5px 0;text-align:left;
vertical-align:top;border-bottom:1px solid var(--rule)}th{color:var(--soft)}td table{font-size:13px;margin:4px 0}
.fa-check-circle,.fa-times,.fa-exclamation-triangle{font-style:normal;color:var(--red);white-space:nowrap}
.fa-check-circle{color:var(--green)}.fa-check-circle::before{content:"\\2714"}.fa-times::before{content:"\\2718"}
.fa-exclamation-triangle::before{content:"\\26A0"}td .fa-check-circle::after{content:" holds"}
td .fa-times::after{content:" fails"}td .fa-exclamation-triangle::after{content:" not computed"}
pre,code{white-space:pre-wrap}tr[data-href]{cursor:pointer}.cooltip .top{display:none}
.sticky,.sticky-top{position:static}
"""
SCRIPT = """
class Found{constructor(e){this.e=e}
each(f){this.e.forEach((x,i)=>f(i,x));return this}
parent(){return new Found([...new Set(this.e.map(x=>x.parentElement).filter(Boolean))])}
fadeIn(){return this.each((i,x)=>x.style.removeProperty('display'))}
fadeOut(){return this.each((i,x)=>x.style.display='none')}
ready(){return this}on(){return this}modal(){return this}prepend(){return this}
bootstrapTable(o){if(typeof o==='string')return this;return this.each((i,t)=>{
const head=t.createTHead().insertRow();o.columns.forEach(c=>{const h=document.createElement('th');h.textContent=c.title;
head.append(h)});const body=t.createTBody();o.data.forEach(d=>{const r=body.insertRow();const to=d._table_row_link_path;
if(to){r.dataset.href=to;r.onclick=()=>{location=to}}o.columns.forEach((c,n)=>{const cell=r.insertCell();
cell.innerHTML=d[c.field]??'';if(to&&n===0){const a=document.createElement('a');a.href=to;a.append(...cell.childNodes);
cell.append(a)}})})})}}
function $(s){return new Found(typeof s==='string'?[...document.querySelectorAll(s)]:[s])}
"""
HEAD = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style><script>{SCRIPT}</script>'


def offline(page: str) -> str:
    """The page without what it would fetch, with a plain style and the script that fills its tables.

    A policy in the page forbids the browser to fetch anything that may be left.
    raises  ValueError where the page has no end of a head to put them before
    """
    kept = NOT_HERE.sub("", FETCHED.sub("", page))
    if "</head>" not in kept:
        raise ValueError(f"the page has no '</head>'; it begins with {page[:80]!r}. Give a whole HTML page.")
    return kept.replace("</head>", f"{HEAD}</head>", 1)
