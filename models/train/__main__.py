"""``python -m models.train``"""

import os
import sys

from models.common.commands import CommandError, require
from models.train import arguments, threads

SETUP = "make install-train"


def main() -> int:
    arguments.parser().parse_args()  # --help and usage errors work without PyTorch
    if "WORLD_SIZE" not in os.environ:  # torchrun's processes would all be bound to the same core
        threads.bind()
    try:
        for package in ("torch", "onnx", "yaml"):
            require(package, SETUP)
    except CommandError as error:
        print(f"spotter: {error}", file=sys.stderr)
        return 1
    from models.train import command  # not earlier, since it imports PyTorch

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
