//! Board
pub mod attention;
pub mod cells;
pub mod order;
#[cfg(test)]
mod sample;
