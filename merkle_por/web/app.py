"""The web app: routes, and how an upload becomes an answer.

`create_app(settings)` answers an ASGI app; `merkle-por serve` runs it. An upload is read into
memory under a budget for all requests together, judged in a worker process, answered, forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from merkle_por.errors import UsageError
from merkle_por.pins import load as load_pins
from merkle_por.web import documents, exchange_pages, view
from merkle_por.web.forms import Form, FormError, read_form
from merkle_por.web.guard import API_HEADER, TOKEN_FIELD, Guard, Tokens, log_fault
from merkle_por.web.settings import MEGABYTE, Settings
from merkle_por.web.tasks import FACT_ROWS, Answer, Job, file_facts, job_of
from merkle_por.web.work import Busy, Cancelled, TimedOut, WorkerDied, Workers

STATIC = Path(__file__).parent / "static"
OTHER_FILES = 8  # attestation and facts, beside the proofs
KEPT_FIELDS = ("root", "expect", "format")  # what a form shows again after an answer
BUDGET_SECONDS = 120.0


class Refused(Exception):
    """A request that gets no verdict. title, texts: what the page says; word: class in the API."""

    def __init__(self, status: int, word: str, title: str, *texts: str) -> None:
        super().__init__(title)
        self.status = status
        self.word = word
        self.title = title
        self.texts = texts


class Budget:
    """Bytes that requests may hold at one time; whoever finds none waits."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._changed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            async with self._changed:
                self._left += size
                self._changed.notify_all()


class Site:
    """What the routes share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tokens = Tokens(settings)
        self.workers: Workers | None = None
        self.budget = Budget(settings.memory_bytes)

    # -- answers ----------------------------------------------------------------------------

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page of ours, with its visitor's cookie."""
        visitor = self.tokens.visitor(request)
        text = view.render(
            template,
            **{"here": request.url.path, **values},
            token=self.tokens.token(visitor),
            settings=self.settings,
        )
        response = HTMLResponse(text, status)
        if request.cookies.get(self.tokens.cookie) != visitor:
            response.headers["Set-Cookie"] = self.tokens.header(visitor)
        return response

    def verify_page(
        self,
        request: Request,
        *,
        status: int = 200,
        result: str = "",
        error: Refused | None = None,
        wrong: str = "",
        values: dict[str, str] | None = None,
        said: str = "",
    ) -> Response:
        from markupsafe import Markup

        from merkle_por.exchanges import schemes

        facts = {name for scheme in schemes() for name in scheme.facts} - {"root"}
        return self.page(
            request,
            "verify.html",
            status,
            here="/",
            title="Verify",
            result=Markup(result),
            error=error,
            wrong=wrong,
            values=values or {},
            spoken=said,
            formats=sorted((s.id, s.exchange_name) for s in schemes()),
            facts=sorted(facts),
            fact_rows=FACT_ROWS,
        )

    # -- uploads ----------------------------------------------------------------------------

    async def form(self, request: Request) -> tuple[Form, int]:
        """The uploaded form. Raises Refused."""
        length = request.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 20):
            raise Refused(411, "no-length", "The upload's length was not stated.")
        size = int(length)
        if size > self.settings.upload_bytes + MEGABYTE:  # the form's own text is not the files'
            await self._discard(request, size)
            most = self.settings.upload_bytes // MEGABYTE
            raise Refused(
                413,
                "too-big",
                "These files are too big for this page.",
                f"It takes {most} MB in all. A whole ledger is checked with: merkle-por audit FILE",
            )
        try:
            form = await read_form(
                request.headers.get("content-type", ""),
                request.stream(),
                files=self.settings.files + OTHER_FILES,
            )
        except FormError as error:
            raise Refused(
                error.status, "bad-form", f"This upload can't be read: {error.text}."
            ) from None
        if len(form.files.get("files", ())) > self.settings.files:
            raise Refused(
                413, "too-many", f"Too many files: {self.settings.files} at most are judged."
            )
        return form, size

    async def _discard(self, request: Request, size: int) -> None:
        """Reads a body without keeping it, so that a browser gets to see the answer."""
        if size > self.settings.discard_bytes:
            return
        with contextlib.suppress(TimeoutError, ClientDisconnect):
            async with asyncio.timeout(BUDGET_SECONDS):
                async for _ in request.stream():
                    pass

    async def judge(self, request: Request, make: Callable[[Form], Job], *, token: bool) -> Answer:
        """Reads an upload and judges it. token: whether our own page must have sent it.

        Raises Refused.
        """
        size = int(request.headers.get("content-length", "0") or 0)
        held = min(size, self.settings.upload_bytes + MEGABYTE)
        try:
            async with asyncio.timeout(BUDGET_SECONDS + self.settings.seconds):
                async with self.budget.hold(held):
                    form, _ = await self.form(request)
                    if token and not self.tokens.holds(request, form.text(TOKEN_FIELD)):
                        raise Refused(
                            403,
                            "no-token",
                            "This form is not from this server, or the server was started anew.",
                            "Open the page again and choose your files once more.",
                        )
                    request.state.form = form
                    return await self.work(request, make(form))
        except TimeoutError:
            raise Refused(503, "busy", "Too much is waiting. Try again in a minute.") from None

    async def work(self, request: Request, job: Job) -> Answer:
        """Hands a job to a worker. Raises Refused."""
        assert self.workers is not None

        async def still_there() -> bool:
            return not await request.is_disconnected()

        try:
            answer = await self.workers.run(job, still_there)
        except Busy:
            raise Refused(503, "busy", "Too much is waiting. Try again in a minute.") from None
        except TimedOut:
            raise Refused(
                504,
                "timed-out",
                f"This took longer than {self.settings.seconds} seconds and was stopped.",
                "Nothing is known about the file. The command line has no such limit: "
                "merkle-por verify FILE",
            ) from None
        except Cancelled:
            raise Refused(499, "cancelled", "Cancelled.") from None
        except WorkerDied as error:
            log_fault(error)
            raise Refused(
                500,
                "worker-died",
                "The check ended by a fault of ours, not of the file's.",
                "Nothing is known about the file. Please report what kind of file it was; "
                "the command line may get further: merkle-por --debug verify FILE",
            ) from None
        assert isinstance(answer, Answer)
        return answer


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


