//! The sandbox as a real HTTP server, whose faults happen on the socket.
/// Handle.
#[derive(Debug)]
pub struct ServerHandle;
