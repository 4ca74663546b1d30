"""A program that knows nothing of quickstudy but its HTTP address: a room and its heater.

    quickstudy serve                     # in one terminal
    python examples/thermostat.py        # in another; then watch http://127.0.0.1:8000

Twice an hour it asks what to do with the heater, says half an hour later how that went, and
tells what it would do itself by a rule of thumb, so that shadow and fallback have something to
go by. The post begins in shadow; `--autonomous` lets the learner act from the start.
Nothing is imported but Python's own library.
"""

import argparse
import json
import math
import random
import urllib.request

DECLARED = {
    "name": "thermostat",
    "observation": {
        "type": "box",
        "shape": [3],
        "low": [-30, -30, 0],
        "high": [50, 50, 24],
        "names": ["inside", "outside", "hour"],
    },
    "action": {"type": "discrete", "n": 3, "labels": ["off", "low", "high"]},
    "reward_meaning": "minus the degrees off 21, minus what the heating cost",
    "fallback": "low",
    "max_steps": 48,
}
POWER = {"off": 0.0, "low": 1.5, "high": 4.0}  # degrees in half an hour
COST = 0.2  # of one degree
WANTED = 21.0
STEPS_A_DAY = 48


def call(url, path, body):
    """POSTs JSON and gives the answer."""
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def rule_of_thumb(inside):
    return "off" if inside > WANTED else "low" if inside > WANTED - 2 else "high"


def half_hour(inside, outside, action):
    """The room after half an hour, and what that was worth."""
    inside += 0.1 * (outside - inside) + POWER[action] + random.gauss(0, 0.1)
    return inside, -abs(inside - WANTED) - COST * POWER[action]


def live_a_day(url, day):
    """One day, one episode; what it earned."""
    inside, earned, id = 18.0, 0.0, None
    for step in range(STEPS_A_DAY):
        hour = step / 2
        outside = 5 + 5 * math.sin((hour - 9) / 24 * 2 * math.pi)
        habit = rule_of_thumb(inside)
        answer = call(url, "/v1/posts/thermostat/decide", {
            "observation": [inside, outside, hour], "episode": f"day {day}", "incumbent": habit,
        })  # fmt: skip
        inside, reward = half_hour(inside, outside, answer["action"])
        earned, id = earned + reward, answer["id"]
        told = {"reward": reward}
        if step == STEPS_A_DAY - 1:  # the day is over; the room is not
            told |= {"truncated": True, "observation": [inside, outside, 23.9]}
        call(url, f"/v1/decisions/{id}/outcome", told)
    return earned


def main(url="http://127.0.0.1:8000", days=30, is_autonomous=False):
    """Lives some days; what each earned."""
    first = "autonomous" if is_autonomous else "shadow"
    call(url, "/v1/posts", DECLARED | {"terms": {"any": {"first": first}}})
    earned = []
    for day in range(days):
        earned.append(live_a_day(url, day))
        print(f"day {day}: {earned[-1]:.1f}", flush=True)
    return earned


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A room, its heater, and a learner.")
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--autonomous", action="store_true")
    asked = parser.parse_args()
    main(asked.url.rstrip("/"), asked.days, asked.autonomous)
