//! From two versions of a file to hunks and back.
