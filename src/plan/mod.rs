//! An experiment to a graph of actions: expand, lockfile, explain; no I/O, clock or floats.
