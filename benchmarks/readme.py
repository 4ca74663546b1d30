"""Puts the results tables into the README, so that no number there is typed by hand.

    python -m benchmarks.readme            # writes
    python -m benchmarks.readme --check    # exit code 1 where the README is not up to date

In the README, what stands between `<!-- results:NAME -->` and `<!-- /results -->` becomes the
summary of `benchmarks/results/NAME.md`: what that file has between its own summary marks, or
else its tables.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from benchmarks.runs import RESULTS, ROOT
from benchmarks.tables import END_SUMMARY, SUMMARY

BLOCK = re.compile(r"<!-- results:([\w-]+) -->.*?<!-- /results -->", re.DOTALL)


def summary_of(text: str, name: str) -> str:
    """The part of a results file that the README shows, and where the rest stands.

    Raises:
      ValueError: the file has neither a summary nor a table.
    """
    if SUMMARY in text and END_SUMMARY in text:
        shown = text.split(SUMMARY, 1)[1].split(END_SUMMARY, 1)[0].strip()
    else:
        rows = (line for line in text.splitlines() if line.startswith("|"))
        shown = "\n".join(rows)
    if not shown:
        raise ValueError(f"{name}.md has neither a summary nor a table")
    made = re.search(r"Made by `([^`]+)`", text)
    by = f" Made by `{made[1]}`." if made else ""
    return f"{shown}\n\n[All of it](benchmarks/results/{name}.md).{by}"


def rewritten(readme: str, results: Path) -> str:
    """The README with every marked block brought up to date; blocks without results stay."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        path = results / f"{name}.md"
        if not path.exists():
            return found[0]
        shown = summary_of(path.read_text(), name)
        return f"<!-- results:{name} -->\n{shown}\n<!-- /results -->"

    return BLOCK.sub(block, readme)


def main(arguments: list[str] | None = None) -> None:
    """Writes the README, or checks it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    asked = parser.parse_args(arguments)
    path = ROOT / "README.md"
    old = path.read_text()
    new = rewritten(old, RESULTS)
    if new != old and asked.check:
        print("README.md is behind its tables: run `python -m benchmarks.readme`")
        sys.exit(1)
    if new != old:
        path.write_text(new)
    print(f"README.md: {len(BLOCK.findall(new))} blocks of results, up to date")


if __name__ == "__main__":
    main()
