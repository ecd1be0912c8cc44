"""Latencies are measured once for a network, whatever it is called, and anew when the file is gone."""

from dataclasses import replace

import pytest

from lab.reproduce import latency
from leanpose.training.recipes import ablation_lsp


def test_a_network_is_timed_once(tmp_path, monkeypatch):
    small = replace(ablation_lsp(), model_args={"width": 8}, input_hw=(64, 64))
    large = replace(small, model_args={"width": 64}, input_hw=(128, 128))
    kept = tmp_path / "work" / "latency.json"
    monkeypatch.setattr(latency, "TURNS", 3)
    times = latency.latencies_ms({"small": small, "large": large}, kept)
    assert min(times.values()) > 0

    def refuse(_):
        raise AssertionError("timed again")

    monkeypatch.setattr(latency, "_measured", refuse)
    assert latency.latencies_ms({"other name": replace(small, lr=1.0)}, kept) == {"other name": times["small"]}
    kept.unlink()
    with pytest.raises(AssertionError, match="timed again"):
        latency.latencies_ms({"small": small}, kept)


def test_times_of_different_runs_are_not_mixed(tmp_path, monkeypatch):
    recipes = [replace(ablation_lsp(), model_args={"width": width}) for width in (8, 16, 24)]
    base, one, other = recipes
    speeds = iter((1.0, 2.0))  # the machine is slower in the second run

    def measured(asked):
        speed = next(speeds)
        return {key: speed * recipe.model_args["width"] for key, recipe in asked.items()}

    monkeypatch.setattr(latency, "_measured", measured)
    kept = tmp_path / "latency.json"
    for _ in range(2):
        assert latency.latencies_ms({"base": base, "one": one}, kept) == {"base": 8, "one": 16}
        assert latency.latencies_ms({"base": base, "other": other}, kept) == {"base": 16, "other": 48}
