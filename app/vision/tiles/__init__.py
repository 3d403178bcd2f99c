"""Small things in large pictures: where a picture is cut, and one answer from all its parts."""
