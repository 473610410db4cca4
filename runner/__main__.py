"""Entry of the sandbox image: ``python -m runner --memory BYTES --threads N [--no-python]``."""

from __future__ import annotations

import argparse
import sys

from .supervisor import Configuration, Supervisor

parser = argparse.ArgumentParser(prog="runner")
parser.add_argument("--memory", type=int, required=True, help="DuckDB's memory limit in bytes")
parser.add_argument("--threads", type=int, required=True, help="threads of one query")
parser.add_argument("--no-python", action="store_true", help="refuse Python requests")
arguments = parser.parse_args()
configuration = Configuration(memory=arguments.memory, threads=arguments.threads, python=not arguments.no_python)
sys.exit(Supervisor(configuration).serve())
