"""A conversation that hypothesis does things to, and what must have become of its messages."""

from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.api.conftest import Service

# (what, which message, with what): the numbers choose among what is there by then.
Step = tuple[str, int, int]
WHAT = ["add", "answer", "edit", "child", "delete", "delete", "restore", "clear", "rate", "unrate", "repeat"]


@dataclass
class Talk:
    """A conversation, and what must have become of all messages that were ever added."""

    service: Service
    path: str
    ever: list[dict[str, Any]] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    posted: list[tuple[str, Any, dict[str, str], httpx2.Response]] = field(default_factory=list)
    keys: int = 0

    @classmethod
    async def begun(cls, service: Service) -> "Talk":
        return cls(service, f"conversations/{(await service.new_conversation())['id']}")

    async def do(self, step: Step) -> httpx2.Response | None:
        """What a step does to the messages that are shown (or for a restore, deleted), if there are any."""
        what, which, how = step
        if what == "repeat":
            await self._repeat(which)
            return None
        if what in ("add", "answer"):
            role = "user" if what == "add" else "assistant"
            return await self._add({"role": role, "content": "x" * (how + 1)})
        if what == "clear":
            return await self.service.http.delete(f"{self.path}/messages")
        some = sorted(self.deleted if what == "restore" else self.shown)
        if not some:
            return None
        chosen = some[which % len(some)]
        if what in ("edit", "child"):
            place = "edited_from" if what == "edit" else "parent_id"
            return await self._add({"role": "user", "content": "Other.", place: chosen})
        path = f"{self.path}/messages/{chosen}"
        if what == "restore":
            return await self._post(f"{path}/restore", None)
        if what == "rate":
            body = {"rating": how % 5 + 1, "liked": [True, False, None][how % 3]}
            return await self.service.http.put(f"{path}/rating", json=body)
        return await self.service.http.delete(path if what == "delete" else f"{path}/rating")

    async def _add(self, body: dict[str, Any]) -> httpx2.Response:
        return await self._post(f"{self.path}/messages", body)

    async def _post(self, path: str, body: Any) -> httpx2.Response:
        self.keys += 1
        key = {"Idempotency-Key": f"{self.path}-{self.keys}"}
        answer = await self.service.http.post(path, json=body, headers=key)
        if answer.is_success:
            self.posted.append((path, body, key, answer))
        return answer

    async def _repeat(self, which: int) -> None:
        """Send a request again that has had its effect; it is answered the same and has no other."""
        if not self.posted:
            return
        path, body, key, first = self.posted[which % len(self.posted)]
        again = await self.service.http.post(path, json=body, headers=key)
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.status_code, again.content) == (first.status_code, first.content)

    def follow(self, step: Step, answer: httpx2.Response | None) -> None:
        """What must be shown and what must be deleted after a step."""
        if answer is None:
            return
        what, body = step[0], answer.json()
        if what in ("rate", "unrate"):
            assert answer.status_code == (200 if body.get("role") == "assistant" else 400)
            return
        assert answer.is_success, answer.text
        if what == "clear":
            self.shown, self.deleted = set(), set()
        elif what == "delete":
            self.shown.remove(body["id"])
            self.deleted.add(body["id"])
        elif what == "restore":
            self.deleted.remove(body["id"])
            self.shown.add(body["id"])
        else:
            self.ever.append(body)
            self.shown.add(body["id"])

    async def listed(self, query: str = "") -> list[dict[str, Any]]:
        answer = await self.service.http.get(f"{self.path}/messages?limit=100{query}")
        return list(answer.json()["data"])

    async def check_counts(self) -> list[dict[str, Any]]:
        """Assert that the counters say what the list shows; the list."""
        shown = await self.listed()
        now = (await self.service.http.get(self.path)).json()
        analytics = (await self.service.http.get(f"{self.path}/analytics")).json()
        newest = shown[-1]["id"] if shown else None
        assert (now["message_count"], now["last_message_id"]) == (len(shown), newest)
        assert now["leaf_message_id"] == newest
        statistics, quality = analytics["message_statistics"], analytics["quality_metrics"]
        roles = [one["role"] for one in shown]
        assert statistics["total_messages"] == len(shown)
        assert statistics["by_role"] == {role: roles.count(role) for role in ("user", "assistant", "system")}
        average = sum(len(one["content"]) for one in shown) / len(shown) if shown else 0
        assert statistics["average_length"] == round(average, 3)
        assert quality["liked"] == sum(one["liked"] is True for one in shown)
        assert quality["disliked"] == sum(one["liked"] is False for one in shown)
        ratings = [one["rating"] for one in shown if one["rating"] is not None]
        assert quality["ratings"] == len(ratings)
        assert quality["average_rating"] == (round(sum(ratings) / len(ratings), 3) if ratings else None)
        return shown

    def line(self, identifier: str) -> list[str]:
        """The ids from the root to a message, by following parents."""
        parents = {one["id"]: one["parent_id"] for one in self.ever}
        line, at = list[str](), identifier
        while at:
            line, at = [at, *line], parents[at]
        return line
