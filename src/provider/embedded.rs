//! A model on this machine, inside this program: llama.cpp in a child process of the same executable.

pub mod weights;
