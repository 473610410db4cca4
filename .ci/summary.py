"""Adds up what the pytest suites of one run reported.  Arguments: the reports' directory, the run's exit status."""

import sys
from pathlib import Path
from xml.etree import ElementTree

reports, status = Path(sys.argv[1]), int(sys.argv[2])
total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
for report in sorted(reports.glob("*.xml")):
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - written by our own pytest
        for name in total:
            total[name] += int(suite.get(name, 0))
failed = total["failures"] + total["errors"]
passed = total["tests"] - failed - total["skipped"]
skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
reason = "; a gate failed outside of the tests, see above" if status and not failed else ""
print(f"{'FAIL' if status else 'PASS'}: {passed} passed, {failed} failed{skipped}{reason}")
