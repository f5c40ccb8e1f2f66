//! Tests of the gateway in virtual time: a toy provider with a ledger, faults on command, and the ledger as the judge.

mod abandon;
mod adopt;
mod attempts;
mod bank;
mod callbacks;
mod confirm;
mod doubt;
mod duty;
mod joins;
mod operator;
mod parts;
mod pause;
mod query_refund;
mod renew;
mod reverse;
mod service;
mod simulation;
mod stores;
mod told;
mod toy;
mod view;
mod watch;
mod wish;
mod world;
