//! What operators see: lists and one order whole, as tables for people or JSON for programs.

use std::io::{self, Write};
use std::process::ExitCode;

use paysluice::callback::DeadLetter;
use paysluice::gateway::{Gateway, OrderView, Page, Wanted};
use paysluice::model::Error;
use serde::Serialize;

use super::args::{DeadAsk, ListAsk, Only, OrderAsk, PageAsk};
use super::{failed, table, unwritten};

const STORE: &str = "`paysluice doctor` checks the store";

pub(super) async fn list(gateway: &Gateway, ask: &ListAsk, json: bool) -> Result<ExitCode, String> {
    let wanted = match ask.only {
        Only::All => Wanted::All,
        Only::Blocked => Wanted::Blocked,
        Only::Pending => Wanted::Pending,
        Only::Unpaid => Wanted::Unpaid,
    };
    let page = gateway.list(wanted, ask.after.as_ref(), ask.max).await;
    paged(page, json, "no such orders", table::orders)
}

pub(super) async fn open(gateway: &Gateway, ask: &PageAsk, json: bool) -> Result<ExitCode, String> {
    let page = gateway.open_operations(ask.after.as_deref(), ask.max).await;
    if let Ok(Some(pause)) = gateway.paused().await {
        eprintln!("paysluice: charges are paused by {}: {}", pause.by, pause.why);
    }
    paged(page, json, "nothing is unfinished", table::operations)
}

pub(super) async fn audit(gateway: &Gateway, ask: &PageAsk, json: bool) -> Result<ExitCode, String> {
    let page = gateway.audit(ask.after.as_deref(), ask.max).await;
    paged(page, json, "nothing was changed by hand", table::audit)
}

pub(super) async fn dead(gateway: &Gateway, ask: &DeadAsk, json: bool) -> Result<ExitCode, String> {
    let letters = match gateway.dead_letters(ask.max).await {
        Ok(letters) => letters,
        Err(error) => return failed(error, json, STORE),
    };
    let mut out = io::stdout().lock();
    let written = if json {
        writeln!(out, "{}", serde_json::json!({"items": letters}))
    } else if letters.is_empty() {
        writeln!(out, "no callback is dead")
    } else {
        writeln!(out, "{}", table::dead(&letters))
    };
    written.map(|()| ExitCode::SUCCESS).map_err(unwritten)
}

pub(super) async fn inspect(gateway: &Gateway, ask: &OrderAsk, json: bool) -> Result<ExitCode, String> {
    let hint =
        format!("`paysluice store list --gateway {}` lists orders; one that was made elsewhere can be adopted", ask.gateway);
    let view = match gateway.inspect(&ask.order).await {
        Ok(view) => view,
        Err(error) => return failed(error, json, &hint),
    };
    let dead = match gateway.dead_letters_of(&ask.order).await {
        Ok(dead) => dead,
        Err(error) => return failed(error, json, STORE),
    };
    print_order(&view, &dead, json).map_err(unwritten)?;
    Ok(ExitCode::SUCCESS)
}

/// An order with its dead callbacks, as programs read it.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    order: &'a OrderView,
    dead: &'a [DeadLetter],
}

pub(super) fn print_order(order: &OrderView, dead: &[DeadLetter], as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        serde_json::to_writer(&mut out, &Whole { order, dead })?;
        return writeln!(out);
    }
    writeln!(out, "order {}: {}", order.order_no, order.money)?;
    writeln!(out, "\n{}", table::attempts(order))?;
    writeln!(out, "\noperations\n{}", table::operations(&order.operations))?;
    if !order.tells.is_empty() {
        writeln!(out, "\ntold\n{}", table::tells(&order.tells))?;
    }
    if !dead.is_empty() {
        writeln!(out, "\ndead callbacks\n{}", table::dead(dead))?;
    }
    if !order.audit.is_empty() {
        writeln!(out, "\nchanged by hand\n{}", table::audit(&order.audit))?;
    }
    Ok(())
}

fn paged<T: Serialize>(
    page: Result<Page<T>, Error>,
    as_json: bool,
    none: &str,
    table: fn(&[T]) -> comfy_table::Table,
) -> Result<ExitCode, String> {
    let page = match page {
        Ok(page) => page,
        Err(error) => return failed(error, as_json, STORE),
    };
    print_page(&page, as_json, none, table).map_err(unwritten)?;
    Ok(ExitCode::SUCCESS)
}

fn print_page<T: Serialize>(page: &Page<T>, as_json: bool, none: &str, table: fn(&[T]) -> comfy_table::Table) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        serde_json::to_writer(&mut out, page)?;
        return writeln!(out);
    }
    match (page.items.is_empty(), &page.next) {
        (true, None) => writeln!(out, "{none}")?,
        (true, Some(_)) => writeln!(out, "none so far")?,
        (false, _) => writeln!(out, "{}", table(&page.items))?,
    }
    match &page.next {
        Some(next) => writeln!(out, "\nmore: --after {next}"),
        None => Ok(()),
    }
}
