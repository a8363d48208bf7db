"""`python -m lambent` is `lambent`."""

import sys

from lambent.cli import main

sys.exit(main())
