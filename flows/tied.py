"""``python -m flows.tied <pid> <module>``: a module that ends with the process of that pid.

It is tied to it before it is loaded, which may take seconds.
"""

import sys
from runpy import run_module

from tasks.lifeline import hold

if __name__ == "__main__":
    hold(int(sys.argv.pop(1)))
    run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
