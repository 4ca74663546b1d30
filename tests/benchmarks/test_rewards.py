"""What is told shuffled comes to the same as in order; another reward does not."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

from benchmarks import rewards


def test_shuffled_messages_say_the_same_in_another_order() -> None:
    ids, earned = list(range(1, 201)), [n / 1024 for n in range(200)]
    plain, sent = (rewards.messages(ids, earned, way, 0) for way in rewards.WAYS)
    assert plain == [(id, {"reward": n}) for id, n in zip(ids, earned, strict=True)]
    assert len(sent) == 190 + 3 * 10 + 11 and [id for id, _ in sent] != sorted(
        id for id, _ in sent
    )
    said: defaultdict[int, dict[str | None, float]] = defaultdict(dict)
    for id, one in sent:
        if "reward" in one:
            assert said[id].setdefault(one.get("key"), one["reward"]) == one["reward"]
    assert {id: sum(parts.values()) for id, parts in said.items()} == dict(
        zip(ids, earned, strict=True)
    )


def test_both_ways_leave_the_same_experience(tmp_path: Path) -> None:
    ids, earned, _ = rewards.decide(tmp_path / "whole", 60, 0)
    digests = []
    for way, told in [*zip(rewards.WAYS, (earned, earned), strict=True),
                      ("other", [*earned[1:], earned[0]])]:  # fmt: skip
        shutil.copytree(tmp_path / "whole", tmp_path / way)
        order = "shuffled" if way == "other" else way
        found = rewards.tell(tmp_path / way, rewards.messages(ids, told, order, 0))
        assert found["waiting"] == 60
        digests.append(rewards.left(tmp_path / way, 0)[0])
    assert digests[0] == digests[1] != digests[2]
