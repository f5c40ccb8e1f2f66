//! A shop whose orders are in the store's database: what is paid is booked once, in the commit that marks it as handled.
//!
//! `cargo run -p paysluice-sqltx --features tokio-postgres --example shop -- postgres://me@localhost/test`

use std::sync::Arc;
use std::time::Duration;

use paysluice::adapter::{Charge, Method};
use paysluice::env::{BoxFuture, Env};
use paysluice::gateway::{Call, Gateway, Handler, PaymentChannel, TellAgain, Told};
use paysluice::model::{Currency, Mode, Money, OrderNo};
use paysluice_postgres::{Options, PostgresStore, migrate};
use paysluice_sandbox::{Sandbox, SandboxConfig};
use paysluice_sqltx::StoreMarks;
use paysluice_stripe::{Stripe, StripeConfig};
use tokio::sync::{Mutex, Notify};
use tokio_postgres::{Client, NoTls};

type Fault = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug)]
struct Books {
    /// A pool, in a real shop.
    client: Mutex<Client>,
    marks: StoreMarks,
    booked: Notify,
}

impl Books {
    async fn book(&self, told: &Told) -> Result<Result<(), TellAgain>, Fault> {
        let mut client = self.client.lock().await;
        let mut tx = client.transaction().await?;
        // First of all, so that whoever comes too late has nothing to undo. Dropped, the transaction is rolled back.
        if let Some(answer) = self.marks.mark(&mut tx, told).await?.refused() {
            return Ok(answer);
        }
        let (order, state) = (told.payment.order_no.as_str(), told.payment.status.to_string());
        let booking = "INSERT INTO orders VALUES ($1, $2, 1)
            ON CONFLICT (no) DO UPDATE SET state = excluded.state, bookings = orders.bookings + 1";
        tx.execute(booking, &[&order, &state]).await?;
        tx.commit().await?;
        Ok(Ok(()))
    }
}

impl Handler for Books {
    fn handle<'a>(&'a self, told: &'a Told) -> BoxFuture<'a, Result<(), TellAgain>> {
        Box::pin(async move {
            let answer = self.book(told).await.unwrap_or_else(|error| {
                eprintln!("{} is told again: {error}", told.effect_key);
                // Also after a COMMIT whose answer was lost: if it was done, this is not told again.
                Err(TellAgain { after: Duration::from_secs(1) })
            });
            self.booked.notify_one();
            answer
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let url = std::env::args().nth(1).ok_or("the URL of a database to try it in")?;
    migrate(&url, &Options::default()).await?;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let env = Env::system();
    env.spawn(async move { drop(connection.await) });
    client
        .batch_execute("CREATE TABLE IF NOT EXISTS orders (no text PRIMARY KEY, state text NOT NULL, bookings int NOT NULL)")
        .await?;
    let marks = StoreMarks::of(&Options::default().schema)?;
    let books = Arc::new(Books { client: Mutex::new(client), marks, booked: Notify::new() });
    let gateway = gateway(&url, &env, books.clone()).await?;

    let order = OrderNo::new(format!("order-{}", env.rng().next_u64()))?;
    gateway
        .charge(
            Charge::new(order.clone(), Money::new(1999, Currency::EUR)?, Method::Token("pm_card_visa".into())),
            Call::default(),
        )
        .await?;
    books.booked.notified().await;
    let booked =
        books.client.lock().await.query_one("SELECT state, bookings FROM orders WHERE no = $1", &[&order.as_str()]).await?;
    println!("{order} is {}, booked {} time", booked.try_get::<_, String>(0)?, booked.try_get::<_, i32>(1)?);
    Ok(())
}

/// A gateway to a toy bank.
async fn gateway(url: &str, env: &Env, books: Arc<Books>) -> Result<Gateway, Fault> {
    let sandbox = Sandbox::new(env.clone(), SandboxConfig::default());
    let credentials = sandbox.credentials();
    let account = paysluice::model::AccountRef::new("stripe", Mode::Test, &credentials.account)?;
    let stripe = Stripe::new(StripeConfig::new(account, credentials.secret_key.clone()))?;
    let store = PostgresStore::connect(url, Options::default()).await?;
    let builder = Gateway::builder(Arc::new(stripe), sandbox.transport(), Arc::new(store), env.clone());
    Ok(builder.unsealed().handler(books).build()?)
}
