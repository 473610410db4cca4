"""Speed and memory, side by side in one run: our sandbox, the same engines in process, and other ways to be sealed.

``make bench`` (``python -m tests.bench``) prints a table and writes ``docs/evidence/bench.json``.  Nothing here
is a test: numbers are reported beside their aims, never asserted.  What is measured and how:
``docs/explanation/speed.md``.
"""
