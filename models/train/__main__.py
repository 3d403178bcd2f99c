"""``python -m models.train``"""

import sys

from models.train import threads

if __name__ == "__main__":
    threads.bind()
    from models.train.command import main  # not before: it imports PyTorch

    sys.exit(main())
