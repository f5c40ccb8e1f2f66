//! Holds only benches: see `benches/`.
