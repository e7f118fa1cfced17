//! A short label for a device, such as "Firefox, Windows", read from the `User-Agent` header.

/// The most characters of a client's own name that are shown.
const MAX_NAME_CHARACTERS: usize = 40;

/// Browsers by their mark in the header. The order matters: a header may also contain marks of browsers further down.
const BROWSERS: [(&str, &str); 14] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Whale/", "Whale"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Operating systems by their mark, in order like [`BROWSERS`].
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// Returns a label such as "Firefox, Windows" or "curl"; `None` if the header names nothing known.
///
/// A version is not shown, because browsers have frozen the rest of the header. Never decide anything by this label: a
/// client can send any header.
#[must_use]
pub fn device_label(user_agent: &str) -> Option<String> {
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| (*name).to_owned())
    };
    if !user_agent.starts_with("Mozilla/") {
        // Other clients send their name first: "curl/8.5.0", "python-requests/2.32".
        let name: String = user_agent.split(['/', ' ', '(']).next()?.chars().take(MAX_NAME_CHARACTERS).collect();
        let is_name = name.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
        return Some(name).filter(|name| is_name && !name.is_empty());
    }
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
        (browser, system) => browser.or(system),
    }
}

/// What a session is used on, for its icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A browser on a computer, or one that does not say.
    Desktop,
    /// A browser on a phone.
    Phone,
    /// A browser on a tablet that says so; an iPad calls itself a Mac.
    Tablet,
    /// A client that is no browser.
    Program,
}

impl DeviceKind {
    /// Reads the `User-Agent` header. Like the label, it decides nothing.
    #[must_use]
    pub fn of(user_agent: &str) -> Self {
        let has = |mark: &str| user_agent.contains(mark);
        if !user_agent.starts_with("Mozilla/") {
            return Self::Program;
        }
        // Android browsers name `Mobile` on phones only.
        if has("iPad") || has("Tablet") || (has("Android") && !has("Mobile")) {
            Self::Tablet
        } else if has("iPhone") || has("Mobile") {
            Self::Phone
        } else {
            Self::Desktop
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_read_from_the_header() {
        for (user_agent, kind) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", DeviceKind::Desktop),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Mobile/15E148 Safari/604.1", DeviceKind::Phone),
            ("Mozilla/5.0 (Linux; Android 10; K) Chrome/138.0.0.0 Mobile Safari/537.36", DeviceKind::Phone),
            ("Mozilla/5.0 (Linux; Android 10; K) Chrome/138.0.0.0 Safari/537.36", DeviceKind::Tablet),
            ("Mozilla/5.0 (Android 15; Tablet; rv:140.0) Gecko/140.0 Firefox/140.0", DeviceKind::Tablet),
            ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Mobile/15E148 Safari/604.1", DeviceKind::Tablet),
            ("curl/8.5.0", DeviceKind::Program),
        ] {
            assert_eq!(DeviceKind::of(user_agent), kind, "{user_agent}");
        }
    }

    #[test]
    fn label_names_the_browser_family_and_system_or_the_client() {
        for (user_agent, label) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Some("Firefox, Linux")),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
                Some("Chrome, Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
                Some("Edge, Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                Some("Safari, iPhone"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                Some("Samsung Internet, Android"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                Some("Safari, macOS"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("python-requests/2.32.3", Some("python-requests")),
            ("Mozilla/5.0", None),
            ("<script>alert(1)</script>", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(device_label(user_agent).as_deref(), label, "{user_agent}");
        }
        assert!(device_label(&"a".repeat(256)).is_some_and(|label| label.len() == MAX_NAME_CHARACTERS));
    }
}
