"""What the doctor calls much, little, long and sure: every threshold, with its unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How long the doctor looks, and from where on it speaks up.

    A share is of 1; "spread" is a standard deviation.
    """

    # How long
    steps: int = 5_000  # with random actions, at most
    seconds: float = 60.0  # wall clock for all that steps the job, at most
    extra_steps: int = 15_000  # in replays and comparisons, at most
    longest: int = 1_000  # steps of an episode; longer ones are cut, so that there are several
    numbers: int = 20_000_000  # observation entries kept; wide jobs are worked for less

    # Entries of the observation
    large: float = 1e3  # magnitude in the job's units
    small_share: float = 1e-3  # of the median spread of all entries
    lost: float = 1e5  # |mean| / spread; float32 holds seven digits
    invisible: float = 1e-6  # spread / (1 + |mean|); the normaliser divides by no less
    twin_residue: float = 1e-8  # share of variance that a pair does not have in common
    most_pairs: int = 512  # entries compared with each other; more are sampled

    # Rewards
    huge_square: float = 1e8  # mean square, in the job's units squared
    tiny_square: float = 1e-8  # the same
    outlier: float = 50.0  # times the 99th percentile of |reward - median|
    late_share: float = 0.9  # of what rewards vary, that falls on the last step of episodes
    confident: float = 0.95  # of every interval
    surprise: float = 0.05  # p-value below which policies differ

    # Endings
    same_ends: int = 5  # terminated episodes before their lengths say anything
    spike_share: float = 0.2  # of them at exactly the longest length
    tells_time: float = 0.98  # R² of the step's number from the observation

    # Seeds and replays
    seeds: int = 5  # worlds compared
    compared_steps: int = 100  # of each
    rounding: float = 1e-5  # relative difference that may be arithmetic
    points: int = 24  # situations in which other actions are tried
    deepest: int = 60  # steps before such a situation
    follow: int = 3  # steps watched after it
    options: int = 12  # of one choice, tried in one situation
    least_points: int = 8  # situations shared by options before they count as the same
    policies: int = 7  # constant ones compared
    policy_seeds: int = 8  # worlds on which they are
    least_worlds: int = 4  # of them for which the budget should last

    # Prediction
    features: int = 192  # random ones
    widest: int = 96  # numbers of an observation used; of wider ones, principal components
    folds: int = 5
    least_rows: int = 200
    least_episodes: int = 5
    least_events: int = 40  # rows that differ from the usual value
    resamples: int = 500
    history_share: float = 0.2  # of what is left unexplained, that history must remove
    history_gain: float = 0.05  # of all the variance, that it must remove as well
    predictable: float = 0.05  # R²

    # Oracles (see `quickstudy.clinic.oracles`)
    oracle_record: int = 2_000  # steps at random, at most
    oracle_steps: int = 120_000  # in plans, trials and searches together, at most
    oracle_seconds: float = 120.0  # wall clock of them, at most
    oracle_worlds: int = 100  # on which plans are tried
    plans: int = 6  # tried on each world; the best is what trials change
    tried: int = 8  # actions compared in one situation, at most
    most_trials: int = 600  # situations
    widest_shown: int = 1_024  # entries of an observation kept; of wider ones, some by chance
    sight_worlds: int = 40  # on which what is shown is followed, and others act blindly
    times_longer: int = 10  # episodes, where the time limit is a wrapper's
    sure: float = 4.0  # standard errors
    least_late: int = 5  # situations in which an action mattered, to see how late it pays
    least_decisive: int = 25  # situations in which an action mattered, to say why
    adds_share: float = 0.1  # of what hindsight gains, that history or state must add
    told: float = 0.1  # of what hindsight gains, below which nothing tells what to do
    untold: float = 0.25  # of it; what may lie above, by two errors, is not called untold
    blindly: float = 0.6  # of it, from which acting without looking is good enough
    seen_share: float = 0.05  # of what actions change, that the discount must leave
    drowned: float = 3_000.0  # decisions to tell the better action, from which noise has won
    more_data: int = 4  # times as many steps and situations, where so many do not say
