"""``python -m models.evaluate``"""

from models.evaluate.command import main

if __name__ == "__main__":
    main()
