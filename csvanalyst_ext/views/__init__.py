"""How answers and pages look, in HTML, Markdown and plain text.

Runs on the host; pure.  Everything that comes from data, from a model or from the sandbox is hostile
here: it is shown, never interpreted.  Nothing in this package prints, and none of it belongs to one
front end.
"""
