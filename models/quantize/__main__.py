"""``python -m models.quantize``"""

import sys

from models.quantize.command import main

if __name__ == "__main__":
    sys.exit(main())
