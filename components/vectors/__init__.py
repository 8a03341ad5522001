"""The vectors of a version's items: as a file in its folder, and in the places that search them."""