# -- pages -----------------------------------------------------------------------------------


async def verify_get(request: Request) -> Response:
    return _site(request).verify_page(request)


async def verify_post(request: Request) -> Response:
    return await _judged_page(request, lambda form: job_of(form, page=True))


async def demo_post(request: Request) -> Response:
    return await _judged_page(request, lambda form: Job(demo=form.text("example") or "customer"))


async def _judged_page(request: Request, make: Callable[[Form], Job]) -> Response:
    site = _site(request)
    request.state.form = Form()

    def job(form: Form) -> Job:
        from dataclasses import replace

        return replace(make(form), pins=load_pins())

    try:
        answer = await site.judge(request, job, token=True)
    except Refused as refused:
        return site.verify_page(
            request,
            status=refused.status,
            error=refused,
            values=_kept(request.state.form),
            said=refused.title,
        )
    except UsageError as error:
        answer = usage_answer(error)
    values = _kept(request.state.form)
    if answer.state == "usage":
        title = "This can't be checked as it stands."
        return site.verify_page(
            request,
            status=400,
            error=Refused(400, "usage", title, answer.text, *answer.hints),
            wrong=answer.wrong,
            values=values,
            said=answer.text,
        )
    return site.verify_page(request, result=answer.html, values=values, said=answer.headline)


def usage_answer(error: UsageError) -> Answer:
    """What the user asked for can't be meant."""
    from merkle_por.web.tasks import field_of

    return Answer("usage", wrong=field_of(error.text), text=error.text, hints=error.hints)


def _kept(form: Form) -> dict[str, str]:
    return {name: form.text(name)[:4000] for name in KEPT_FIELDS if form.text(name)}


async def formats_page(request: Request) -> Response:
    document = await run_in_threadpool(documents.formats)
    return _site(request).page(
        request,
        "formats.html",
        title="Formats",
        formats=sorted(document["formats"], key=lambda f: (f["exchange_name"].lower(), f["id"])),
    )


