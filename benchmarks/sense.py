"""Early sense: does worth foretell failure, is spread calibrated, does giving up cost much?

    python -m benchmarks.sense             # everything, appended run by run; goes on with --resume
    python -m benchmarks.sense --quick     # one seed of development, small: minutes
    python -m benchmarks.sense --table     # only writes the table and the picture again

Three questions, one process a run:

* *foresight*: a learner works until it is half-skilled: until the first check at which 30 to
  70 % of its frozen episodes succeed (or to the end of its steps, and the check nearest to a
  half counts). Then it acts, frozen, on other worlds. At a tenth, a quarter and a half of the
  *nominal* episode (the time limit), among the episodes still under way, does the worth of
  that decision tell those that will fail? Also at the same shares of each episode's *own*
  length, which only hindsight knows. Success: CartPole at its bar, the driver unhurt to the
  end.
* *coverage*: the share of decisions whose discounted return lay within worth ± 1.645 spread.
  While learning: as it was said before anything of the episode was known, against
  `report.came` (beyond a truncation, the last worth), of decisions early enough that 90 % of
  that return did come (all of them, where no decision of a whole episode is that early).
  Frozen: the time limit is lifted until 98 % of the return of each decision has come. Worth
  can't know the time limit, as nothing the job shows tells the time: it means what
  `types.End` says, that a truncated episode's value goes on.
* *giving up*: `work --stop-hopeless RATE` beside plain work; see `benchmarks.hopeless`.

Seeds 100 to 104 were never used in development (0 to 4 were).
"""
