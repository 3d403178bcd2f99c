"""``python -m models.export``"""

from models.export.command import main

if __name__ == "__main__":
    main()
