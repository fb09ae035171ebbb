//! The stories: one file each, one binary for all of them.

mod architecture;
