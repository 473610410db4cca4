"""The HTTP client for a server on this machine: it goes there and nowhere else.

Runs on the host; imported by the gateway only, after LiteLLM was loaded.  LiteLLM's own clients follow
redirects and use the proxies of the environment also for loopback addresses: what a person's own model is told could
leave the machine.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import httpx
import litellm
import openai
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

from .request import NO_KEY


def key_of(model: str, api_base: str) -> str:
    """The key that LiteLLM finds in the environment for ``model``, or a stand-in where it finds none."""
    found = litellm.get_llm_provider(model, api_base=api_base)[2]
    return found or litellm.api_key or litellm.openai_key or os.environ.get("OPENAI_API_KEY") or NO_KEY


class DirectClient(AsyncHTTPHandler):  # type: ignore[misc]
    """What LiteLLM takes as ``client``, of all its kinds: its own handler, which most providers want, and the
    attributes of the OpenAI client, which the others want.  Belongs to one event loop."""

    def __init__(self, api_base: str, key: str, timeout: float) -> None:
        secure = urlsplit(api_base).scheme == "https"  # reading the certificates takes a while
        transport = httpx.AsyncHTTPTransport(verify=secure)
        super().__init__(timeout=timeout, transport=transport, follow_redirects=False)
        self._openai = openai.AsyncOpenAI(
            api_key=key,
            base_url=api_base,
            max_retries=0,
            http_client=httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False),
        )

    def __getattr__(self, name: str) -> Any:
        if "_openai" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._openai, name)
