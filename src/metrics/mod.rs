//! Classification, retrieval, robustness, scaling laws: pure functions.
