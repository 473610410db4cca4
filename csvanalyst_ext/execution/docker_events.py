"""What the engine remembers of a container that is gone.

Runs on the host.  Only asks; a container that ended has been removed by the time one wants to know why.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .docker_client import hurried

if TYPE_CHECKING:
    import docker


def ran_out_of_memory(client: docker.DockerClient, container: str, within: float) -> bool:
    """Whether the kernel killed for want of memory in this container in the last ``within`` seconds.

    Takes up to a second: the engine's events are asked for by whole seconds, and the last one must be over.
    ``False`` when the engine does not say.
    """
    from docker.errors import DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    unsaid = (DockerException, RequestException, HTTPError, OSError, KeyError, ValueError)
    with hurried(client), contextlib.suppress(*unsaid):
        now = datetime.fromisoformat(str(client.info()["SystemTime"])).astimezone(UTC).timestamp()  # of its clock
        filters = {"container": container, "event": "oom"}
        events = client.api.events(since=int(now - within), until=int(now) + 1, filters=filters, decode=True)
        return any(event["timeNano"] / 1e9 >= now - within for event in events)
    return False
