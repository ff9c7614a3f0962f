"""The network, behind one door: HTTP requests to nodes and services that the user named.

Rules: no URL but the user's; no redirects; a cap on what is read and on how long; retries with
growing delay on what may pass (no connection, 429, 5xx), honouring Retry-After; an answer is
believed only with the id of its question; secrets come from the environment or a file and stand in
no message. Everything that goes wrong is an Incomplete with a reason: never a balance of zero.
Answers may be kept (`Memory`): what was asked at a fixed block is asked once, and a whole run can
be repeated offline.
"""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from merkle_por.documents import Limits, Number, parse_json
from merkle_por.errors import Incomplete, Malformed, UsageError

if TYPE_CHECKING:
    from merkle_por.reserves.chains.memory import Memory

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
ATTEMPTS = 5
"""The first try and four more."""
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
LONGEST_WAIT = 60.0
"""A service that asks for a longer pause is given up."""
GIVEN_UP, REST_SECONDS = 3, 60.0
"""Questions in a row that got no answer at all, after which none is asked for so long: one node
that went down must not hold a list of a hundred thousand rows for days."""
ANSWER_BYTES = 256 * 1024 * 1024
"""A scan of a whole list may be large; nothing may be endless."""
BATCH = 100
"""Calls in one JSON-RPC array; services cap it between 100 and 1000."""
MESSAGE_CHARS = 120
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LOOPBACK = re.compile(r"localhost|127\.[0-9.]+|::1")
_RETRIED = frozenset({429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})


