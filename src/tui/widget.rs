//! Small parts that views are made of.

pub mod fuzzy;
pub mod list;
pub mod rich;
pub mod text_area;
