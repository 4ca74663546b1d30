"""What the peers' own community found best for each job: the RL Zoo's published settings.

Facts from https://github.com/DLR-RM/rl-baselines3-zoo, `hyperparams/*.yml`: dqn at ce95481,
qrdqn at c8cff9f, ppo at 208b6fd, sac at c94924e, tqc at 994cc30. The zoo's LunarLander-v2 and
Pendulum-v0 are earlier versions of the jobs here, whose dynamics it does not tell apart.

`steps` is how long the zoo trains with them. Schedules (exploration, falling rates) follow
from it, so a run here is the beginning of the zoo's own, cut at our budget.

Left out: the anaesthetist, for which nobody has tuned anything; algorithms that the zoo tunes
on fewer of these jobs (A2C, TD3, TRPO, ARS).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tuned:
    """Settings of one algorithm for one job.

    steps: of the zoo's training. settings: the algorithm's arguments. policy: its
    `policy_kwargs`. envs: copies of the job that it works in. is_normalised: observations
    and rewards are, by running statistics.
    """

    steps: int
    settings: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    envs: int = 1
    is_normalised: bool = False


@dataclass(frozen=True)
class Linear:
    """A rate that falls to zero over the training ("lin_…" in the zoo)."""

    start: float

    def __call__(self, remaining: float) -> float:
        return self.start * remaining


WIDE: dict[str, Any] = {"net_arch": [256, 256]}

# Acrobot and LunarLander share DQN's settings in the zoo.
DQN_LONG = Tuned(
    100_000,
    {
        "learning_rate": 6.3e-4,
        "batch_size": 128,
        "buffer_size": 50_000,
        "learning_starts": 0,
        "gamma": 0.99,
        "target_update_interval": 250,
        "train_freq": 4,
        "gradient_steps": -1,
        "exploration_fraction": 0.12,
        "exploration_final_eps": 0.1,
    },
    WIDE,
)

# DQN and QR-DQN share these, but for the number of quantiles.
CARTPOLE = {
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "gamma": 0.99,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
}
MOUNTAIN_CAR = {
    "learning_rate": 4e-3,
    "batch_size": 128,
    "buffer_size": 10_000,
    "learning_starts": 1_000,
    "gamma": 0.98,
    "target_update_interval": 600,
    "train_freq": 16,
    "gradient_steps": 8,
    "exploration_fraction": 0.2,
    "exploration_final_eps": 0.07,
}

# SAC and TQC share these.
MOUNTAIN_CAR_CONTINUOUS = Tuned(
    50_000,
    {
        "learning_rate": 3e-4,
        "buffer_size": 50_000,
        "batch_size": 512,
        "ent_coef": 0.1,
        "train_freq": 32,
        "gradient_steps": 32,
        "gamma": 0.9999,
        "tau": 0.01,
        "learning_starts": 0,
        "use_sde": True,
    },
    {"log_std_init": -3.67, "net_arch": [64, 64]},
)
LANDER_CONTINUOUS = Tuned(
    500_000,
    {
        "learning_rate": Linear(7.3e-4),
        "buffer_size": 1_000_000,
        "batch_size": 256,
        "ent_coef": "auto",
        "gamma": 0.99,
        "tau": 0.01,
        "train_freq": 1,
        "gradient_steps": 1,
        "learning_starts": 10_000,
    },
    {"net_arch": [400, 300]},
)
PPO_LANDER = Tuned(
    1_000_000,
    {
        "n_steps": 1_024,
        "batch_size": 64,
        "gae_lambda": 0.98,
        "gamma": 0.999,
        "n_epochs": 4,
        "ent_coef": 0.01,
    },
    envs=16,
)

# job → algorithm → settings
SETTINGS: dict[str, dict[str, Tuned]] = {
    "CartPole-v1": {
        "dqn": Tuned(50_000, CARTPOLE, WIDE),
        "qrdqn": Tuned(50_000, CARTPOLE, {**WIDE, "n_quantiles": 10}),
        "ppo": Tuned(
            100_000,
            {
                "n_steps": 32,
                "batch_size": 256,
                "gae_lambda": 0.8,
                "gamma": 0.98,
                "n_epochs": 20,
                "ent_coef": 0.0,
                "learning_rate": Linear(1e-3),
                "clip_range": Linear(0.2),
            },
            envs=8,
        ),
    },
    "Acrobot-v1": {
        "dqn": DQN_LONG,
        "qrdqn": Tuned(100_000, DQN_LONG.settings, {**WIDE, "n_quantiles": 25}),
        "ppo": Tuned(
            1_000_000,
            {"n_steps": 256, "gae_lambda": 0.94, "gamma": 0.99, "n_epochs": 4, "ent_coef": 0.0},
            envs=16,
            is_normalised=True,
        ),
    },
    "MountainCar-v0": {
        "dqn": Tuned(120_000, MOUNTAIN_CAR, WIDE),
        "qrdqn": Tuned(120_000, MOUNTAIN_CAR, {**WIDE, "n_quantiles": 25}),
        "ppo": Tuned(
            1_000_000,
            {"n_steps": 16, "gae_lambda": 0.98, "gamma": 0.99, "n_epochs": 4, "ent_coef": 0.0},
            envs=16,
            is_normalised=True,
        ),
    },
    "Pendulum-v1": {
        "sac": Tuned(20_000, {"learning_rate": 1e-3}),
        "tqc": Tuned(
            20_000,
            {"learning_rate": 1e-3, "use_sde": True, "gradient_steps": 64, "train_freq": 64},
            {"log_std_init": -2, "net_arch": [64, 64]},
        ),
        "ppo": Tuned(
            100_000,
            {
                "n_steps": 1_024,
                "gae_lambda": 0.95,
                "gamma": 0.9,
                "n_epochs": 10,
                "ent_coef": 0.0,
                "learning_rate": 1e-3,
                "clip_range": 0.2,
                "use_sde": True,
                "sde_sample_freq": 4,
            },
            envs=4,
        ),
    },
    "MountainCarContinuous-v0": {
        "sac": MOUNTAIN_CAR_CONTINUOUS,
        "tqc": MOUNTAIN_CAR_CONTINUOUS,
        "ppo": Tuned(
            20_000,
            {
                "batch_size": 256,
                "n_steps": 8,
                "gamma": 0.9999,
                "learning_rate": 7.77e-5,
                "ent_coef": 0.00429,
                "clip_range": 0.1,
                "n_epochs": 10,
                "gae_lambda": 0.9,
                "max_grad_norm": 5,
                "vf_coef": 0.19,
                "use_sde": True,
            },
            {"log_std_init": -3.29, "ortho_init": False},
            is_normalised=True,
        ),
    },
    "LunarLander-v3": {
        "dqn": DQN_LONG,
        "qrdqn": Tuned(
            100_000,
            {
                "learning_rate": Linear(1.5e-3),
                "batch_size": 128,
                "buffer_size": 100_000,
                "learning_starts": 10_000,
                "gamma": 0.995,
                "target_update_interval": 1,
                "train_freq": 256,
                "gradient_steps": -1,
                "exploration_fraction": 0.24,
                "exploration_final_eps": 0.18,
            },
            {**WIDE, "n_quantiles": 170},
        ),
        "ppo": PPO_LANDER,
    },
    "LunarLanderContinuous-v3": {
        "sac": LANDER_CONTINUOUS,
        "tqc": LANDER_CONTINUOUS,
        "ppo": PPO_LANDER,
    },
    "MiniGrid-DoorKey-5x5-v0": {
        "ppo": Tuned(
            100_000,
            {
                "n_steps": 128,
                "batch_size": 64,
                "gae_lambda": 0.95,
                "gamma": 0.99,
                "n_epochs": 10,
                "ent_coef": 0.0,
                "learning_rate": 2.5e-4,
                "clip_range": 0.2,
            },
            envs=8,
            is_normalised=True,
        ),
    },
    # highway-env's own script (github.com/Farama-Foundation/HighwayEnv,
    # scripts/sb3_highway_dqn.py), which trains for 20,000 decisions.
    "driver": {
        "dqn": Tuned(
            20_000,
            {
                "learning_rate": 5e-4,
                "buffer_size": 15_000,
                "learning_starts": 200,
                "batch_size": 32,
                "gamma": 0.8,
                "train_freq": 1,
                "gradient_steps": 1,
                "target_update_interval": 50,
            },
            WIDE,
        ),
    },
}
