"""Questions with known answers, and how well a model answers them.

Runs on the host.  ``suite`` reads the questions, ``scoring`` judges one answer, ``tally`` counts, ``runner``
asks through an ordinary session.  Nothing here runs SQL: the known answers are stored as rows.
"""
