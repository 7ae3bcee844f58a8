"""`python3 -m twinpath`: the command line."""

import sys

from .cli.app import main
from .interrupts import as_interrupt

as_interrupt()
sys.exit(main(sys.argv[1:]))
