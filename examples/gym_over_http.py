"""A Gymnasium job driven through the HTTP service.

    quickstudy serve                        # in one terminal
    python examples/gym_over_http.py        # in another; then watch http://127.0.0.1:8000

Any job with a box of numbers to see and a choice to make. The environment runs here, the
learner there; between them are a question and an outcome a step.
"""

from __future__ import annotations

import sys

import gymnasium as gym

from quickstudy.service.client import Client


def main(
    url: str = "http://127.0.0.1:8000", job: str = "CartPole-v1", episodes: int = 200
) -> list[float]:
    """Works some episodes; the return of each."""
    env = gym.make(job)
    assert isinstance(env.observation_space, gym.spaces.Box)
    assert isinstance(env.action_space, gym.spaces.Discrete)
    with Client(url) as client:
        post = client.post(job)
        post.create(
            observation={"type": "box", "shape": list(env.observation_space.shape)},
            action={"type": "discrete", "n": int(env.action_space.n)},
            terms={"any": {"first": "autonomous"}},
        )
        returns = []
        for episode in range(episodes):
            returns.append(work(env, post, f"{job} {episode}"))
            print(f"episode {episode}: {returns[-1]:.0f}", flush=True)
    return returns


def work(env: gym.Env, post, episode: str) -> float:
    """One episode; its return."""
    seen, _ = env.reset()
    earned, is_over = 0.0, False
    while not is_over:
        answer = post.decide(seen.tolist(), episode=episode)
        seen, reward, terminated, truncated, _ = env.step(answer["action"])
        earned, is_over = earned + float(reward), terminated or truncated
        told = {"done": terminated, "truncated": truncated and not terminated}
        if is_over:
            told["observation"] = seen.tolist()
        post.outcome(answer["id"], float(reward), **told)
    return earned


if __name__ == "__main__":
    main(*sys.argv[1:3])
