"""`python -m wraptui` is the same as `wraptui`."""

import sys

from wraptui.cli import main

sys.exit(main())
