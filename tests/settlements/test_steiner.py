"""Tests of the lower bound of new paths: it holds however early the ascent stops."""

from __future__ import annotations

import numpy as np
import pytest

from geo_profiling.settlements import steiner
from geo_profiling.settlements.steiner import GroupGraph, shortest_tree


def _lattice(side: int, seed: int) -> GroupGraph:
    """Return a square lattice with access along its lowest row and a group at each other node."""
    rng = np.random.default_rng(seed)
    node = np.arange(side * side).reshape(side, side)
    ends = np.concatenate(
        [
            np.stack([node[:, :-1].ravel(), node[:, 1:].ravel()], axis=1),
            np.stack([node[:-1].ravel(), node[1:].ravel()], axis=1),
        ]
    )
    is_root = np.zeros(side * side, bool)
    is_root[:side] = True
    wanted = np.flatnonzero(~is_root)
    return GroupGraph(ends, rng.uniform(1, 3, len(ends)), is_root, np.arange(len(wanted)), wanted, len(wanted))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bound_grows_with_the_work_and_never_passes_the_plan(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    graph = _lattice(12, seed)
    bounds, lengths = [], []
    for visits in (0, 1, 5, 25, 10_000):
        monkeypatch.setattr(steiner, "VISITS_PER_NODE", visits)
        chosen, bound = shortest_tree(graph)
        bounds.append(bound)
        lengths.append(float(graph.length[chosen].sum()))
    assert bounds[0] == 0
    assert bounds == sorted(bounds)
    assert bounds[1] > 0
    # The whole graph is searched whatever the bound has paid for: every plan is one.
    assert max(bounds) <= min(lengths) + 1e-9


def test_default_work_gives_the_full_bound_of_a_small_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = _lattice(8, 7)
    within = shortest_tree(graph)[1]
    monkeypatch.setattr(steiner, "VISITS_PER_NODE", 10**6)
    assert within == shortest_tree(graph)[1]
