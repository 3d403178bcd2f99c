"""``python -m models.fetch``"""

import sys

from models.fetch.command import main

if __name__ == "__main__":
    sys.exit(main())
