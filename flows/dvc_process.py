"""DVC's command line as a process that ends with the flow that started it."""

import sys

from tasks.lifeline import hold

if __name__ == "__main__":
    hold()
    from dvc.cli import main

    sys.exit(main(sys.argv[1:]))
