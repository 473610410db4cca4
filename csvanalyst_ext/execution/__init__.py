"""Executors: the only road from the host to data logic.  Nothing here runs model-written code itself."""
