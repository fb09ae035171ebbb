//! The content-addressed store, the action cache, the recipe index.
