"""Understanding of what buyers write. Pure."""

from search.query.domain.suggesting import Suggestion, make_suggestion, suggest
from search.query.domain.understanding import BrandWords, Lexicon, Part, SeriesWords, Understanding, understand

__all__ = ["BrandWords", "Lexicon", "Part", "SeriesWords", "Suggestion", "Understanding", "make_suggestion", "suggest", "understand"]
