//! What every adapter must keep, as tests.
