"""DVC's command line, after the pid of the flow that it ends with."""

import sys

from tasks.lifeline import hold

if __name__ == "__main__":
    hold(int(sys.argv[1]))
    from dvc.cli import main

    from flows.odd_entries import pass_over_odd_entries

    pass_over_odd_entries()
    sys.exit(main(sys.argv[2:]))
