"""``python -m models.fetch``"""

from models.fetch.command import main

if __name__ == "__main__":
    main()
