"""What an interactive command's process is started with: ``python -I -S host_terminal.py FD``, on the operator's terminal.

This file is compiled at every start, so it only finds the package and hands over.
"""

import sys

sys.path.append(__file__.rpartition("/console/runbook/")[0])

from console.runbook.interactive import main

main(int(sys.argv[1]))
