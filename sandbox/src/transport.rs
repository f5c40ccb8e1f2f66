//! The sandbox as a transport in the same process, on whatever clock its world has.

use paysluice::adapter::{Reply, Request};
use paysluice::env::BoxFuture;
use paysluice::transport::{Limits, Transport, TransportError};
use tokio::sync::oneshot;

use crate::fault::Fault;
use crate::{Exchange, Sandbox};

/// Sends into the sandbox. A request that was sent arrives, even if nobody waits for its answer any more.
#[derive(Debug)]
pub(crate) struct InProcess(Sandbox);

impl InProcess {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self(sandbox)
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Reply, TransportError>> {
        Box::pin(async move {
            let fault = self.0.fault_for(&request);
            if fault == Fault::Refuse {
                return Err(TransportError::Unsent("connection refused".to_owned()));
            }
            let (answer, answered) = oneshot::channel();
            let sandbox = self.0.clone();
            self.0.env().spawn(async move {
                let env = sandbox.env().clone();
                env.sleep(sandbox.half_way()).await;
                let (shown, way_back) = match sandbox.arrive(&request, fault) {
                    Exchange::Whole(reply, way_back) => (Some(reply), way_back),
                    Exchange::Cut(_, way_back) | Exchange::Closed(way_back) => (None, way_back),
                };
                env.sleep(way_back).await;
                // The caller may have gone; the bank does not mind.
                let _ = answer.send(shown);
            });
            let reply = tokio::select! {
                biased;
                reply = answered => reply.ok().flatten(),
                () = self.0.env().sleep(limits.timeout) => return Err(TransportError::Lost("timed out".to_owned())),
            };
            match reply {
                None => Err(TransportError::Lost("connection closed before the whole answer".to_owned())),
                Some(reply) if reply.body.len() > limits.reply_cap => {
                    Err(TransportError::Lost("the answer is too large".to_owned()))
                }
                Some(reply) => Ok(reply),
            }
        })
    }
}
