"""Finding jobs by name, and what is said where there is none."""

import sys

import gymnasium
import pytest
from toy_jobs import Toy

from quickstudy import hooks
from quickstudy.errors import JobFailed, UnknownJob, UnknownShift
from quickstudy.jobs import registry as registry_module
from quickstudy.jobs.entry import Entry
from quickstudy.jobs.registry import Registry, install_command, is_installed, registry


@pytest.fixture
def jobs():
    known = Registry()
    known.add(Entry("greeter", "greets", Toy, gym_id="Greet/Toy-v0", step_seconds=2.0))
    known.add(Entry("diver", "dives", Toy, "diving==1.2", "diver", module="diving_gym"))
    known.add(Entry("miner", "mines", Toy, "mining==3", module="mining.deep"))
    return known


@pytest.mark.parametrize("name", ["greeter", "Greeter", "Greet/Toy-v0", "greet/toy-V0"])
def test_found_by_name_or_id_in_any_case(jobs, name):
    assert jobs.find(name).name == "greeter"


def test_made_with_what_the_catalogue_knows(jobs):
    job = jobs.make("greeter")
    assert (job.name, job.spec.step_seconds) == ("greeter", 2.0)


def test_the_catalogue_is_listed_installed_or_not(jobs):
    assert [e.name for e in jobs.entries()] == ["greeter", "diver", "miner"]
    assert [is_installed(e) for e in jobs.entries()] == [True, False, False]
    assert [install_command(e) for e in jobs.entries()] == [
        "",
        "pip install 'quickstudy[diver]'",
        "pip install 'mining==3'",
    ]


def test_looking_does_not_import(jobs):
    jobs.add(Entry("smith", "forges", Toy, module="this"))
    sys.modules.pop("this", None)
    assert is_installed(jobs.find("smith")) and "this" not in sys.modules


def test_a_name_is_taken_once(jobs):
    with pytest.raises(ValueError, match="'Greeter' is registered twice"):
        jobs.add(Entry("Greeter", "again", Toy))


@pytest.mark.parametrize("name", ["CartPole-v1", "cartpole-v1", "gymnasium:CartPole-v1"])
def test_any_gymnasium_id_is_a_job(jobs, name):
    entry = jobs.find(name)
    assert (entry.name, entry.bar) == ("CartPole-v1", 475.0)
    job = jobs.make(name)
    assert job.spec.max_steps == 500
    assert "PassiveEnvChecker" not in str(job.env)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("greter", ["Unknown job 'greter'", "Did you mean 'greeter'?", "quickstudy jobs"]),
        ("CartPol-v1", ["Did you mean 'CartPole-v1'?"]),
        ("qqqqqq", ["Unknown job 'qqqqqq'. `quickstudy jobs`"]),
        ("diver", ["'diver' is known", "not installed", "pip install 'quickstudy[diver]'"]),
        ("miner", ["pip install 'mining==3'"]),
        ("no_such_module:Job-v0", ["module 'no_such_module'", "install the package"]),
        ("gymnasium:Nothing-v0", ["Unknown job 'gymnasium:Nothing-v0'"]),
    ],
)
def test_unknown_jobs_are_explained(jobs, name, words):
    with pytest.raises(UnknownJob) as error:
        jobs.find(name)
    assert all(word in str(error.value) for word in words), error.value


def raising(error):
    def make():
        raise error

    return make


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ImportError("no libsumo"), UnknownJob, r"quickstudy\[x\]'.*no libsumo"),
        (gymnasium.error.DependencyNotInstalled("mujoco"), UnknownJob, "mujoco"),
        (ValueError("no\nmap"), JobFailed, "'x' raised ValueError while it was built: no map"),
    ],
)
def test_a_job_that_cannot_be_built_is_explained(jobs, error, kind, words):
    jobs.add(Entry("x", "breaks", raising(error), extra="x"))
    with pytest.raises(kind, match=words):
        jobs.make("x")


def test_the_default_registry_comes_through_the_plugins_door():
    names = [entry.name for entry in registry().entries()]
    assert "anaesthetist" in names and "probe/delayed" in names
    assert registry() is registry()


def test_a_broken_plugin_is_named_and_the_others_come(monkeypatch):
    def broken(_):
        raise AttributeError("no such thing")

    def sound(known):
        known.add(Entry("greeter", "greets", Toy))

    monkeypatch.setattr(hooks, "plugins", lambda: [("bad", broken), ("good", sound)])
    with pytest.warns(UserWarning, match=r"Plugin 'bad' .*AttributeError: no such thing"):
        filled = registry_module.registry.__wrapped__()
    assert [e.name for e in filled.entries()] == ["greeter"]


def test_a_plugin_that_cannot_be_imported_fails_only_when_it_is_called(monkeypatch):
    class Point:
        name = "gone"

        def load(self):
            raise ModuleNotFoundError("gone")

    monkeypatch.setattr(hooks.metadata, "entry_points", lambda group: [Point(), Point()])
    found = list(hooks.plugins())
    assert [name for name, _ in found] == ["gone", "gone"]
    with pytest.raises(ModuleNotFoundError):
        found[0][1](Registry())


def test_a_parameter_is_moved_where_the_entry_says_how(jobs):
    built = []

    def moved(by):
        built.append(by)
        return Toy()

    jobs.add(Entry("weightlifter", "lifts", Toy, shifts={"gravity": moved}))

    assert jobs.make("weightlifter", "gravity", 0.5).name == "weightlifter"
    assert built == [0.5]
    with pytest.raises(UnknownShift, match=r"no 'gravitty' that can be moved\. Did you mean"):
        jobs.make("weightlifter", "gravitty")
    with pytest.raises(UnknownShift, match="It has: none"):
        jobs.make("greeter", "gravity")
