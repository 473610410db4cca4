"""Entry of the sandbox image: ``python -m runner --memory BYTES --threads N``; ``--help`` lists the rest."""

from __future__ import annotations

import argparse
import sys

from . import rlimits
from .link import StreamLink, connect
from .pool import Configuration
from .supervisor import Supervisor

parser = argparse.ArgumentParser(prog="runner")
parser.add_argument("--memory", type=int, required=True, help="DuckDB's memory limit in bytes")
parser.add_argument("--threads", type=int, required=True, help="threads of one query")
parser.add_argument("--no-python", action="store_true", help="refuse Python requests")
parser.add_argument("--most-processes", type=int, help="processes and threads, where the engine does not limit these")
parser.add_argument("--most-growth", type=int, help="bytes that one worker may map, where the engine ends all instead")
parser.add_argument("--keep", type=int, default=0, help="bytes of results kept by name")
parser.add_argument("--socket", help="the host's Unix socket; standard input and output otherwise")
arguments = parser.parse_args()
configuration = Configuration(
    memory=arguments.memory,
    threads=arguments.threads,
    keep=arguments.keep,
    python=not arguments.no_python,
    most_growth=arguments.most_growth,
)
if arguments.most_processes is not None:
    rlimits.limit_processes(arguments.most_processes)
link = connect(arguments.socket) if arguments.socket else StreamLink(0, 1)
sys.exit(Supervisor(configuration, link).serve())
