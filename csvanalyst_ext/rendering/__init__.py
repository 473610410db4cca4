"""Values as text and as frames: what makes hostile text harmless, and Arrow cells readable.

Runs on the host; pure functions over values, below everything that shows or tells something.
"""
