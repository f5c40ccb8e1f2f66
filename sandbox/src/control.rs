//! The control interface under `/sandbox/`.
