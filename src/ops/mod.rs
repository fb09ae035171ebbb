//! One function per command, no terminal: the library's front door.
