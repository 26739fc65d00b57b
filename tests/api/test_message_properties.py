"""Whatever is done to a conversation's messages in whatever order, the counts say what the list shows."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.talks import WHAT, Step, Talk
from tests.api.test_exactly_once import TROUBLE
from tests.api.worlds import World, lasting_world

STEP = st.tuples(st.sampled_from(WHAT), st.integers(0, 99), st.integers(0, 99))
STEPS = st.lists(STEP, min_size=8, max_size=25)
Query = dict[str, str]
bounded = settings(max_examples=15)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with lasting_world() as world:
        yield world


@given(STEPS)
@bounded
def test_counts_lists_and_paths_follow_whatever_is_done(world: World, steps: list[Step]) -> None:
    async def example() -> None:
        talk = await Talk.begun(world.service)
        for step in steps:
            talk.follow(step, await talk.do(step))
        shown = await talk.check_counts()
        assert [one["id"] for one in shown] == [one["id"] for one in talk.ever if one["id"] in talk.shown]
        assert {one["id"] for one in await talk.listed("&deleted=only")} == talk.deleted
        assert [one["seq"] for one in talk.ever] == list(range(1, len(talk.ever) + 1))
        if shown:
            leaf = shown[-1]["id"]
            path = [one["id"] for one in await talk.listed(f"&leaf={leaf}")]
            assert path == [one for one in talk.line(leaf) if one in talk.shown]

    world.run(example())


@given(
    st.lists(st.lists(STEP, min_size=2, max_size=5), max_size=5),
    st.lists(st.sampled_from(sorted(TROUBLE)), max_size=4),
)
@bounded
def test_counts_hold_whatever_is_done_at_once_and_in_trouble(
    world: World, groups: list[list[Step]], troubles: list[str]
) -> None:
    async def example() -> None:
        talk = await Talk.begun(world.service)
        for trouble in troubles:
            world.service.engine.faults.add(replace(TROUBLE[trouble], operation="batch", times=1))
        for group in groups:
            await asyncio.gather(*(talk.do(step) for step in group))
            talk.shown = {one["id"] for one in await talk.listed()}
            talk.deleted = {one["id"] for one in await talk.listed("&deleted=only")}
        world.service.engine.faults.clear()
        await talk.check_counts()
        seqs = [answer.json()["seq"] for path, _, _, answer in talk.posted if path.endswith("/messages")]
        assert sorted(seqs) == list(range(1, len(seqs) + 1))
        assert (await world.service.add(talk.path.split("/")[1], "Next."))["seq"] == len(seqs) + 1

    world.run(example())


@given(
    st.integers(0, 9),
    st.sets(st.integers(0, 9)),
    st.integers(1, 4),
    st.sampled_from(["asc", "desc"]),
    st.sampled_from([{}, {"deleted": "only"}, {"deleted": "include"}]),
    st.lists(st.integers(0, 14), max_size=4),
)
@bounded
def test_pages_give_each_message_once_while_others_write(
    world: World,
    count: int,
    gone: set[int],
    limit: int,
    order: str,
    deleted: dict[str, str],
    later: list[int],
) -> None:
    """Those that are deleted while one reads may come or not, but not twice; so may new ones."""

    async def example() -> None:
        talk = await Talk.begun(world.service)
        for _ in range(count):
            talk.follow(("add", 0, 0), await talk.do(("add", 0, 0)))
        ids = [one["id"] for one in talk.ever]
        gone_ids = {ids[which % count] for which in gone if count}
        for identifier in gone_ids:
            await world.service.http.delete(f"{talk.path}/messages/{identifier}")
        found, after, touched = list[str](), dict[str, str](), set[str]()
        while True:
            query = {"limit": str(limit), "order": order} | deleted | after
            page = (await world.service.http.get(f"{talk.path}/messages", params=query)).json()
            found += [one["id"] for one in page["data"]]
            if page["next_cursor"] is None:
                break
            after = {"after": page["next_cursor"]}
            if later:
                touched.add(now := ids[later.pop() % count])
                await world.service.http.delete(f"{talk.path}/messages/{now}")
                await talk.do(("add", 0, 0))
        shown = {"only": gone_ids, "include": set(ids)}.get(deleted.get("deleted", ""), set(ids) - gone_ids)
        expected = [one for one in ids if one in shown - touched]
        assert len(found) == len(set(found))
        assert [one for one in found if one in set(ids) - touched] == (
            expected if order == "asc" else expected[::-1]
        )

    world.run(example())


OF_MESSAGE = {
    "shown": ("PATCH", "", {"display_text": "Other."}),
    "noted": ("PATCH", "", {"metadata": {"k": "v"}}),
    "deleted": ("DELETE", "", None),
    "rated": ("PUT", "/rating", {"rating": 1}),
    "disliked": ("PUT", "/rating", {"liked": False}),
    "unrated": ("DELETE", "/rating", None),
}
OF_CONVERSATION = {
    "renamed": ("PUT", "", {"title": "Other"}),
    "pinned": ("PATCH", "", {"pinned": True}),
    "added": ("POST", "/messages", {"role": "user", "content": "Hello."}),
    "cleared": ("DELETE", "/messages", None),
    "ended": ("POST", "/end", {}),
    "gone": ("DELETE", "", None),
}
PAIRS = [
    *combinations_with_replacement(OF_MESSAGE, 2),
    *combinations_with_replacement(OF_CONVERSATION, 2),
]


@given(st.sampled_from(PAIRS), st.sampled_from([None, *sorted(TROUBLE)]))
@bounded
def test_of_two_changes_of_one_version_at_once_exactly_one_wins(
    world: World, pair: tuple[str, str], trouble: str | None
) -> None:
    async def example() -> None:
        talk, http = await Talk.begun(world.service), world.service.http
        added = await talk.do(("answer", 0, 0))
        assert added is not None
        message = f"{talk.path}/messages/{added.json()['id']}"
        rated = await http.put(f"{message}/rating", json={"rating": 5, "liked": True})
        path = message if pair[0] in OF_MESSAGE else talk.path
        etag = rated.headers["etag"] if path == message else (await http.get(path)).headers["etag"]
        if trouble:
            for operation in ("batch", "patch"):
                world.service.engine.faults.add(replace(TROUBLE[trouble], operation=operation))
        changes = [(OF_MESSAGE | OF_CONVERSATION)[name] for name in pair]

        answers = await asyncio.gather(
            *(
                http.request(method, path + end, json=body, headers={"If-Match": etag})
                for method, end, body in changes
            )
        )

        world.service.engine.faults.clear()
        won, lost = sorted(answer.status_code for answer in answers)
        assert won < 300
        assert lost in (404, 412)  # 404: the other has deleted it

    world.run(example())
