"""``python -m models.quantize``"""

from models.quantize.command import main

if __name__ == "__main__":
    main()
