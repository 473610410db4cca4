"""Every way in which a model call fails, as one ``ModelError`` with a stable code.

Runs on the host.  Imported by the gateway only, after LiteLLM was loaded: the decision is made on
exception types and HTTP status codes.

========================  ==============================================================
``model_auth``            the key is missing or refused, or the account may not use the model
``model_rate_limited``    too many requests, or the quota is used up (429)
``model_unreachable``     nothing answers at the address
``model_server_error``    the provider failed (5xx)
``model_timeout``         no answer, or no further piece of one, within the time
``model_context``         the conversation is longer than the model takes
``model_bad_request``     the provider does not accept the request
``model_not_found``       no such model or provider
``model_filtered``        the provider's content filter stopped it
``model_stream_broken``   the answer broke off
``model_too_long``        the answer did not end
``model_redirected``      a server on this machine sends its callers elsewhere, which is not followed
``model_price_unknown``   a limit of cost was set, and the price of the model is not known
``model_over_budget``     the call would cost more than is left
``model_failed``          anything else
========================  ==============================================================
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

import httpx
import litellm
import openai

from ..errors import ModelError
from ..safe_text import redact

_MOST_DETAIL: Final = 300
RETRIED: Final = frozenset({"model_rate_limited", "model_server_error", "model_unreachable"})
"""What may pass when the same call is made again."""
ELSEWHERE: Final = RETRIED | {
    "model_auth", "model_timeout", "model_not_found", "model_bad_request", "model_stream_broken", "model_failed",
    "model_redirected",
}  # fmt: skip
"""What another model may do better."""
_FORM_STATUSES: Final = frozenset({400, 422, 500, 501})

_TEXTS: Final = {
    "model_auth": ("The model {model} refused the key.", "Set the provider's key variable, for example {key}."),
    "model_rate_limited": ("The model {model} takes no more requests now.", "Wait a little, or use another model."),
    "model_unreachable": ("The model {model} cannot be reached.", "Check the network and the address (api_base)."),
    "model_server_error": ("The provider of {model} failed.", "Try again, or use another model."),
    "model_timeout": (
        "The model {model} did not answer in time.",
        "Try again, use another model, or give a slow one more time (CSVANALYST_MODEL_TIMEOUT).",
    ),
    "model_context": ("The conversation is longer than {model} takes.", "Start afresh with %analyst reset."),
    "model_bad_request": ("The provider of {model} does not accept the request.", "Use another model."),
    "model_not_found": ("There is no model {model}.", "Write it as provider/model, such as openai/gpt-4o-mini."),
    "model_filtered": ("The provider's content filter stopped {model}.", "Put the question in other words."),
    "model_stream_broken": ("The answer of {model} broke off.", "Ask again."),
    "model_too_long": ("The answer of {model} did not end.", "Ask something narrower, or use another model."),
    "model_redirected": (
        "The server of {model} sends its callers to another address.",
        "Set api_base to that address.",
    ),
    "model_failed": ("The call of the model {model} failed.", "Try again, or use another model."),
}


def model_error(code: str, model: str, cause: BaseException | None = None, **details: Any) -> ModelError:
    """The error of that code.  What the provider said follows the sentence, without keys and cut."""
    message, hint = _TEXTS[code]
    key = f"{model.split('/', 1)[0].upper().replace('-', '_')}_API_KEY"
    said = _said(cause) if cause else ""
    text = message.format(model=redact(model, os.environ))
    return ModelError(code, f"{text} It said: {said}" if said else text, hint.format(key=key), **details)


def classify(error: BaseException, *, started: bool) -> str:
    """The code for ``error``; ``started`` says that a part of the answer had arrived."""
    causes = list(_causes(error))
    if any(isinstance(cause, TimeoutError | httpx.TimeoutException | openai.APITimeoutError) for cause in causes):
        return "model_timeout"
    if started:
        return "model_stream_broken"
    kinds: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        (litellm.ContextWindowExceededError, "model_context"),
        (litellm.ContentPolicyViolationError, "model_filtered"),
        ((openai.AuthenticationError, openai.PermissionDeniedError), "model_auth"),
        (openai.RateLimitError, "model_rate_limited"),
        (openai.NotFoundError, "model_not_found"),
        ((httpx.NetworkError, OSError), "model_unreachable"),
    )
    for kind, code in kinds:
        if any(isinstance(cause, kind) for cause in causes):
            return code
    statuses = _statuses(causes)
    if any(isinstance(cause, httpx.RemoteProtocolError | openai.APIConnectionError) for cause in causes):
        return "model_stream_broken" if 200 in statuses else "model_unreachable"
    if any(isinstance(cause, openai.BadRequestError | openai.UnprocessableEntityError) for cause in causes):
        return "model_bad_request"
    if statuses and 500 <= statuses[0] < 600:
        return "model_server_error"
    if statuses and 300 <= statuses[0] < 400:
        return "model_redirected"
    return "model_bad_request" if statuses and 400 <= statuses[0] < 500 else "model_failed"


def http_status(error: BaseException) -> int | None:
    """The status that the provider answered with, or that LiteLLM gives the error."""
    return next(iter(_statuses(_causes(error))), None)


def form_refused(error: ModelError) -> bool:
    """Whether it may be the form of the request, its tools or its schema, that the server does not take."""
    refused = error.code in ("model_bad_request", "model_server_error")
    return refused and error.details.get("http_status") in _FORM_STATUSES


def _statuses(causes: Iterable[BaseException]) -> list[int]:
    return [status for cause in causes if isinstance(status := getattr(cause, "status_code", None), int)]


def retry_after(error: BaseException) -> float | None:
    """Seconds that the provider asked to wait, if it did."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None) or {}
        try:
            return max(0.0, float(headers["retry-after"]))
        except (KeyError, ValueError, TypeError):
            continue
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [getattr(cause, "original_exception", None), cause.__cause__, cause.__context__]


def _said(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "message", None) or error).split())
    text = redact("".join(c for c in text if c.isprintable()), os.environ)
    return text if len(text) <= _MOST_DETAIL else text[: _MOST_DETAIL - 1] + "…"
