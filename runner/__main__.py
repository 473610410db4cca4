"""Entry of the sandbox image: ``python -m runner --memory BYTES --threads N [--no-python]
[--most-processes N] [--most-growth BYTES]``."""

from __future__ import annotations

import argparse
import sys

from . import rlimits
from .supervisor import Configuration, Supervisor

parser = argparse.ArgumentParser(prog="runner")
parser.add_argument("--memory", type=int, required=True, help="DuckDB's memory limit in bytes")
parser.add_argument("--threads", type=int, required=True, help="threads of one query")
parser.add_argument("--no-python", action="store_true", help="refuse Python requests")
parser.add_argument("--most-processes", type=int, help="processes and threads, where the engine does not limit these")
parser.add_argument("--most-growth", type=int, help="bytes that one worker may map, where the engine ends all instead")
arguments = parser.parse_args()
configuration = Configuration(
    memory=arguments.memory,
    threads=arguments.threads,
    python=not arguments.no_python,
    most_growth=arguments.most_growth,
)
if arguments.most_processes is not None:
    rlimits.limit_processes(arguments.most_processes)
sys.exit(Supervisor(configuration).serve())
