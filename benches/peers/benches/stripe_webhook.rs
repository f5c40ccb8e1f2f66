//! A Stripe webhook, verified and read: by Paysluice, by hand, and by async-stripe-webhook, in one run.

fn main() {}
