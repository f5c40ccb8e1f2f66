//! Stripe's rules for amounts: currencies, minimums, steps. Source: docs.stripe.com/currencies.

use super::errors::ApiError;

const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad \
    cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr \
    isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn \
    nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top \
    try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw";

/// The least amount that can be charged, in the smallest unit. Currencies not listed: 1.
const MINIMUMS: &[(&str, i64)] = &[
    ("usd", 50),
    ("aed", 200),
    ("aud", 50),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
];

/// Checks an amount to charge.
pub(crate) fn chargeable(amount: i64, currency: &str) -> Result<(), ApiError> {
    supported(currency)?;
    let least = MINIMUMS.iter().find(|(code, _)| *code == currency).map_or(1, |(_, least)| *least);
    if amount < 1 {
        return Err(ApiError::invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1."));
    }
    if amount < least {
        let message = format!("Amount must be at least {least} {currency} in the smallest unit");
        return Err(ApiError::invalid("amount_too_small", "amount", message));
    }
    let most = match currency {
        "idr" => 999_999_999_999,
        "inr" => 999_999_999,
        _ => 99_999_999,
    };
    if amount > most {
        return Err(ApiError::invalid("amount_too_large", "amount", format!("Amount must be no more than {most} {currency}")));
    }
    stepped(amount, currency, "amount")
}

/// Checks that an amount stands on the currency's step.
pub(crate) fn stepped(amount: i64, currency: &str, param: &str) -> Result<(), ApiError> {
    let (step, code) = match currency {
        "isk" | "ugx" => (100, "invalid_charge_amount_no_decimal_compatible"),
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => (10, "parameter_invalid_integer"),
        _ => return Ok(()),
    };
    let message = format!("Invalid amount: {currency} amounts must be divisible by {step}");
    if amount % step == 0 { Ok(()) } else { Err(ApiError::invalid(code, param, message)) }
}

fn supported(currency: &str) -> Result<(), ApiError> {
    if SUPPORTED.split_whitespace().any(|code| code == currency) {
        return Ok(());
    }
    let message = format!("Invalid currency: {currency}. Currencies are lower-case ISO codes that Stripe supports.");
    Err(ApiError::invalid("parameter_invalid", "currency", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_the_currency() {
        let good = [(50, "usd"), (50, "jpy"), (500, "isk"), (500, "ugx"), (5120, "kwd"), (99_999_999, "eur"), (1, "clp")];
        for (amount, currency) in good {
            assert!(chargeable(amount, currency).is_ok(), "{amount} {currency}");
        }
        let bad = [
            (49, "usd", "amount_too_small"),
            (29, "gbp", "amount_too_small"),
            (100_000_000, "usd", "amount_too_large"),
            (550, "isk", "invalid_charge_amount_no_decimal_compatible"),
            (5, "ugx", "invalid_charge_amount_no_decimal_compatible"),
            (5124, "kwd", "parameter_invalid_integer"),
            (-5, "usd", "parameter_invalid_integer"),
            (500, "USD", "parameter_invalid"),
            (500, "xau", "parameter_invalid"),
        ];
        for (amount, currency, code) in bad {
            assert_eq!(chargeable(amount, currency).unwrap_err().fields["code"], code, "{amount} {currency}");
        }
    }
}
