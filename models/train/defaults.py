"""Defaults that the options show. This module does not import PyTorch."""

RATE, FINE_RATE = 0.02, 0.005
"""Highest learning rate, from scratch and with ``--from``."""
WARM_UP, FINE_WARM_UP = 300, 100
"""Steps until the rate is reached, from scratch and with ``--from``."""
EPOCHS = 100.0
SIDE, BATCH, STORED_SIDE = 320, 32, 352
LICENSE = "unknown"
DECAY = 0.03
"""Weight decay."""
MOSAIC = 0.5
"""Share of pictures made from four photos."""
MIXUP = 0.05
"""Share of pictures blended with a second one (Zhang et al., 2018, arXiv:1710.09412)."""
GUIDED = 0.45
"""Share of the run with a teacher in the loop; its weight falls to 0 by then."""
