"""The desk: what each route does. It calls the office, waits for the disk, and answers.

All of it runs on one event loop, and the office with it, so nothing here needs a lock. An
answer leaves only when what it says is on disk (`commit`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from quickstudy.errors import DiskTrouble, QuickstudyError
from quickstudy.posts import declared
from quickstudy.posts.office import Office
from quickstudy.posts.told import Answer, Lesson
from quickstudy.service import schemas as form
from quickstudy.service.commit import Committer
from quickstudy.service.door import caller, needs
from quickstudy.service.errors import item
from quickstudy.service.events import Hub
from quickstudy.service.metrics import Metrics

STATIC = Path(__file__).parent / "static"
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
PLAIN = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Desk:
    """Methods are endpoints; their names are the labels of the metrics.

    standing: how the learner and its student are: {"learner", "position", "student_is_alive",
      "student_lag_events"}.
    """

    office: Office
    committer: Committer
    hub: Hub
    metrics: Metrics
    standing: Callable[[], dict[str, Any]]
    clock: Callable[[], float] = time.monotonic

    # ---- decisions and what followed them: the hot paths first

    async def decide(self, post: form.Post, asked: form.Asking) -> Response:
        """What to do here: an action, or that it has to wait for a person."""
        answer = self.office.decide(post, asked.asked())
        await self.committer.saved(answer.position)
        return _json(answer)

    async def outcome(self, id: form.Id, told: form.Telling) -> Response:
        """What followed: late, in parts, twice — as it comes."""
        position = self.office.told(id, told.told())
        await self.committer.saved(position)
        return _json({"id": id, "position": position})

    async def decide_batch(self, post: form.Post, asked: form.AskingMany) -> Response:
        """Several questions at once; each is answered, or refused, on its own."""
        self.office.declared(post)  # an unknown post is one error, not a thousand
        answers = [_each(self.office.decide, post, one.asked()) for one in asked.items]
        await self._saved(answers)
        return _json({"items": answers})

    async def outcomes(self, told: form.TellingMany) -> Response:
        """What followed several decisions; each is taken in, or refused, on its own."""
        taken = [_each(self._tell, one) for one in told.items]
        await self._saved(taken)
        return _json({"items": taken})

    async def resolution(self, id: form.Id, wait: form.Wait = 0.0) -> Response:
        """An answer as it stands now; waits for a person, where one is asked."""
        until = self.clock() + wait
        answer = self.office.resolution(id)
        while answer.needs_approval and (left := until - self.clock()) > 0:
            await self.hub.changed(id, left)
            answer = self.office.resolution(id)
            if self.hub.is_over:
                break
        await self.committer.saved(answer.position)
        return _json(answer)

    async def end(self, post: form.Post, episode: form.Episode, how: form.Ending) -> Response:
        """An episode is over."""
        return await self._done(self.office.end(post, episode, how.end, how.observation))

    # ---- posts

    async def create(self, request: Request, said: form.Declaring) -> Response:
        """A post. The same one again changes nothing."""
        terms = declared.from_json(said.model_dump(exclude_unset=True))
        position = self.office.create(terms, caller(request).said(None))
        await self.committer.saved(position)
        return _json(self.office.state(terms.name), 201)

    async def posts(self) -> Response:
        """All posts, as each stands."""
        states = [self.office.state(name) for name in self.office.posts]
        return _json({**self.standing(), "time": time.time(), "posts": states})

    async def post(self, post: form.Post) -> Response:
        """One post as it stands."""
        return _json(self.office.state(post))

    async def decisions(self, post: form.Post, most: form.Most = 50) -> Response:
        """The latest decisions, newest first."""
        return _json({"items": self.office.decisions(post, most)})

    async def curve(self, post: form.Post) -> Response:
        """What was earned, in stretches of decisions."""
        return _json({"items": self.office.curve(post)})

    # ---- mentors

    async def inbox(self, post: str | None = None) -> Response:
        """What waits for a person, oldest first."""
        return _json({"items": self.office.inbox(post)})

    async def answer(self, request: Request, id: form.Id, said: form.Replying) -> Response:
        """A mentor's answer to what waits."""
        answer = self.office.answer(id, said.reply(caller(request).said(said.who)))
        await self.committer.saved(answer.position)
        return _json(answer)

    async def audit(self, request: Request, id: form.Id, said: form.Auditing) -> Response:
        """Whether a decision was a mistake."""
        who = caller(request).said(said.who)
        return await self._done(self.office.audit(id, said.is_error, who, said.why))

    async def verdict(self, request: Request, post: form.Post, said: form.Judging) -> Response:
        """A reward for how an episode went."""
        who = caller(request).said(said.who)
        return await self._done(
            self.office.verdict(post, said.episode, said.reward, who, said.why)
        )

    async def demonstrations(self, request: Request, post: form.Post) -> Response:
        """What a mentor did: learned from, before any decision or later."""
        who, lessons = caller(request).said(None), await _lessons(request)
        return await self._done(self.office.demonstrate(post, lessons, who))

    async def history(self, request: Request, post: form.Post) -> Response:
        """What the incumbent did before the learner came."""
        who, lessons = caller(request).said(None), await _lessons(request)
        return await self._done(self.office.history(post, lessons, who))

    # ---- the gate

    async def switch(self, request: Request, post: form.Post, said: form.Switching) -> Response:
        """A post on, paused, or off. Off takes hold at once."""
        return await self._switch(request, post, said)

    async def switch_all(self, request: Request, said: form.Switching) -> Response:
        """All posts on, paused, or off."""
        return await self._switch(request, None, said)

    async def demote(self, request: Request, post: form.Post, said: form.Moving) -> Response:
        """One level down."""
        who = caller(request).said(said.who)
        return await self._done(self.office.demote(post, said.action_class, who, said.why))

    async def renew(self, request: Request, post: form.Post, said: form.Moving) -> Response:
        """The lease anew."""
        who = caller(request).said(said.who)
        return await self._done(self.office.renew(post, said.action_class, who, said.why))

    async def snapshots(self, post: form.Post) -> Response:
        """Minds that were kept."""
        return _json({"items": self.office.snapshots(post)})

    async def snapshot(self, request: Request, post: form.Post, said: form.Keeping) -> Response:
        """Keeps the mind as it is."""
        who = caller(request).said(said.who)
        return await self._done(self.office.snapshot(post, said.label, who))

    async def pin(self, request: Request, post: form.Post, said: form.Pinning) -> Response:
        """Acts by a mind that was kept, or by the latest again."""
        who = caller(request).said(said.who)
        return await self._done(self.office.pin(post, said.snapshot, who, said.why))

    # ---- watching

    async def events(self) -> Response:
        """What happens, as it happens (server-sent events)."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(
            self.hub.stream(), headers=headers, media_type="text/event-stream"
        )

    async def health(self) -> Response:
        """Whether the service lives and its student studies."""
        return _json({"status": "ok", **self.standing()})

    async def measures(self) -> Response:
        """Numbers for Prometheus."""
        stands = self.standing()
        now = {
            "posts": len(self.office.posts),
            "inbox": len(self.office.inbox()),
            "log_position": stands["position"],
            "student_is_alive": stands["student_is_alive"],
            "student_lag_events": stands["student_lag_events"] or 0,
        }
        return Response(self.metrics.page(now), media_type=PLAIN)

    async def page(self) -> Response:
        """The live page."""
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    # ---- below the surface

    def _tell(self, told: form.TellingOf) -> dict[str, Any]:
        position = self.office.told(told.decision, told.told())
        return {"id": told.decision, "position": position}

    async def _switch(
        self, request: Request, post: str | None, said: form.Switching
    ) -> Response:
        """Switching on widens what the learner may do, and takes more than switching off."""
        if said.state == "on":
            needs("admin")(request)
        who = caller(request).said(said.who)
        return await self._done(self.office.switch(post, said.state, who, said.why))

    async def _done(self, position: int) -> Response:
        await self.committer.saved(position)
        return _json({"position": position})

    async def _saved(self, answers: list[Any]) -> None:
        """Waits for the last of what was taken in."""
        places = [
            a.position if isinstance(a, Answer) else a.get("position", 0) for a in answers
        ]
        await self.committer.saved(max(places))


def _each(act: Callable[..., Any], *told: Any) -> Any:
    """One item of a batch: what came of it, or why it was refused."""
    try:
        return act(*told)
    except DiskTrouble:
        raise  # of all of them, not of this one
    except QuickstudyError as error:
        return item(error)


async def _lessons(request: Request) -> list[Lesson]:
    """The steps in a body: {"items": […]}, or JSON lines with a step each."""
    body = await request.body()
    if request.headers["content-type"].startswith("application/x-ndjson"):
        said: Any = {
            "items": [orjson.loads(line) for line in body.splitlines() if line.strip()]
        }
    else:
        said = orjson.loads(body)
    return [one.lesson() for one in form.ShowingMany.model_validate(said).items]


def _json(content: Any, status: int = 200) -> Response:
    """NaN leaves as null; JSON has none."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, media_type="application/json")
