//! The transport on reqwest.
/// Network settings.
#[derive(Debug)]
pub struct NetworkConfig;
/// Network.
#[derive(Debug)]
pub struct NetworkTransport;
