"""Figures that the options show as defaults; nothing here imports PyTorch."""

RATE, FINE_RATE = 0.02, 0.005
"""Highest learning rate, from scratch and with ``--from``."""
EPOCHS = 100.0
DECAY = 0.03
"""Of weights."""
MOSAIC = 0.5
"""Share of pictures made of four photos."""
MIXUP = 0.05
"""Share of pictures blended with a second one (Zhang et al., 2018, arXiv:1710.09412)."""
GUIDED = 0.45
"""Share of the run in which a teacher in the loop is followed; its weight falls to 0 until then."""
