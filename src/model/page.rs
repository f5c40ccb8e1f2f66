//! A page that posts a payer's form by itself, with every value escaped.

use super::NextAction;

impl NextAction {
    /// A page of HTML (UTF-8) that posts the form from the payer's browser at once, or by a button where scripts are off. `None` for
    /// actions that are no form.
    pub fn page(&self) -> Option<String> {
        let Self::Form { url, fields } = self else { return None };
        let mut page =
            String::from(r#"<!DOCTYPE html><html><head><meta charset="utf-8"></head><body onload="document.forms[0].submit()">"#);
        for part in [r#"<form method="post" accept-charset="utf-8" action=""#, &escaped(url), r#"">"#] {
            page.push_str(part);
        }
        for (name, value) in fields {
            let parts = [r#"<input type="hidden" name=""#, &escaped(name), r#"" value=""#, &escaped(value), r#"">"#];
            page.extend(parts);
        }
        page.push_str(r#"<noscript><button type="submit">&#8594;</button></noscript></form></body></html>"#);
        Some(page)
    }
}

/// A text within an attribute in double quotes. Line ends are written as such, or a browser would change them.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#13;"),
            '\n' => out.push_str("&#10;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_leaves_its_attribute() {
        let odd = "\"><script>alert('1')</script>&amp;\r\n元";
        let form =
            NextAction::Form { url: "https://provider.test/pay?a=1&b=2".into(), fields: vec![("a\"b".into(), odd.into())] };
        let page = form.page().unwrap();
        assert!(page.contains(r#"action="https://provider.test/pay?a=1&amp;b=2""#), "{page}");
        let field = r#"<input type="hidden" name="a&quot;b" value="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;&#13;&#10;元">"#;
        assert!(page.contains(field) && !page.contains("<script"), "{page}");
        assert_eq!(NextAction::Redirect("https://provider.test".into()).page(), None);
    }
}
