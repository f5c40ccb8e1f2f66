//! Tests on real servers: the one that `PAYSLUICE_TEST_REDIS` names, and servers of a test's own that are killed and emptied.

mod conformance;
mod lease;
mod limiter;
mod outages;
mod processes;
mod server;
mod tls;
