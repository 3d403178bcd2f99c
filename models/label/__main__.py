"""``python -m models.label``"""

import sys

from models.label.command import main

if __name__ == "__main__":
    sys.exit(main())
