"""Tokens for each thing counted in a text, per family of tokenizers."""

from __future__ import annotations

NAMES = (
    "claude-estimate",  # Claude since Opus 4.7
    "claude-3-estimate",  # Claude 3 to Opus 4.6, Sonnet 4.6 and Haiku 4.5
    "gemini-estimate",  # Gemma 3
    "llama-estimate",  # Llama 3
    "mistral-estimate",  # Tekken: Mistral Nemo and later
    "generic-estimate",  # the mean of o200k_base, Gemma 3, Llama 3 and Tekken
)
# Written by benchmarks/fit_estimates.py. A row may hold a number that no tokenizer has for that
# sign alone: the rows are fitted together.
WEIGHTS: dict[str, tuple[float, ...]] = {
    "words": (0.575, 0.694, 0.618, 0.637, 0.506, 0.574),
    "letters": (0.118, 0.054, 0.068, 0.072, 0.106, 0.087),
    "words: letters // 5": (0.292, 0.029, 0.057, 0.123, 0.000, 0.033),
    "words: letters // 8": (0.528, 0.087, 0.040, 0.186, 0.081, 0.093),
    "words: letters // 12": (1.082, 1.229, 0.168, 0.159, 0.201, 0.146),
    "capitals": (0.513, 0.115, 0.055, 0.003, 0.172, 0.056),
    "capital before a small letter": (0.559, 0.444, 0.249, 0.135, 0.000, 0.177),
    "letter after punctuation": (1.084, 1.144, 0.952, 0.508, 0.496, 0.627),
    "numbers": (1.694, 1.325, 1.151, 1.095, 0.800, 1.081),
    "digits": (0.000, 0.000, 0.441, 0.167, 0.755, 0.330),
    "digits // 3": (0.597, 0.804, 1.516, 0.308, 0.728, 0.914),
    "number after a space": (1.050, 1.092, 0.561, 1.105, 0.923, 0.899),
    "punctuation after a digit": (0.049, 0.496, 0.467, 0.588, 0.371, 0.496),
    "punctuation": (0.211, 0.031, 0.044, 0.030, 0.105, 0.060),
    "punctuation after a space": (0.813, 0.571, 0.481, 1.041, 0.751, 0.809),
    "space after punctuation": (0.319, 0.684, 0.586, 0.284, 0.429, 0.433),
    "line end after punctuation": (0.340, 0.488, 0.748, 0.000, 0.000, 0.000),
    "spaces // 2": (0.029, 0.119, 0.090, 0.079, 0.079, 0.084),
    "spaces // 8": (0.478, 0.000, 0.000, 0.000, 0.000, 0.000),
    "indented lines": (0.575, 0.652, 0.745, 0.119, 0.283, 0.408),
    "tabs": (1.077, 1.048, 0.959, 0.995, 1.061, 0.975),
    "line ends": (0.746, 0.788, 0.690, 0.581, 0.655, 0.659),
    "comma and space": (0.529, 0.093, 0.480, 0.000, 0.358, 0.275),
    "slashes": (0.134, 0.073, 0.026, 0.117, 0.110, 0.094),
    "letters z q x j k w": (0.537, 0.340, 0.405, 0.337, 0.397, 0.389),
    "ch": (0.690, 0.682, 0.357, 0.446, 0.330, 0.411),
    "ei": (3.632, 2.642, 0.610, 2.609, 1.119, 1.213),
    "un": (0.899, 0.716, 0.283, 0.239, 0.074, 0.182),
    "words of other scripts": (0.368, 0.376, 0.000, 0.000, 0.000, 0.000),
    "letters after one of another script": (0.604, 0.721, 0.000, 0.000, 0.000, 0.000),
    "words of other scripts: letters // 4": (0.103, 0.000, 0.194, 0.156, 0.000, 0.122),
    "latin with marks": (1.798, 1.501, 1.078, 1.294, 1.360, 1.237),
    "combining marks": (0.182, 0.144, 1.380, 1.901, 2.662, 1.951),
    "greek": (0.690, 0.706, 0.387, 0.408, 0.434, 0.406),
    "cyrillic": (0.355, 0.373, 0.293, 0.349, 0.372, 0.341),
    "armenian": (0.651, 0.672, 0.527, 1.924, 0.408, 0.794),
    "hebrew": (0.754, 0.779, 0.535, 1.181, 0.557, 0.689),
    "arabic": (0.702, 0.725, 0.368, 0.415, 0.367, 0.382),
    "thai": (0.922, 0.948, 0.309, 0.471, 0.585, 0.442),
    "devanagari": (0.789, 0.804, 0.295, 0.613, 0.481, 0.451),
    "other scripts of india": (0.984, 1.004, 0.274, 1.454, 0.522, 0.669),
    "georgian, khmer and others": (0.707, 0.731, 0.443, 2.096, 0.536, 0.862),
    "typographic signs": (2.020, 1.614, 1.027, 1.115, 1.396, 1.220),
    "box drawing": (0.615, 0.692, 0.546, 0.533, 1.160, 0.674),
    "symbols and older emoji": (2.678, 2.687, 2.021, 2.306, 2.693, 2.299),
    "kana": (0.764, 0.773, 0.403, 0.640, 0.622, 0.583),
    "cjk punctuation": (1.413, 1.315, 0.935, 0.512, 0.650, 0.714),
    "cjk ideographs": (1.113, 1.127, 0.675, 0.885, 1.073, 0.873),
    "hangul": (1.405, 1.420, 0.695, 0.816, 0.746, 0.754),
    "full-width forms": (2.907, 3.038, 1.680, 1.673, 2.333, 1.876),
    "emoji": (2.740, 2.746, 1.500, 2.759, 3.884, 2.507),
    "other beyond U+FFFF": (4.266, 4.281, 3.493, 3.842, 3.976, 3.871),
    "variation selectors and joiners": (2.977, 3.005, 0.000, 0.000, 0.000, 0.000),
}
