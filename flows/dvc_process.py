"""DVC's command line as a process that ends with the flow that started it."""

import sys

from tasks.lifeline import hold

if __name__ == "__main__":
    hold()
    from dvc.cli import main

    from flows.odd_entries import pass_over_odd_entries

    pass_over_odd_entries()
    sys.exit(main(sys.argv[1:]))
