//! CLIP towers: layout of their parameters, initial weights, cost.
