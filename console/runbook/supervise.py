"""What a supervisor process is started with: ``python -I -S supervise.py FD``.

This file is compiled at every start, so it only finds the package and hands over.
"""

import sys

sys.path.append(__file__.rpartition("/console/runbook/")[0])

from console.runbook.supervisor import main

main(int(sys.argv[1]))
