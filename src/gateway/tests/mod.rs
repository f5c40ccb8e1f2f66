//! Tests of the gateway in virtual time: a toy provider with a ledger, faults on command, and the ledger as the judge.

mod attempts;
mod bank;
mod callbacks;
mod doubt;
mod joins;
mod parts;
mod simulation;
mod stores;
mod told;
mod toy;
mod watch;
mod wish;
mod world;
