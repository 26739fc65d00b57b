"""Indexing policies: which entries a document has."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cosmos.indexing import IndexingPolicy, IndexingPolicyError, path_name
from local.cosmos.values import UNDEFINED, encode

NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "a/b", ""]), inner, max_size=3)
    ),
)


def policy(included: Sequence[str], excluded: Sequence[str] = (), **more: Any) -> IndexingPolicy:
    paths = {
        "includedPaths": [{"path": path} for path in included],
        "excludedPaths": [{"path": path} for path in excluded],
    }
    return IndexingPolicy.parse({**paths, **more})


def names(of: IndexingPolicy, document: dict[str, Any]) -> list[str]:
    return [name for name, _ in of.terms(document)]


@pytest.mark.parametrize(
    ("included", "excluded", "indexed"),
    [
        (["/*"], [], ["/a", "/o/p", "/o/q", "/t/[]"]),
        (["/*"], ["/o/*"], ["/a", "/t/[]"]),
        (["/*"], ["/o/?"], ["/a", "/o/p", "/o/q", "/t/[]"]),
        (["/*", "/o/p/?"], ["/o/*"], ["/a", "/o/p", "/t/[]"]),
        (["/o/*"], ["/*"], ["/o/p", "/o/q"]),
        (["/a/?"], ["/*"], ["/a"]),
        (["/o/?", "/t/?"], ["/*"], []),
        (["/t/[]/?"], ["/*"], ["/t/[]"]),
        (["/t/*"], ["/*"], ["/t/[]"]),
        (["/*", "/a/?"], ["/a/?", "/o/*", "/t/*"], []),
        (["/a/*"], ["/a/?", "/*"], []),
        (['/"o"/"p"/?'], ["/*"], ["/o/p"]),
        ([], ["/*"], []),
    ],
)
def test_the_most_specific_path_decides(included: list[str], excluded: list[str], indexed: list[str]) -> None:
    document = {"a": 1, "o": {"p": 2, "q": None}, "t": ["x"]}
    assert names(policy(included, excluded), document) == indexed


def test_the_default_indexes_everything_but_the_etag() -> None:
    assert names(IndexingPolicy.parse(None), {"id": "1", "_ts": 5, "_etag": "e"}) == ["/_ts", "/id"]


def test_mode_none_indexes_nothing() -> None:
    assert names(IndexingPolicy.parse({"indexingMode": "None"}), {"id": "1"}) == []


def test_a_property_named_like_an_element_is_not_indexed() -> None:
    assert names(policy(["/*"]), {"t": {"[]": 1}, "[]": 2, "u": [3]}) == ["/u/[]"]


def test_an_element_that_is_there_twice_has_one_entry() -> None:
    assert policy(["/*"]).terms({"t": [1, 1, 1.0, 2]}) == [("/t/[]", encode(1)), ("/t/[]", encode(2))]


def test_elements_of_inner_arrays_have_entries_of_their_own() -> None:
    assert names(policy(["/*"]), {"t": [[1], {"a": 2}]}) == ["/t/[]/[]", "/t/[]/a"]


def test_names_with_separators_are_kept_apart() -> None:
    """Two values in one index would make one document come twice."""
    found = names(policy(["/*"]), {"a/b": 1, "a": {"b": 2}, "a ASC,/b DESC": 3, '"a': 4})
    assert len(set(found)) == 4


def test_a_quoted_path_takes_escapes() -> None:
    assert names(policy([r'/"a\"b\\/c"/?'], ["/*"]), {'a"b\\/c': 1}) == [path_name(('a"b\\/c',))]


def test_a_composite_index_has_an_entry_for_every_document() -> None:
    columns = [{"path": "/a", "order": "ascending"}, {"path": "/o/p", "order": "descending"}]
    found = policy([], ["/*"], compositeIndexes=[columns])
    assert found.composites[0].name == "/a ASC,/o/p DESC"
    assert found.terms({"a": 1, "o": {"p": "x"}}) == [
        ("/a ASC,/o/p DESC", encode(1) + encode("x", descending=True))
    ]
    assert found.terms({"a": 1, "o": []}) == [
        ("/a ASC,/o/p DESC", encode(1) + encode(UNDEFINED, descending=True))
    ]


@given(st.dictionaries(st.sampled_from(["a", "b", "a/b", ""]), NESTED, max_size=4))
def test_entries_are_sorted_and_each_is_there_once(document: dict[str, Any]) -> None:
    terms = IndexingPolicy.parse(None).terms(document)
    assert terms == sorted(set(terms))


@pytest.mark.parametrize(
    "settings",
    [
        {"includedPaths": [{"path": "/*"}, {"path": "/a"}, {"path": "/*"}]},
        {"includedPaths": [{"path": "/a/?"}]},
        {"includedPaths": [{"path": "/*"}, {"path": "a/?"}]},
        {"includedPaths": [{"path": "/*"}, {"path": "/a*/?"}]},
        {"includedPaths": [{"path": "/*"}, {"path": '/"a/?'}]},
        {"includedPaths": [{"path": "/*"}, {"path": r'/"\q"/?'}]},
        {"includedPaths": [{"path": "/*"}, {"path": "//?"}]},
        {"includedPaths": [{}]},
        {"includedPaths": ["/*"]},
        {"includedPaths": 5},
        {"excludedPaths": [{"path": 5}]},
        {"indexingMode": "sometimes"},
        {"compositeIndexes": [[{"path": "/a"}]]},
        {"compositeIndexes": [[{"path": "/a"}, {"path": "/b", "order": "up"}]]},
        {"compositeIndexes": [[{"path": "/a"}, {"path": "/b/*"}]]},
        {"compositeIndexes": [[{"path": ""}, {"path": "/b"}]]},
    ],
)
def test_a_policy_that_can_not_be_understood_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(IndexingPolicyError):
        IndexingPolicy.parse(settings)
