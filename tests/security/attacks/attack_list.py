"""The rows of the attack list that every provider must hold: number and what is tried, in short.

Numbers are names: they stay, also when rows are added or dropped, so a gap is no omission.  From 101 on are attacks
that were thought of later.  ``test_coverage.py`` fails when a row has no test.
"""

from __future__ import annotations

from typing import Final

ROWS: Final = {
    # A. Python in the runner
    1: "secrets in the environment",
    2: "files of the host and of other sessions",
    3: "writing to the image and to the runner's own code",
    4: "writing to the data",
    5: "one huge file",
    7: "more memory than there is",
    8: "processes without end",
    9: "threads without end",
    11: "computation without end",
    12: "ignoring every signal",
    13: "output without end",
    14: "output that steers a terminal or forges a log",
    15: "the cloud's metadata service",
    17: "ports of the host, of its engine and of its network",
    19: "sockets of every family",
    20: "dangerous corners of the kernel",
    21: "namespaces and mounts",
    22: "becoming root",
    24: "running a program of its own",
    25: "killing, tracing or rewriting the other processes",
    27: "poisoning what serves the next question",
    29: "results that run code where they are read",
    30: "crashing the interpreter",
    31: "ways around a check of the code",
    32: "ending or waiting instead of answering",
    # B. SQL
    33: "functions that read files",
    34: "files in FROM, by links and by roundabout paths",
    35: "statements that write files",
    36: "a COPY inside of a query",
    37: "changing data inside of a query",
    38: "two statements in one",
    40: "extensions",
    41: "settings",
    42: "state that outlives the statement",
    43: "SQL inside of SQL",
    44: "functions that tell of the engine's surroundings",
    46: "EXPLAIN of what must not run",
    47: "queries without end",
    48: "single functions that cannot be interrupted",
    49: "queries that need more memory than there is",
    50: "results of any size",
    51: "text that breaks a parser",
    # C. Files
    54: "very many columns",
    56: "encodings and bytes that are no text",
    57: "rows and quotes that do not fit",
    58: "compressed bombs",
    60: "forged Parquet",
    61: "paths that are no files, or change while they are read",
    63: "cells that steer what shows them",
    64: "cells that a spreadsheet would run",
    # D. Protocol and Arrow
    65: "Arrow buffers that lie",
    66: "compressed Arrow",
    67: "Arrow types that were not agreed on",
    68: "frames that lie about their length, or never end",
    70: "column names that repeat, are huge or steer what shows them",
    # E. Question, model, notebook
    72: "instructions in the data",
    74: "links and pictures in an answer",
    75: "questions for keys",
    76: "a saved notebook that somebody else opens",
    78: "a provider that repeats the key",
    # F. Lifecycle and infrastructure
    79: "engine, image or disk that is not there",
    80: "a host process that is killed",
    82: "many sessions at once",
    84: "a configuration that asks for a weaker container",
}
