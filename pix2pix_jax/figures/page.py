"""The frame of every HTML page: one file that needs nothing else, on light and dark screens of any width."""

import html
from string import Template

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark; --paper: #fff; --ink: #222; --faint: #595959; --line: #ddd; --rule: #888; --mark: #e8eef7; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181b; --ink: #e4e4e4; --faint: #a8a8a8; --line: #3a3d42; --rule: #777; --mark: #2b3747; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 75rem;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
img { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
th { border-bottom: 2px solid var(--rule); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
p { max-width: 55rem; } .note { color: var(--faint); font-size: .9rem; }
$style</style>
</head>
<body>
$body
</body>
</html>
""")  # noqa: E501


def html_page(title: str, body: str, style: str = "") -> str:
    """A page of HTML.

    Args:
        title: plain text.
        body: what follows the title, as HTML. Pictures must be data URIs: the page may load nothing.
        style: further CSS.
    """
    escaped = html.escape(title)
    return _PAGE.substitute(title=escaped, style=style, body=f"<h1>{escaped}</h1>\n{body}")
