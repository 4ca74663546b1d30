"""``python -m quickstudy`` is ``quickstudy``."""

import sys

from quickstudy.cli import main

sys.exit(main())
