"""A peer that lies, many thousand times over: what the host makes of it must be an answer or a typed error.

A case is a number: with the seed of the run it gives a *script* (``script.py``), which a peer plays over a real
socket against the host's real carrier, channel, collector and Arrow reader (``play.py``).  ``judge.py`` says what
must hold, whatever was sent.  ``runs.py`` runs the cases in processes of their own, so that a crash or a hang costs
one case and names it.  ``python -m tests.fuzz --help`` is the command.
"""
