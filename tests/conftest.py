"""Makes `vectorfiles` importable from every test folder, and keeps hypothesis quiet about time."""

import os
import signal
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# Programs that tests start import the package that is installed, as the tests do, not the folder
# they are started in: that one may have no compiled kernel.
os.environ["PYTHONSAFEPATH"] = "1"

settings.register_profile("project", deadline=None, max_examples=60)
settings.load_profile("project")

# A run in the background starts with Ctrl-C ignored, and so would the programs that tests start
# and interrupt; a handler of ours here is the default in them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
