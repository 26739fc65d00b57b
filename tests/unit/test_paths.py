"""A message's path names exactly its ancestors and itself, whatever grew where."""

from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from shared.paths import Path, before, between, branching_off, going_on


@dataclass(frozen=True)
class Node:
    """A message as the tree knows it: its parent's seq, and the path that it is stored with."""

    seq: int
    parent: int | None
    path: Path

    @property
    def branch(self) -> int:
        return self.path[-1][0]


# Behind the newest message, behind any one, or beside any one.
GROWTH = st.lists(
    st.tuples(st.sampled_from(["on", "on", "behind", "beside"]), st.integers(0, 10_000)), max_size=60
)


def grown(steps: Iterable[tuple[str, int]]) -> list[Node]:
    """The tree that comes of these steps, by seq."""
    nodes: list[Node] = []
    for seq, (how, choice) in enumerate(steps, 1):
        chosen = nodes[choice % len(nodes)] if nodes else None
        newest = nodes[-1] if nodes else None
        if how == "on" or chosen is None:
            parent, path = newest.seq if newest else None, going_on(newest.path if newest else (), seq)
        elif how == "behind":
            parent, path = chosen.seq, branching_off(chosen.path, seq)
        else:
            parent, path = chosen.parent, branching_off(before(chosen.path), seq)
        nodes.append(Node(seq, parent, path))
    return nodes


def ancestors(nodes: list[Node], node: Node) -> list[int]:
    """From the root to the node itself, by following parents."""
    line, at = [node.seq], node.parent
    while at is not None:
        line.insert(0, at)
        at = nodes[at - 1].parent
    return line


def on_path(nodes: list[Node], path: Path, above: int = 0, below: int | None = None) -> list[int]:
    """The nodes in the ranges of a path, as the database finds them by branch and seq."""
    parts = between(path, above, below)
    return [
        node.seq
        for branch, first, last in parts
        for node in nodes
        if node.branch == branch and first <= node.seq <= last
    ]


@given(GROWTH)
def test_a_path_holds_exactly_the_line_from_the_root(steps: list[tuple[str, int]]) -> None:
    nodes = grown(steps)
    for node in nodes:
        assert on_path(nodes, node.path) == ancestors(nodes, node)


@given(GROWTH)
def test_without_its_end_a_path_is_the_parents(steps: list[tuple[str, int]]) -> None:
    nodes = grown(steps)
    for node in nodes:
        assert on_path(nodes, before(node.path)) == ancestors(nodes, node)[:-1]


@given(GROWTH, st.integers(0, 60), st.none() | st.integers(1, 61))
def test_a_part_of_a_path_is_what_lies_between(
    steps: list[tuple[str, int]], above: int, below: int | None
) -> None:
    nodes = grown(steps)
    for node in nodes[-5:]:
        expected = [seq for seq in ancestors(nodes, node) if above < seq and (below is None or seq < below)]
        assert on_path(nodes, node.path, above, below) == expected


@given(GROWTH)
def test_a_path_takes_one_stretch_for_each_branch(steps: list[tuple[str, int]]) -> None:
    nodes = grown(steps)
    for node in nodes:
        branches = [nodes[seq - 1].branch for seq in ancestors(nodes, node)]
        assert len(node.path) == len(set(branches))
        assert [first for first, _ in node.path] == list(dict.fromkeys(branches))
