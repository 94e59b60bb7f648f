"""Use cases of listings: claims, publishing, changing, ending."""
