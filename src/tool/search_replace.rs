//! SEARCH/REPLACE blocks.