@dataclass(frozen=True)
class Endpoint:
    """One node or service as the user named it. Only `source` may be shown.

    own: the user runs it (`own+` before the URL, or a loopback address). options: what stands
    behind `#` (`api=esplora&header=Name: value`), which is never sent as such.
    """

    source: str
    base: str = field(repr=False)
    own: bool = False
    query: str = field(default="", repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    options: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def option(self, name: str) -> str | None:
        return dict(self.options).get(name)


def endpoint(text: str, environment: Mapping[str, str] = os.environ) -> Endpoint:
    """Reads `[own+]URL[#options]`; `${NAME}` stands for a variable of the environment, and
    `@FILE` for the first line of a file. Raises UsageError, never with the text itself."""
    text = text.strip()
    secrets: list[str] = []
    if text.startswith("@"):
        text = _first_line(text[1:])
        secrets.append(text)
    own = text.startswith("own+")
    text = text.removeprefix("own+")

    def variable(match: re.Match[str]) -> str:
        value = environment.get(match.group(1))
        if not value:
            raise UsageError(f"the environment has no variable {match.group(1)}")
        secrets.append(value)
        return value

    text = _VARIABLE.sub(variable, text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UsageError("a node's address is not a URL") from None
    if parts.scheme not in ("http", "https", "tcp", "ssl") or not parts.hostname:
        raise UsageError(
            "a node's address must be a URL, like http://127.0.0.1:8545",
            "https:// for services; tcp:// or ssl:// for Electrum servers",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    source = host if port is None else f"{host}:{port}"
    auth = None
    if parts.username is not None:
        auth = (unquote(parts.username), unquote(parts.password or ""))
        secrets.append(auth[1])
    headers, options = _options(parts.fragment)
    secrets.extend(value for _, value in headers)
    return Endpoint(
        source=source,
        base=f"{parts.scheme}://{source}{parts.path.rstrip('/')}",
        own=own or _LOOPBACK.fullmatch(parts.hostname) is not None,
        query=parts.query,
        auth=auth,
        headers=headers,
        options=options,
        secrets=tuple(secret for secret in secrets if secret),
    )


def _first_line(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as stream:
            return stream.readline(10_000).strip()
    except (OSError, ValueError):
        raise UsageError(f"{path}: the file with a node's address can't be read") from None


def _options(fragment: str) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    headers: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for name, value in parse_qsl(fragment, keep_blank_values=True):
        if name != "header":
            options.append((name, value))
            continue
        header, colon, content = value.partition(":")
        if not colon or not header.strip().isascii() or "\n" in value or "\r" in value:
            raise UsageError("a header of a node must be written as header=NAME: VALUE")
        headers.append((header.strip(), content.strip()))
    return tuple(headers), tuple(options)


class RpcError(Incomplete):
    """An error that a JSON-RPC server answered with. code, message: its own (message cleaned)."""

    def __init__(self, source: str, code: int, message: str) -> None:
        super().__init__("node-error", f"{source} answers: {message or 'an error'} ({code})")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Call:
    """One JSON-RPC call; `params` as JSON values."""

    method: str
    params: list[Any]


class Http:
    """Requests to one endpoint. memory: answers kept; sleep, chance: replaced in tests."""

    def __init__(
        self,
        node: Endpoint,
        *,
        memory: Memory | None = None,
        attempts: int = ATTEMPTS,
        read_seconds: float = READ_SECONDS,
        answer_bytes: int = ANSWER_BYTES,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.node = node
        self.memory = memory
        self.attempts = attempts
        self.read_seconds = read_seconds
        self.answer_bytes = answer_bytes
        self.sleep = sleep
        self.chance = chance
        self._limits = Limits(proof_bytes=answer_bytes, json_depth=64)
        self._session: Any = None
        self._last_id = 0
        self._batches = True
        self._unanswered = 0
        self._last_unanswered = 0.0

    # -- JSON-RPC ---------------------------------------------------------------------------

    def call(
        self,
        method: str,
        params: Sequence[Any] = (),
        *,
        block: str | None = None,
        seconds: float | None = None,
        version: str = "2.0",
    ) -> Any:
        """The result of one call. block: hash of the block that fixes the answer, if one does.
        seconds: how long one answer may take. Raises Incomplete (RpcError for an error)."""
        key = f"{method} {canonical(list(params))}"
        kept = self.kept(block, key)
        if kept is not None:
            return kept
        id = self._next_id()
        question = {"jsonrpc": version, "id": id, "method": method, "params": list(params)}
        answer = self._post_rpc(question, seconds)
        result = self.result(answer, id)
        self.keep(block, key, result)
        return result

    def calls(self, calls: Sequence[Call], *, block: str | None = None) -> list[Any]:
        """Results of many calls in order, an Incomplete in the place of each that failed."""
        results: list[Any] = [None] * len(calls)
        open_places: list[int] = []
        for place, call in enumerate(calls):
            try:
                kept = self.kept(block, f"{call.method} {canonical(call.params)}")
            except Incomplete as error:
                kept = error
            if kept is None:
                open_places.append(place)
            else:
                results[place] = kept
        for start in range(0, len(open_places), BATCH):
            places = open_places[start : start + BATCH]
            answers = self._batch([calls[place] for place in places])
            for place, answer in zip(places, answers, strict=True):
                results[place] = answer
                if not isinstance(answer, Incomplete):
                    call = calls[place]
                    self.keep(block, f"{call.method} {canonical(call.params)}", answer)
        return results

    def _batch(self, calls: Sequence[Call]) -> list[Any]:
        if not self._batches or len(calls) == 1:
            return [self._single(call) for call in calls]
        ids = [self._next_id() for _ in calls]
        question = [
            {"jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params}
            for id, call in zip(ids, calls, strict=True)
        ]
        try:
            answers = self._post_rpc(question, None)
        except Incomplete as error:
            if error.reason != "node-error":
                return [error] * len(calls)
            answers = None
        if isinstance(answers, Mapping) or answers is None:
            # The service takes no arrays: one by one from here on.
            self._batches = False
            return [self._single(call) for call in calls]
        try:
            found = self._by_id(answers, ids)
        except Incomplete as error:
            return [error] * len(calls)
        return [found[id] for id in ids]

    def _by_id(self, answers: object, ids: list[int]) -> dict[int, Any]:
        if not isinstance(answers, list):
            raise self.nonsense("something else than a list of answers")
        found: dict[int, Any] = {}
        wanted = set(ids)
        for answer in answers:
            id = answer.get("id") if isinstance(answer, Mapping) else None
            if not isinstance(id, int) or isinstance(id, bool) or id not in wanted or id in found:
                raise self.nonsense("answers to other questions than those that were asked")
            try:
                found[id] = self.result(answer, id)
            except Incomplete as error:
                found[id] = error
        for id in ids:
            if id not in found:
                found[id] = self.nonsense("no answer to one of the questions")
        return found

    def _single(self, call: Call) -> Any:
        try:
            id = self._next_id()
            question = {"jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params}
            return self.result(self._post_rpc(question, None), id)
        except Incomplete as error:
            return error

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _post_rpc(self, question: Any, seconds: float | None) -> Any:
        headers = {"Content-Type": "application/json"}
        body = json.dumps(question).encode()
        return self._asked("POST", "", None, body, headers, seconds, rpc=True)

    def result(self, answer: object, id: int) -> Any:
        """The result in a JSON-RPC answer to the question with this id. Raises Incomplete."""
        if not isinstance(answer, Mapping):
            raise self.nonsense("something else than an answer to the question")
        if "id" not in answer or answer["id"] != id or isinstance(answer["id"], bool):
            if answer.get("error") is not None and answer.get("id") is None:
                raise self._error(answer["error"])
            raise self.nonsense("an answer to another question")
        if answer.get("jsonrpc", "2.0") not in ("2.0", "1.0"):
            raise self.nonsense("an answer of an unknown version of JSON-RPC")
        if answer.get("error") is not None:
            raise self._error(answer["error"])
        if "result" not in answer:
            raise self.nonsense("an answer without a result")
        return answer["result"]

    def _error(self, error: object) -> RpcError:
        code = error.get("code") if isinstance(error, Mapping) else None
        message = error.get("message") if isinstance(error, Mapping) else error
        return RpcError(
            self.node.source, code if isinstance(code, int) else 0, self.cleaned(message)
        )

    # -- REST -------------------------------------------------------------------------------

    def get(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        block: str | None = None,
        text: bool = False,
    ) -> Any:
        """The JSON value at a path below the endpoint (text: the bytes as ASCII text).
        Raises Incomplete; RestError where the service answers with a 4xx status."""
        query = urlencode(sorted((params or {}).items()))
        key = f"GET {path}?{query} {canonical(dict(headers or {}))}"
        kept = self.kept(block, key)
        if kept is None:
            kept = self._asked("GET", path, query, None, headers or {}, None, text=text)
            self.keep(block, key, kept)
        return kept

    def post(
        self,
        path: str,
        body: Any,
        params: Mapping[str, str | int] | None = None,
        *,
        block: str | None = None,
    ) -> Any:
        """The JSON value that a posted JSON value is answered with. Raises as `get`."""
        query = urlencode(sorted((params or {}).items()))
        key = f"POST {path}?{query} {canonical(body)}"
        kept = self.kept(block, key)
        if kept is None:
            sent = {"Content-Type": "application/json"}
            kept = self._asked("POST", path, query, json.dumps(body).encode(), sent, None)
            self.keep(block, key, kept)
        return kept

    # -- memory -----------------------------------------------------------------------------

    def kept(self, block: str | None, key: str) -> Any:
        """The answer kept for a question, None where it must be asked. Raises Incomplete
        not-recorded while offline."""
        if self.memory is None or (block is None and not self.memory.offline):
            return None
        found = self.memory.get(self.node.source, block, key)
        if found is None:
            if not self.memory.offline:
                return None
            raise Incomplete("not-recorded", f"no recorded answer of {self.node.source}")
        return parse_json(found, self._limits)

    def keep(self, block: str | None, key: str, value: Any) -> None:
        """Keeps an answer, where answers are kept."""
        # null is what services answer for what they don't have (yet): not worth keeping.
        if self.memory is not None and value is not None and not self.memory.offline:
            self.memory.put(self.node.source, block, key, canonical(value).encode())

    # -- one question -----------------------------------------------------------------------

    def _asked(
        self,
        method: str,
        path: str,
        query: str | None,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds: float | None,
        *,
        rpc: bool = False,
        text: bool = False,
    ) -> Any:
        """The answer to one question, asked again while that may help."""
        self.still_asked()
        url = self.node.base + path
        joined = "&".join(part for part in (self.node.query, query) if part)
        if joined:
            url += "?" + joined
        last: Incomplete | None = None
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(self._delay(attempt, last))
            outcome = self._once(method, url, body, headers, seconds or self.read_seconds)
            if isinstance(outcome, Incomplete):
                last = outcome
                if isinstance(outcome, _Final):
                    break
                continue
            status, retry_after, data = outcome
            try:
                judged = self._judged(status, retry_after, data, rpc=rpc, text=text)
            except Incomplete:
                self.answered()  # not as it should have, yet it is there
                raise
            if not isinstance(judged, _Busy):
                self.answered()
                return judged
            last = judged
            if judged.pause is not None and judged.pause > LONGEST_WAIT:
                break
        assert last is not None
        self.unanswered()
        raise last

    def still_asked(self) -> None:
        """Raises Incomplete while the node rests, after questions that got no answer."""
        rested = time.monotonic() - self._last_unanswered
        if self._unanswered >= GIVEN_UP and rested < REST_SECONDS:
            text = f"{self.node.source} did not answer {GIVEN_UP} questions in a row"
            raise _Final("node-unreachable", f"{text}: left in peace for a while")

    def answered(self) -> None:
        self._unanswered = 0

    def unanswered(self) -> None:
        self._unanswered += 1
        self._last_unanswered = time.monotonic()

    def _delay(self, attempt: int, last: Incomplete | None) -> float:
        grown: float = min(FIRST_DELAY * 2.0 ** (attempt - 1), LONGEST_DELAY)
        delay = grown * (1 + self.chance() / 4)
        asked = last.pause if isinstance(last, _Busy) else None
        return max(delay, asked or 0.0)

    def _judged(
        self, status: int, retry_after: str | None, data: bytes, *, rpc: bool, text: bool
    ) -> Any:
        """The JSON value of an answer, or a _Busy that is worth another try. Raises Incomplete."""
        source = self.node.source
        if status in _RETRIED or 500 <= status < 600:
            if rpc and status != 429 and (value := self._rpc_error_body(data)) is not None:
                return value  # Bitcoin Core sends its errors with status 500 and 404
            reason = "node-refused" if status == 429 else "node-error"
            words = self.cleaned(data[:2000].decode("utf-8", "replace"))
            said = f"{source} answers with status {status}" + (f": {words}" if words else "")
            return _Busy(reason, said, _pause(retry_after))
        if 300 <= status < 400:
            raise _Final("node-redirect", f"{source} sends the question to another address")
        if status in (401, 403, 407):
            raise _Final("node-refused", f"{source} refuses the credentials (status {status})")
        if status != 200:
            if rpc and (value := self._rpc_error_body(data)) is not None:
                return value
            raise RestError(source, status, self.cleaned(data[:2000].decode("utf-8", "replace")))
        if text:
            if not data.isascii() or len(data) > 1 << 20:
                raise self.nonsense("something else than a short text")
            return data.decode("ascii").strip()
        try:
            return parse_json(data, self._limits)
        except Malformed as error:
            raise self.nonsense(f"something that can't be read ({error.text[:60]})") from None

    def _rpc_error_body(self, data: bytes) -> Any:
        try:
            value = parse_json(data, self._limits)
        except Malformed:
            return None
        return value if isinstance(value, Mapping) and value.get("error") is not None else None

    def _once(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> tuple[int, str | None, bytes] | Incomplete:
        """Status, Retry-After and body, within `seconds` for all of it.

        The limits of a socket are per packet: a server that drips would hold us for ever. So the
        exchange runs on a thread of its own, which is left behind when its time is over.
        """
        box: list[tuple[int, str | None, bytes] | Incomplete] = []
        session = self._open()
        sent = {"Accept-Encoding": "identity", **dict(self.node.headers), **headers}
        worker = threading.Thread(
            target=lambda: box.append(self._exchange(session, method, url, body, sent, seconds)),
            daemon=True,
        )
        worker.start()
        worker.join(CONNECT_SECONDS + seconds)
        if box:
            return box[0]
        self._session = None  # the thread left behind still holds it
        return Incomplete("node-unreachable", f"{self.node.source} does not answer in time")

    def _open(self) -> Any:
        if self._session is None:
            import requests

            self._session = requests.Session()
            # Nothing from the environment: no proxies, no passwords that the user didn't name.
            self._session.trust_env = False
            self._session.auth = self.node.auth
            if proxy := self.node.option("proxy"):
                self._session.proxies = {"http": proxy, "https": proxy}
        return self._session

    def close(self) -> None:
        """Ends the connections: nodes wait for them when they are shut down."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _exchange(
        self,
        session: Any,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> tuple[int, str | None, bytes] | Incomplete:
        import requests

        source = self.node.source
        try:
            with session.request(
                method,
                url,
                data=body,
                headers=dict(headers),
                timeout=(CONNECT_SECONDS, seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    return self.nonsense("a compressed answer, which was not asked for")
                parts: list[bytes] = []
                size = 0
                for part in response.iter_content(1 << 16):
                    parts.append(part)
                    size += len(part)
                    if size > self.answer_bytes:
                        return _Final("too-big", f"{source} sends more than can be an answer")
                return response.status_code, response.headers.get("Retry-After"), b"".join(parts)
        except requests.Timeout:
            return Incomplete("node-unreachable", f"{source} does not answer in time")
        except requests.exceptions.SSLError:
            return _Final("node-unreachable", f"{source} shows a certificate that is not valid")
        except (requests.RequestException, OSError, ValueError):
            # The library's own words may hold the URL, and with it a key.
            return Incomplete("node-unreachable", f"{source} can't be reached")

    # -- words ------------------------------------------------------------------------------

    def nonsense(self, text: str) -> Incomplete:
        """The error for an answer that is not of its protocol."""
        return _Final("node-answer", f"{self.node.source} sends {text}")

    def cleaned(self, message: object) -> str:
        """A server's message as it may be shown: one line, printable, short, without secrets."""
        text = message if isinstance(message, str) else ""
        for secret in self.node.secrets:
            text = text.replace(secret, "***")
        printable = "".join(c if c.isascii() and c.isprintable() else " " for c in text[:4000])
        return " ".join(printable.split())[:MESSAGE_CHARS]


class _Final(Incomplete):
    """Not worth another try."""


class _Busy(Incomplete):
    """Worth another try after a pause."""

    def __init__(self, reason: str, text: str, pause: float | None) -> None:
        super().__init__(reason, text)
        self.pause = pause


class RestError(Incomplete):
    """A status that says no: 404 where a service doesn't have what was asked for."""

    def __init__(self, source: str, status: int, message: str) -> None:
        words = f": {message}" if message else ""
        super().__init__("node-error", f"{source} answers with status {status}{words}")
        self.status = status
        self.message = message


def _pause(text: str | None) -> float | None:
    """Seconds of a Retry-After header: a number or an HTTP date (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def canonical(value: Any) -> str:
    """JSON text of a parsed value: members sorted, numbers with all their digits."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Mapping):
        members = (f"{json.dumps(k)}:{canonical(v)}" for k, v in sorted(value.items()))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value)


def first_error(answers: Iterable[Any]) -> Incomplete | None:
    """The first Incomplete among answers, None where there is none."""
    return next((answer for answer in answers if isinstance(answer, Incomplete)), None)
