//! Accessibility checks of the page that a browser has open: axe-core, forced colors, target size, keyboard and weight.

use serde_json::{Value, json};

use super::browser::Browser;

/// The most bytes of a page with its stylesheet and script, compressed: what a new TCP connection sends without waiting
/// for an acknowledgement.
const MAX_BYTES: u64 = 14 * 1024;
/// A list of every control, in page order.
const USABLE: &str = "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select')]";

/// The script of axe-core, which `bin/test` installs.
pub fn axe() -> String {
    std::fs::read_to_string("target/peers-npm/node_modules/axe-core/axe.min.js")
        .expect("axe-core is installed: bin/test does that")
}

/// The violations that axe-core finds, each with its elements.
pub async fn violations(browser: &Browser, axe: &str) -> Vec<String> {
    let tags = json!(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
    // The script is long: it is sent once to each page.
    let axe = if browser.evaluate("typeof window.axe").await == "object" { "" } else { axe };
    // Without `preload`: it would fetch the stylesheet again, which the page's policy does not allow.
    let script = format!(
        "{axe}; const done = arguments[arguments.length - 1]; axe.run(document, {{runOnly: {tags}, preload: false}}).then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' '))), e => done(['axe failed: ' + e]))"
    );
    let found = browser.client.execute_async(&script, vec![]).await.expect("axe runs");
    texts(&found)
}

/// Elements that move although the system asks for reduced motion.
pub async fn moving(browser: &Browser) -> Vec<String> {
    let script = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration != '0s').map(e => e.outerHTML.slice(0, 80))";
    texts(&browser.evaluate(script).await)
}

/// Elements lost in forced colors: a button, a field or a message without an edge or an underline, and text in the
/// color of its background.
pub async fn lost_in_forced_colors(browser: &Browser) -> Vec<String> {
    let is_forced = browser.evaluate("matchMedia('(forced-colors: active)').matches").await;
    assert_eq!(is_forced, true, "the browser emulates forced colors");
    let script = "[...document.querySelectorAll('button, .button, .message, input:not([type=hidden]):not([type=checkbox]), select')].filter(e => {
        const s = getComputedStyle(e);
        const hasEdge = s.borderTopStyle != 'none' && parseFloat(s.borderTopWidth) >= 1 && s.borderTopColor != s.backgroundColor;
        const isMarked = s.textDecorationLine == 'underline' || e.getAttribute('aria-current');
        return s.color == s.backgroundColor || !hasEdge && !isMarked;
    }).map(e => e.outerHTML.slice(0, 80))";
    texts(&browser.evaluate(script).await)
}

/// Controls smaller than 24 by 24 CSS pixels (WCAG 2.2, 2.5.8).
pub async fn too_small(browser: &Browser) -> Vec<String> {
    let script = format!(
        "{USABLE}.map(e => [e.getBoundingClientRect(), e]).filter(([r]) => r.width < 24 || r.height < 24).map(([r, e]) => `${{r.width}} by ${{r.height}}: ${{e.outerHTML.slice(0, 80)}}`)"
    );
    texts(&browser.evaluate(&script).await)
}

/// Elements that do not fit into a window of this width.
pub async fn too_wide(browser: &Browser, width: u32) -> Vec<String> {
    let script = format!(
        "[document.scrollingElement].filter(e => e.scrollWidth > {width}).concat([...document.querySelectorAll('main *, footer *')].filter(e => e.type != 'hidden' && e.getBoundingClientRect().right > {width}.5)).map(e => e.outerHTML.slice(0, 80))"
    );
    texts(&browser.evaluate(&script).await)
}

/// Presses Tab through the page and returns the errors: each control must be reached in order, show its focus, and be
/// within the window.
pub async fn keyboard_errors(browser: &Browser) -> Vec<String> {
    let count = browser.evaluate(&format!("{USABLE}.length")).await.as_u64().expect("a number");
    browser.evaluate("void (document.activeElement?.blur(), getSelection().removeAllRanges())").await;
    browser
        .evaluate(
            "void (document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'))",
        )
        .await;
    let (mut problems, mut above) = (Vec::new(), 0.0);
    for expected in 0..count {
        let tab = char::from(fantoccini::key::Key::Tab).to_string();
        browser.press(&tab).await;
        let script = format!(
            "(e => {{ const s = getComputedStyle(e), r = e.getBoundingClientRect();
                return [{USABLE}.indexOf(e), s.outlineStyle != 'none' && parseFloat(s.outlineWidth) >= 2, r.top + scrollY, r.top >= 0 && r.bottom <= innerHeight, e.outerHTML.slice(0, 80)]; }})(document.activeElement)"
        );
        let seen: Value = browser.evaluate(&script).await;
        // The alert comes before the fields and is not a tab stop.
        if seen[0] != expected {
            problems.push(format!("Tab {expected} leads to {seen}"));
        }
        if seen[1] == false || seen[3] == false {
            problems.push(format!("the focus is not visible on {seen}"));
        }
        let top = seen[2].as_f64().expect("a number");
        // Controls in one line may differ by a few pixels.
        if top < above - 8.0 {
            problems.push(format!("Tab {expected} leads back up to {seen}"));
        }
        above = top;
    }
    problems
}

/// The bytes of the page, its stylesheet and its script, each plain and compressed, as columns of a table. Panics when
/// anything else is loaded, or too much.
pub async fn weight(browser: &Browser, name: &str, is_styled: bool) -> String {
    let script = "performance.getEntries().filter(e => e.initiatorType).map(e => [new URL(e.name).origin == location.origin ? e.name : '', e.decodedBodySize, e.encodedBodySize])";
    let loaded: Vec<(String, u64, u64)> = serde_json::from_value(browser.evaluate(script).await).expect("entries");
    let of_kind = |is_of_kind: fn(&str) -> bool| -> Vec<&(String, u64, u64)> {
        loaded.iter().filter(|(url, ..)| is_of_kind(url)).collect()
    };
    let styles = of_kind(|url| url.contains("/static/style."));
    let scripts = of_kind(|url| url.contains("/static/password.") || url.contains("/static/times."));
    let pictures = of_kind(|url| url.contains("/favicon.") || url.contains("/static/logo."));
    assert_eq!((styles.len(), scripts.len() < 2), (usize::from(is_styled), true), "{name}: {loaded:?}");
    assert_eq!(1 + styles.len() + scripts.len() + pictures.len(), loaded.len(), "{name}: {loaded:?}");
    let parts = [loaded.first(), styles.first().copied(), scripts.first().copied()];
    let packed: u64 = parts.iter().flatten().map(|(_, _, packed)| packed).sum();
    assert!(packed <= MAX_BYTES && packed > 0, "{name}: {packed} bytes: {loaded:?}");
    let columns = parts.map(|part| part.map_or("| ".to_owned(), |(_, plain, packed)| format!("{plain} | {packed}")));
    columns.join(" | ")
}

fn texts(found: &Value) -> Vec<String> {
    let found = found.as_array().expect("a list").iter();
    found.map(|problem| problem.as_str().expect("text").to_owned()).collect()
}
