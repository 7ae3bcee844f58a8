"""`python3 -m twinpath`: the command line."""

import sys

from .cli.app import main

sys.exit(main(sys.argv[1:]))
