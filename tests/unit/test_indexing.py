from typing import Any

import pytest

from local.cosmos.indexing import IndexingPolicy, IndexingPolicyError
from local.cosmos.values import UNDEFINED, encode


def paths(*texts: str) -> list[dict[str, str]]:
    return [{"path": text} for text in texts]


def test_by_default_all_but_the_etag_is_indexed() -> None:
    terms = IndexingPolicy.parse(None).terms({"id": "a", "_etag": "e", "o": {"n": 1}, "t": ["x", "x", "y"]})
    assert sorted(terms) == [
        ("/id", encode("a")),
        ("/o/n", encode(1)),
        ("/t/[]", encode("x")),
        ("/t/[]", encode("y")),
    ]


@pytest.mark.parametrize(
    ("path", "indexed"),
    [(("a",), True), (("a", "b"), False), (("a", "b", "c"), True), (("x",), False), (("t", "[]"), True)],
)
def test_the_most_specific_path_decides(path: tuple[str, ...], indexed: bool) -> None:
    policy = IndexingPolicy.parse(
        {
            "includedPaths": paths("/a/?", "/a/b/c/?", "/t/[]/?"),
            "excludedPaths": paths("/*", "/a/b/*"),
        }
    )
    assert policy.indexes(path) is indexed


def test_quoted_names_are_names_of_their_own() -> None:
    policy = IndexingPolicy.parse({"includedPaths": paths('/"a/b"/?'), "excludedPaths": paths("/*")})
    assert policy.terms({"a/b": 1, "a": {"b": 2}}) == [('/"a/b"', encode(1))]


def test_a_composite_index_has_an_entry_for_every_document() -> None:
    columns = [{"path": "/s", "order": "ascending"}, {"path": "/k", "order": "descending"}]
    policy = IndexingPolicy.parse({"excludedPaths": paths("/*"), "compositeIndexes": [columns]})
    name = "/s ASC,/k DESC"
    assert policy.terms({"s": 1, "k": 2}) == [(name, encode(1) + encode(2, descending=True))]
    assert policy.terms({}) == [(name, encode(UNDEFINED) + encode(UNDEFINED, descending=True))]


def test_without_indexing_there_are_no_entries() -> None:
    assert IndexingPolicy.parse({"indexingMode": "none"}).terms({"id": "a"}) == []


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"includedPaths": paths("/a/?")}, "must be among"),
        ({"includedPaths": paths("/*", "/a")}, "must end in"),
        ({"includedPaths": paths("/*", "a/?")}, "can't be understood"),
        ({"includedPaths": ["/*"]}, "lists of paths"),
        ({"indexingMode": "lazy"}, "lazy"),
        ({"compositeIndexes": [paths("/a")]}, "at least two"),
        ({"compositeIndexes": [[{"path": "/a", "order": "up"}, {"path": "/b"}]]}, "'up'"),
    ],
)
def test_a_policy_that_can_not_be_understood_is_refused(policy: dict[str, Any], reason: str) -> None:
    with pytest.raises(IndexingPolicyError, match=reason):
        IndexingPolicy.parse(policy)