async def start_list(request: Request) -> Response:
    known = await run_in_threadpool(documents.exchanges_to_start)
    return _site(request).page(
        request, "start.html", here="/start", title="First steps", exchanges=known, start=None
    )


async def start_page(request: Request) -> Response:
    found = await run_in_threadpool(documents.start_at, request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    title = f"{found['name']}: check it yourself in three steps"
    return _site(request).page(
        request, "start.html", here="/start", title=title, exchanges=(), start=found
    )


async def limits_page(request: Request) -> Response:
    return _site(request).page(request, "limits.html", title="Limits", limits=documents.limits())


# -- API -------------------------------------------------------------------------------------


async def api_verify(request: Request) -> Response:
    site = _site(request)
    if request.headers.get(API_HEADER) is None:
        return _api_refused(
            Refused(403, "no-header", "Send the header X-Merkle-Por: 1 with each upload.")
        )
    path, redact = (request.query_params.get(name) == "1" for name in ("path", "redact"))

    def job(form: Form) -> Job:
        from dataclasses import replace

        return replace(job_of(form, page=False, path=path, redact=redact), pins=load_pins())

    try:
        answer = await site.judge(request, job, token=False)
    except Refused as refused:
        return _api_refused(refused)
    except UsageError as error:
        answer = usage_answer(error)
    if answer.state == "usage":
        return _api_refused(Refused(400, "usage", answer.text, *answer.hints))
    return Response(answer.document, media_type="application/json")


def _api_refused(refused: Refused) -> Response:
    return JSONResponse(
        {
            "schema": "merkle-por/error/1",
            "class": refused.word,
            "text": refused.title,
            "hints": list(refused.texts),
        },
        refused.status,
    )


async def api_formats(request: Request) -> Response:
    return documents.tagged(request, await run_in_threadpool(documents.formats))


async def api_format(request: Request) -> Response:
    try:
        document = await run_in_threadpool(documents.formats, request.path_params["name"])
    except UsageError as error:
        return _api_refused(Refused(404, "not-found", error.text, *error.hints))
    return documents.tagged(request, document)


async def api_openapi(request: Request) -> Response:
    return documents.tagged(request, documents.openapi())


async def api_schema(request: Request) -> Response:
    document = documents.schema(request.path_params["name"])
    if document is None:
        return _api_refused(Refused(404, "not-found", "There is no such schema."))
    return documents.tagged(request, document)


# -- the app ---------------------------------------------------------------------------------


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/api/"):
        return _api_refused(Refused(error.status_code, "http", str(error.detail)))
    texts = ("There is no such page here.",) if error.status_code == 404 else (str(error.detail),)
    return _site(request).page(
        request, "message.html", error.status_code, title="Not found", texts=texts
    )


class Static(StaticFiles):
    """Files of ours: they may be kept, and are asked for again with their ETag."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI app. Workers start with it and end with it."""
    settings = settings or Settings()
    site = Site(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        view.environment()
        site.workers = Workers(settings)
        file_facts()
        try:
            yield
        finally:
            site.workers.close()

    get: dict[str, Any] = {
        "/": verify_get,
        "/formats": formats_page,
        "/limits": limits_page,
        "/start": start_list,
        "/start/{name}": start_page,
        "/api/formats": api_formats,
        "/api/formats/{name}": api_format,
        "/api/openapi.json": api_openapi,
        "/api/schemas/{name}": api_schema,
        **exchange_pages.routes(),
    }
    post: dict[str, Any] = {
        "/verify": verify_post,
        "/demo": demo_post,
        "/api/verify": api_verify,
    }
    # Reloading an answer's address shows the empty form.
    get |= {"/verify": verify_get, "/demo": verify_get}
    routes: list[Any] = [Route(path, endpoint, methods=["GET"]) for path, endpoint in get.items()]
    routes += [Route(path, endpoint, methods=["POST"]) for path, endpoint in post.items()]
    routes.append(Mount("/static", Static(directory=STATIC)))
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.state.site = site
    return app
