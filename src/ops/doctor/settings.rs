//! Settings that are valid, but weak or probably not meant.

use super::Finding;
use crate::config::{self, Config, PasswordGrant, RegistrationMode};

const CHECK: &str = "settings";

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        config::environment_warnings().into_iter().map(|warning| Finding::warning(CHECK, warning)).collect();
    let mut warn = |text: String| findings.push(Finding::warning(CHECK, text));
    let public_url = &config.public_url;
    if !public_url.is_https() && !public_url.is_on_this_machine() {
        warn(format!(
            "PUBLIC_URL={public_url} is not https: passwords and cookies can be read on the way. Put a proxy with TLS in front"
        ));
    }
    if public_url.is_https() && config.trusted_proxies.is_empty() {
        warn("PUBLIC_URL is https and TRUSTED_PROXIES is empty: all people share the rate limits of the proxy's address. Set it to the address of the proxy".to_owned());
    }
    if config.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
        warn("TRUSTED_PROXIES contains every address: clients can claim any address, and no rate limit of a network holds. Name the proxies only".to_owned());
    }
    if config.registration == RegistrationMode::Open {
        warn("REGISTRATION=open: everyone with an email address can create an account. Use invite or closed, unless that is meant".to_owned());
    }
    if config.password_grant == PasswordGrant::Open {
        warn("PASSWORD_GRANT=open: any program can send usernames and passwords to /token. Use clients or off, if no program without a registration does".to_owned());
    }
    if let Some(address) = config.metrics_bind.filter(|address| !address.ip().is_loopback()) {
        warn(format!(
            "METRICS_BIND={address}: everyone who reaches this address can read the counters. Use a loopback address, or a firewall"
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "complete, and none is weak"));
    }
    findings
}
