//! Tests of the gateway in virtual time: a toy provider with a ledger, faults on command, and the ledger as the judge.

mod bank;
mod doubt;
mod joins;
mod toy;
mod world;
